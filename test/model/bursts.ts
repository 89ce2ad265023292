import type { Model } from './model.ts'
import { childOf } from './model-names.ts'
import type { ModelNode } from './model-node.ts'
import { type Call, type Operation, ROOT_CALLER } from './operation.ts'
import type { SeededRandom } from './seeded-random.ts'

const BLOCK_BYTES = 4096
/** Calls on one file at once lie in its first blocks, so that they share some. */
const SHARED_BLOCKS = 4
const MOST_CUTS = 9

/** Every object whose state the call reads or changes; calls that share none have the same outcome in any order. */
export function touchedBy(model: Model, call: Call): Set<ModelNode> {
  const touched = new Set<ModelNode>()
  const add = (node: ModelNode | undefined) => {
    if (node !== undefined) touched.add(node)
  }
  if ('node' in call) add(model.nodes.get(call.node))
  if ('directory' in call) addPlace(model.nodes.get(call.directory), call.name, add)
  if (call.do === 'rename') addPlace(model.nodes.get(call.toDirectory), call.toName, add)
  return touched
}

function addPlace(
  directory: ModelNode | undefined,
  name: string,
  add: (node: ModelNode | undefined) => void,
): void {
  add(directory)
  if (directory !== undefined) add(childOf(directory, name))
}

/** As many of the calls as do not meet. Renames ask for what lies above them: one is enough. */
export function apart(model: Model, candidates: readonly Operation[]): Operation[] {
  const taken = new Set<ModelNode>()
  let renames = 0
  return candidates.filter(({ body }) => {
    if (body.do === 'list' || body.do === 'burst') return false
    if (body.do === 'setattr' && body.guard !== 'none') return false
    if (body.do === 'rename') renames += 1
    const touched = touchedBy(model, body)
    if ((body.do === 'rename' && renames > 1) || [...touched].some((node) => taken.has(node))) return false
    for (const node of touched) taken.add(node)
    return true
  })
}

/** Writes and reads side by side in the same blocks of one file, and a commit of what was there before. */
export function onOneFile(file: ModelNode, id: number, random: SeededRandom): Operation[] {
  const operations: Operation[] = []
  const add = (body: Call) => {
    operations.push({
      id: id + (operations.length + 1) / 100,
      caller: ROOT_CALLER,
      body,
      unsure: ['object', 'object.before'],
    })
  }
  if (random.chance(0.5)) add({ do: 'commit', node: file.ref, offsetBytes: 0, countBytes: 0 })
  const cuts = new Set<number>()
  for (let count = random.between(3, MOST_CUTS); count > 0; count -= 1)
    cuts.add(random.below(SHARED_BLOCKS * BLOCK_BYTES))
  const sorted = [...cuts].sort((a, b) => a - b)
  for (const [index, offsetBytes] of sorted.slice(0, -1).entries()) {
    const lengthBytes = sorted[index + 1]! - offsetBytes
    // A read must not see how far the others have made the file grow.
    const canRead = offsetBytes + lengthBytes < file.sizeBytes
    if (canRead && random.chance(0.3)) {
      add({ do: 'read', node: file.ref, offsetBytes, countBytes: lengthBytes })
      continue
    }
    const stability = random.weighted({ unstable: 5, 'data-sync': 1, 'file-sync': 2 })
    const data = { pattern: random.uint32(), lengthBytes }
    add({ do: 'write', node: file.ref, offsetBytes, data, stability })
  }
  return operations
}
