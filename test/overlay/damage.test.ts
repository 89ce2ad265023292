import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import { FsFault } from '../../src/vfs/faults.ts'
import type { Caller, FileSystem, NodeId } from '../../src/vfs/file-system.ts'
import type { FsResult } from '../../src/vfs/result.ts'
import { okOf } from '../conformance/answers.ts'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { seedTree } from '../model/seed-tree.ts'
import { SeededRandom } from '../model/seeded-random.ts'
import { OverlayRig } from './overlay-rig.ts'

const ROOT: Caller = { uid: 0, gid: 0, gids: [], address: '127.0.0.1' }
const TRIALS = Number(process.env.ROWFS_DAMAGE_TRIALS ?? 40)
const SEED = Number(process.env.ROWFS_DAMAGE_SEED ?? Date.now() % 1_000_000)
const name = (text: string) => Buffer.from(text)

const image = () => new MemoryLowerLayer(seedTree(3))
const work = mkdtempSync(join(tmpdir(), 'rowfs-damage-'))
const good = join(work, 'good')
let expected: Map<string, string>
let sequence: number

/** Every path with what a client sees of it; a refusal or a fault in place of what could not be had. */
async function look(fs: FileSystem): Promise<Map<string, string>> {
  const seen = new Map<string, string>()
  const visit = async (path: string, node: NodeId): Promise<void> => {
    const attributes = await had(() => fs.getattr(ROOT, node))
    if (typeof attributes === 'string') return void seen.set(path, attributes)
    const { type, mode, uid, gid, nlink, sizeBytes } = attributes
    const own = `${type} ${mode} ${uid} ${gid} ${nlink} ${type === 'directory' ? '' : sizeBytes}`
    if (type === 'file')
      return void seen.set(path, `${own} ${await content(fs, node, Math.min(sizeBytes, 100_000))}`)
    seen.set(path, own)
    if (type !== 'directory') return
    const page = await had(() => fs.readdir(ROOT, node, 2, { maxEntries: 10_000, withAttributes: false }))
    if (typeof page === 'string') return void seen.set(path, page)
    for (const entry of page.entries)
      await visit(`${path}/${Buffer.from(entry.name).toString('latin1')}`, entry.node)
  }
  await visit('', fs.root)
  return seen
}

async function content(fs: FileSystem, node: NodeId, count: number): Promise<string> {
  const into = Buffer.alloc(count)
  const read = await had(() => fs.read(ROOT, node, 0, into))
  return typeof read === 'string' ? read : into.toString('latin1')
}

async function had<Ok>(
  call: () => FsResult<Ok, unknown> | Promise<FsResult<Ok, unknown>>,
): Promise<Ok | string> {
  try {
    const result = await call()
    return result.ok ? result.value : `FAULT ${result.status}`
  } catch (error) {
    if (error instanceof FsFault) return `FAULT ${error.status} ${error.message}`
    throw error
  }
}

beforeAll(async () => {
  const rig = await OverlayRig.open(image())
  const fs = rig.view()
  const at = async (path: string) => {
    let node = fs.root
    for (const part of path.split('/')) node = okOf(await fs.lookup(ROOT, node, name(part))).object.node
    return node
  }
  okOf(await fs.write(ROOT, await at('README'), 10, name('changed'.repeat(1000)), 'file-sync'))
  okOf(await fs.setattr(ROOT, await at('suid'), { mode: 0o640 }, undefined))
  okOf(await fs.setattr(ROOT, await at('dir/sub'), { uid: 7 }, undefined))
  okOf(await fs.remove(ROOT, fs.root, name('one-byte')))
  okOf(await fs.rename(ROOT, fs.root, name('empty'), await at('dir'), name('moved')))
  for (let number = 0; number < 20; number += 1) {
    const how = { mode: 'guarded', changes: { mode: 0o600 } } as const
    const { node } = okOf(await fs.create(ROOT, await at('dir'), name(`made ${number}`), how)).object
    okOf(await fs.write(ROOT, node, number * 1000, name(`own ${number} `.repeat(900)), 'file-sync'))
  }
  await rig.restart()
  expected = await look(rig.view())
  await rig.close()
  sequence = rig.index.sequence
  cpSync(rig.directory, good, { recursive: true })
})

afterAll(() => rmSync(work, { recursive: true, force: true }))

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((file) => join(directory, file))
    .filter((file) => statSync(file).isFile() && !/LOCK$|LOG(\.old)?$/.test(file))
    .sort()
}

/** Bits flipped, bytes overwritten, the end cut off, or the whole file gone. Says what it did. */
function damage(directory: string, random: SeededRandom): string {
  const candidates = files(directory).filter((file) => statSync(file).size > 0)
  const file = random.pick(candidates)
  const size = statSync(file).size
  const where = relative(directory, file)
  const kind = random.below(10)
  if (kind === 0) {
    rmSync(file)
    return `${where} deleted`
  }
  if (kind === 1) {
    const left = random.below(size)
    truncateSync(file, left)
    return `${where} cut to ${left} of ${size} bytes`
  }
  const bytes = readFileSync(file)
  const start = random.below(size)
  const count = Math.min(size - start, kind < 8 ? 1 : 64)
  for (let at = start; at < start + count; at += 1) bytes[at]! ^= 1 + random.below(255)
  writeFileSync(file, bytes)
  return `${where}: ${count} bytes from ${start} of ${size} changed`
}

test(`damage is found, and never served as data (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED)
  const outcomes = { unharmed: 0, refused: 0, contained: 0 }
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const directory = join(work, `trial-${trial}`)
    cpSync(good, directory, { recursive: true })
    const what = damage(directory, random)
    outcomes[await verdict(directory, `trial ${trial}: ${what}`)] += 1
    rmSync(directory, { recursive: true })
  }
  createLogger('silent').info(outcomes)
  expect(outcomes.refused + outcomes.contained).toBeGreaterThan(0)
})

/** Fails when something is seen that differs and is not an error, and nothing was found at the start either. */
async function verdict(directory: string, what: string): Promise<'unharmed' | 'refused' | 'contained'> {
  let rig: OverlayRig
  try {
    rig = await OverlayRig.openExisting(directory, image(), sequence)
  } catch (error) {
    if (error instanceof FsFault) return 'refused'
    throw error
  }
  try {
    if (!rig.catalog.has('default')) {
      expect(rig.index.findings, what).not.toEqual([])
      await expect(rig.catalog.create('default')).rejects.toThrow(
        'no view is made while the index is damaged',
      )
      return 'refused'
    }
    const seen = await look(rig.view())
    const wrong = [...new Set([...seen.keys(), ...expected.keys()])].filter((path) => {
      const [now, before] = [seen.get(path), expected.get(path)]
      return now !== before && !now?.includes('FAULT') && !isUnder(path, seen)
    })
    if (rig.index.findings.length === 0 && wrong.length > 0) {
      expect.fail(`${what}: ${wrong.slice(0, 3).join(', ')} differ(s) and nothing was found`)
    }
    const isHarmed = [...seen.values()].some((each) => each.includes('FAULT'))
    return isHarmed || rig.index.findings.length > 0 ? 'contained' : 'unharmed'
  } finally {
    await rig.close().catch(() => {})
  }
}

/** Is a directory above it closed by an error? */
function isUnder(path: string, seen: ReadonlyMap<string, string>): boolean {
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
    if (seen.get(path.slice(0, at))?.startsWith('FAULT')) return true
    if (at === 0) return seen.get('')?.startsWith('FAULT') ?? false
  }
  return false
}
