import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Timestamp } from '../../src/base/clock.ts'
import { diskPath, type SeedEntry, type SeedTree, seedPieces, seedTree } from '../model/seed-tree.ts'
import { SeededRandom } from '../model/seeded-random.ts'
import { mustRun } from './run-command.ts'

export const BIG_DIRECTORY_NAMES = 2000
const MANY_OWNERS = 50
/** As deep as a path of 4,095 bytes with names of this length lets a client go, with room for its mount point. */
const DEEP_LEVELS = 60
const DEEP_NAME = 'd'.repeat(40)
export const PLANT_PROGRAM = join(import.meta.dirname, 'programs', 'plant-nodes.py')
/** Extended attributes have no way through NFSv3; they are there to see that nothing takes them away. */
const XATTRS: Readonly<Record<string, Record<string, string>>> = {
  '/README': { 'user.note': 'kept', 'user.bytes': '\x00\xff' },
  '/dir': { 'user.note': 'of a directory' },
}

/**
 * An image for kernels to work on: what the model's image has (every type of object, sparse files to 1 TiB, hard links within
 * and across directories, odd names, owners and modes) and what a model has no time for: directories of 2,000 names,
 * deep paths, fifty owners, megabytes. The same seed and options make the same tree.
 */
export function imageTree(seed: number, options: { readonly bigDirectoryNames?: number } = {}): SeedTree {
  const random = new SeededRandom(seed)
  const entries: SeedEntry[] = [...seedTree(seed)]
  const add = (path: string, more: Partial<SeedEntry> & Pick<SeedEntry, 'type'>) => {
    const time = () => ({
      seconds: random.between(1_000_000_000, 1_700_000_000),
      nanoseconds: random.below(1e9),
    })
    const mode = more.type === 'directory' ? 0o755 : 0o644
    entries.push({ path, mode, uid: 0, gid: 0, atime: time(), mtime: time(), ctime: time(), ...more })
  }
  const content = (sizeBytes: number) => ({
    sizeBytes,
    pieces: [{ offsetBytes: 0, pattern: random.uint32(), lengthBytes: sizeBytes }],
  })
  addBigDirectory(add, content, random, options.bigDirectoryNames ?? BIG_DIRECTORY_NAMES)
  let deep = '/deep'
  add(deep, { type: 'directory' })
  for (let level = 0; level < DEEP_LEVELS; level += 1) {
    deep += `/${DEEP_NAME}`
    add(deep, { type: 'directory' })
  }
  add(`${deep}/leaf`, { type: 'file', content: content(10_000) })
  add('/owners', { type: 'directory', mode: 0o777 })
  for (let owner = 0; owner < MANY_OWNERS; owner += 1) {
    const ids = { uid: random.between(1, 60_000), gid: random.between(1, 60_000) }
    add(`/owners/file-${owner}`, {
      type: 'file',
      ...ids,
      mode: random.below(0o10000),
      content: content(owner),
    })
  }
  add('/sizes', { type: 'directory', mode: 0o777 })
  for (const sizeBytes of [4095, 4096, 4097, 65_535, 65_537, 1_048_576, 1_048_577, 8_388_609]) {
    add(`/sizes/${sizeBytes}`, { type: 'file', mode: 0o666, content: content(sizeBytes) })
  }
  return entries
}

function addBigDirectory(
  add: (path: string, more: Partial<SeedEntry> & Pick<SeedEntry, 'type'>) => void,
  content: (sizeBytes: number) => SeedEntry['content'] & object,
  random: SeededRandom,
  names: number,
): void {
  add('/big', { type: 'directory', mode: 0o777 })
  for (let index = 0; index < names; index += 1) {
    const path = `/big/${String(index).padStart(4, '0')}-${'n'.repeat(random.below(200))}`
    if (index % 100 === 99) add(path, { type: 'symlink', mode: 0o777, target: '../README' })
    else add(path, { type: 'file', mode: 0o666, content: content(random.below(500)) })
  }
}

/** Makes the tree in an empty or absent directory of this machine. Needs root. */
export async function writeTree(directory: string, tree: SeedTree): Promise<void> {
  const input = plantLines(tree)
  await mustRun(['/usr/bin/python3', PLANT_PROGRAM, 'make', directory], { input })
  for (const entry of tree) {
    if (entry.content === undefined || entry.linkTo !== undefined) continue
    const file = openSync(diskPath(directory, entry.path), 'r+')
    ftruncateSync(file, entry.content.sizeBytes)
    for (const { offsetBytes, data } of seedPieces(entry.content))
      writeSync(file, data, 0, data.length, offsetBytes)
    closeSync(file)
  }
  await mustRun(['/usr/bin/python3', PLANT_PROGRAM, 'set', directory], { input })
}

/** What programs/plant-nodes.py reads. */
export function plantLines(tree: SeedTree): string {
  return tree.map((entry) => `${JSON.stringify(plantLine(entry))}\n`).join('')
}

function plantLine(entry: SeedEntry): object {
  const { content: _, atime, mtime, rdevMajor = 0, rdevMinor = 0, ...rest } = entry
  return {
    ...rest,
    rdev: [rdevMajor, rdevMinor],
    atime: nanosecondsOf(atime),
    mtime: nanosecondsOf(mtime),
    xattrs: entry.linkTo === undefined ? XATTRS[entry.path] : undefined,
  }
}

function nanosecondsOf(time: Timestamp): string {
  return String(BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds))
}
