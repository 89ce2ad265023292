import type { Awaitable } from '../../src/base/awaitable.ts'
import { fromByteKey } from '../../src/base/bytes.ts'
import type { Caller, CreateResult, FileSystem, NodeId, SpecialNode } from '../../src/vfs/file-system.ts'
import type { FsResult } from '../../src/vfs/result.ts'
import { CALLERS, ROOT_CALLER } from './operation.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree, seedPieces } from './seed-tree.ts'

const ROOT: Caller = CALLERS[ROOT_CALLER]!

/** Makes the tree through the calls of an empty file system. What comes back has the times it got there. */
export async function populate(fs: FileSystem, tree: SeedTree): Promise<SeedTree> {
  const nodes = new Map<string, NodeId>([['/', fs.root]])
  for (const entry of tree) if (entry.path !== '/') nodes.set(entry.path, await add(fs, nodes, entry))
  for (const entry of tree) {
    const { mode, uid, gid, atime, mtime } = entry
    const changes = entry.type === 'symlink' ? { uid, gid, atime, mtime } : { uid, gid, atime, mtime, mode }
    // In two calls: a change of owner would take suid away again.
    must(await fs.setattr(ROOT, nodes.get(entry.path)!, { uid, gid }, undefined))
    must(await fs.setattr(ROOT, nodes.get(entry.path)!, withoutOwner(changes), undefined))
  }
  const populated: SeedEntry[] = []
  for (const entry of tree) {
    const { ctime } = must(await fs.getattr(ROOT, nodes.get(entry.path)!))
    populated.push({ ...entry, ctime })
  }
  return populated
}

async function add(fs: FileSystem, nodes: ReadonlyMap<string, NodeId>, entry: SeedEntry): Promise<NodeId> {
  const directory = nodes.get(parentPath(entry.path))!
  const name = fromByteKey(lastName(entry.path))
  if (entry.linkTo !== undefined) {
    const node = nodes.get(entry.linkTo)!
    must(await fs.link(ROOT, node, directory, name))
    return node
  }
  const { node } = must(await make(fs, directory, name, entry)).object
  if (entry.content !== undefined) {
    must(await fs.setattr(ROOT, node, { sizeBytes: entry.content.sizeBytes }, undefined))
    for (const { offsetBytes, data } of seedPieces(entry.content))
      must(await fs.write(ROOT, node, offsetBytes, data, 'file-sync'))
  }
  return node
}

function make(
  fs: FileSystem,
  directory: NodeId,
  name: Uint8Array,
  entry: SeedEntry,
): Awaitable<CreateResult> {
  const { type, rdevMajor = 0, rdevMinor = 0 } = entry
  if (type === 'directory') return fs.mkdir(ROOT, directory, name, {})
  if (type === 'file') return fs.create(ROOT, directory, name, { mode: 'guarded', changes: {} })
  if (type === 'symlink') return fs.symlink(ROOT, directory, name, fromByteKey(entry.target!), {})
  const special: SpecialNode =
    type === 'socket' || type === 'fifo' ? { type } : { type, rdevMajor, rdevMinor }
  return fs.mknod(ROOT, directory, name, special, {})
}

function withoutOwner<T extends { uid: number; gid: number }>(changes: T): Omit<T, 'uid' | 'gid'> {
  const { uid: _, gid: __, ...rest } = changes
  return rest
}

function must<Ok, Fail>(result: FsResult<Ok, Fail>): Ok {
  if (!result.ok) throw new Error(`the tree cannot be made: ${result.status}`)
  return result.value
}
