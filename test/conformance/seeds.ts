import { fromByteKey } from '../../src/base/bytes.ts'
import type { AttributeChanges, NodeType } from '../../src/vfs/attributes.ts'
import type { CreateResult, FileSystem, NodeId, SpecialNode } from '../../src/vfs/file-system.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree, seedPieces } from '../model/seed-tree.ts'
import { okOf } from './answers.ts'
import { ROOT } from './callers.ts'

type Options = Partial<Omit<SeedEntry, 'path' | 'type'>>

const SEED_TIME = { seconds: 1_600_000_000, nanoseconds: 250_000_000 }

function entry(type: NodeType, path: string, mode: number, options: Options): SeedEntry {
  return {
    path,
    type,
    uid: 0,
    gid: 0,
    atime: SEED_TIME,
    mtime: SEED_TIME,
    ctime: SEED_TIME,
    ...options,
    mode: options.mode ?? mode,
  }
}

export function dir(path: string, options: Options = {}): SeedEntry {
  return entry('directory', path, 0o755, options)
}

/** A file of pattern bytes. */
export function file(path: string, sizeBytes: number, options: Options = {}): SeedEntry {
  const content = { sizeBytes, pieces: [{ offsetBytes: 0, pattern: sizeBytes + 1, lengthBytes: sizeBytes }] }
  return entry('file', path, 0o644, { content, ...options })
}

export function symlink(path: string, target: string, options: Options = {}): SeedEntry {
  return entry('symlink', path, 0o777, { target, ...options })
}

export function special(
  type: 'fifo' | 'socket' | 'block' | 'character',
  path: string,
  options: Options = {},
) {
  return entry(type, path, 0o644, options)
}

/** A further name of the object at `first`. */
export function hardLink(path: string, first: SeedEntry): SeedEntry {
  return { ...first, path, linkTo: first.path }
}

/** With a root of mode 0755 unless the entries begin with another one. */
export function treeOf(entries: readonly SeedEntry[]): SeedTree {
  return entries[0]?.path === '/' ? entries : [dir('/'), ...entries]
}

/** Makes the tree by the calls that a client would make: for factories that start with an empty file system. */
export async function plantThroughCalls(fs: FileSystem, tree: SeedTree): Promise<void> {
  const nodes = new Map<string, NodeId>([['/', fs.root]])
  for (const each of tree) {
    if (each.path === '/') continue
    const parent = nodes.get(parentPath(each.path))!
    const name = fromByteKey(lastName(each.path))
    if (each.linkTo !== undefined) {
      const node = nodes.get(each.linkTo)!
      okOf(await fs.link(ROOT, node, parent, name))
      nodes.set(each.path, node)
      continue
    }
    const node = okOf(await makeEntry(fs, parent, name, each)).object.node
    nodes.set(each.path, node)
    if (each.content === undefined) continue
    for (const { offsetBytes, data } of seedPieces(each.content)) {
      okOf(await fs.write(ROOT, node, offsetBytes, data, 'file-sync'))
    }
    okOf(await fs.setattr(ROOT, node, { sizeBytes: each.content.sizeBytes }, undefined))
  }
  // Children first: what is made in a directory moves its times.
  for (const each of [...tree].reverse()) {
    if (each.linkTo !== undefined) continue
    const { uid, gid, mode, atime, mtime } = each
    const node = nodes.get(each.path)!
    okOf(await fs.setattr(ROOT, node, { uid, gid }, undefined))
    okOf(await fs.setattr(ROOT, node, { mode, atime, mtime }, undefined))
  }
}

async function makeEntry(
  fs: FileSystem,
  parent: NodeId,
  name: Uint8Array,
  { type, target, rdevMajor = 0, rdevMinor = 0 }: SeedEntry,
): Promise<CreateResult> {
  const changes: AttributeChanges = { mode: 0o700 }
  switch (type) {
    case 'file':
      return fs.create(ROOT, parent, name, { mode: 'guarded', changes })
    case 'directory':
      return fs.mkdir(ROOT, parent, name, changes)
    case 'symlink':
      return fs.symlink(ROOT, parent, name, fromByteKey(target ?? ''), {})
    case 'block':
    case 'character':
      return fs.mknod(ROOT, parent, name, { type, rdevMajor, rdevMinor }, changes)
    default: {
      const plain: SpecialNode = { type }
      return fs.mknod(ROOT, parent, name, plain, changes)
    }
  }
}
