import type { Driver } from './driver.ts'
import type { ModelNode } from './model-node.ts'
import { ModelTime } from './model-time.ts'
import { CALLERS, type List, ROOT_CALLER } from './operation.ts'
import { SeededRandom } from './seeded-random.ts'

/** Files up to this size are read whole; of larger ones what was written, its surroundings, and some holes. */
const WHOLE_FILE_BYTES = 512 * 1024
const READ_BYTES = 64 * 1024
const SURROUNDINGS_BYTES = 5000
const HOLE_PROBES = 4

/** Everything that the view shows is what the model has: every name, attribute and byte. */
export async function verifyTree(driver: Driver): Promise<void> {
  for (const node of [...driver.model.reachable()]) await verifyNode(driver, node)
}

/** Some objects, for where the whole tree takes too long. */
export async function verifySome(driver: Driver, count: number, random: SeededRandom): Promise<void> {
  const nodes = [...driver.model.reachable()]
  for (let index = 0; index < count; index += 1) await verifyNode(driver, random.pick(nodes))
}

export async function verifyNode(driver: Driver, node: ModelNode): Promise<void> {
  await driver.asRoot({ do: 'getattr', node: node.ref })
  if (node.type === 'symlink') await driver.asRoot({ do: 'readlink', node: node.ref })
  if (node.type === 'file') await verifyContent(driver, node)
  if (node.type !== 'directory') return
  await listWhole(driver, node)
  for (const name of node.entries.keys()) await driver.asRoot({ do: 'lookup', directory: node.ref, name })
}

async function listWhole(driver: Driver, node: ModelNode): Promise<void> {
  const list: List = { do: 'list', directory: node.ref, plus: true, pageSizes: [37, 500], between: [] }
  await driver.list({ id: -1, caller: ROOT_CALLER, body: list }, list)
}

async function verifyContent(driver: Driver, node: ModelNode): Promise<void> {
  for (const range of rangesToRead(node)) await driver.asRoot({ do: 'read', node: node.ref, ...range })
}

interface Range {
  readonly offsetBytes: number
  readonly countBytes: number
}

function rangesToRead(node: ModelNode): Range[] {
  if (node.sizeBytes <= WHOLE_FILE_BYTES) return split({ offsetBytes: 0, countBytes: node.sizeBytes + 1 })
  const around = node.content.ranges().map(({ offsetBytes, countBytes }) => {
    const from = Math.max(0, offsetBytes - SURROUNDINGS_BYTES)
    return { offsetBytes: from, countBytes: offsetBytes + countBytes + SURROUNDINGS_BYTES - from }
  })
  const random = new SeededRandom(node.sizeBytes)
  const holes = Array.from({ length: HOLE_PROBES }, () => ({
    offsetBytes: random.below(node.sizeBytes),
    countBytes: SURROUNDINGS_BYTES,
  }))
  return [...around, ...holes, { offsetBytes: node.sizeBytes - 1, countBytes: 10 }].flatMap(split)
}

function split({ offsetBytes, countBytes }: Range): Range[] {
  return Array.from({ length: Math.ceil(countBytes / READ_BYTES) }, (_, index) => ({
    offsetBytes: offsetBytes + index * READ_BYTES,
    countBytes: Math.min(READ_BYTES, countBytes - index * READ_BYTES),
  }))
}

/**
 * After a crash, what an NFSv3 client does: it sees another write verifier and sends every unstable write again.
 * Before that, each of them must be wholly there or wholly not, and everything stable must be.
 */
export async function recoverFromCrash(driver: Driver): Promise<void> {
  for (const node of driver.model.nodes.values()) {
    if (node.unstable === undefined) continue
    if (node.gone) node.unstable = undefined
    else await recoverFile(driver, node)
  }
}

async function recoverFile(driver: Driver, node: ModelNode): Promise<void> {
  const unstable = node.unstable!
  const wantedSizeBytes = node.sizeBytes
  await adoptAfterCrash(driver, node)
  // A copy: sending them again makes them unstable again.
  for (const { offsetBytes, data } of [...unstable.pieces])
    await driver.asRoot({ do: 'write', node: node.ref, offsetBytes, data, stability: 'unstable' })
  await driver.asRoot({ do: 'commit', node: node.ref, offsetBytes: 0, countBytes: 0 })
  if (node.sizeBytes !== wantedSizeBytes)
    throw new Error(`the model forgot a part of ${node.ref}: ${node.sizeBytes} of ${wantedSizeBytes} bytes`)
  await verifyContent(driver, node)
}

/** Looks at what the crash left, and takes it over where both old and new are right. */
async function adoptAfterCrash(driver: Driver, node: ModelNode): Promise<void> {
  const unstable = node.unstable!
  const handle = (await driver.handleOf(node))!
  const root = CALLERS[ROOT_CALLER]!
  const { view } = driver
  const found = await view.perform(root, { do: 'getattr', node: handle }, undefined)
  const { sizeBytes = -1, mode = -1 } = found.looks.object ?? {}
  const complaints: string[] = []
  if (found.status !== 'OK') complaints.push(`status ${found.status}`)
  if (!unstable.possibleSizes().includes(sizeBytes))
    complaints.push(`size ${sizeBytes}, expected one of ${unstable.possibleSizes().join(', ')}`)
  if (mode !== node.mode && mode !== (node.mode | node.bitsAtRisk))
    complaints.push(`mode ${mode.toString(8)}, expected ${node.mode.toString(8)}`)
  for (const range of rangesToRead({ ...node, sizeBytes })) {
    const read = { do: 'read', node: handle, ...range } as const
    const answer = await view.perform(root, read, undefined)
    const wrong = unstable.checkAfterCrash(range.offsetBytes, answer.data ?? new Uint8Array(0))
    if (wrong !== undefined) complaints.push(wrong)
    const wanted = Math.max(0, Math.min(range.countBytes, sizeBytes - range.offsetBytes))
    if ((answer.data?.length ?? -1) !== wanted)
      complaints.push(`read ${answer.data?.length} of ${wanted} bytes`)
  }
  if (complaints.length > 0) throw driver.mismatch(`after the crash, ${node.ref}:`, complaints)
  node.sizeBytes = sizeBytes
  node.mode = mode
  node.used = { value: undefined }
  node.mtime = ModelTime.unsure()
  node.ctime = ModelTime.unsure()
}
