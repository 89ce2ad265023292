import { byteKey, sameBytes } from '../../src/base/bytes.ts'
import { LINK_MAX } from '../../src/vfs/attributes.ts'
import type {
  Caller,
  CreateHow,
  CreateResult,
  FileName,
  LinkResult,
  NodeId,
  RenameResult,
  Seal,
  Wcc,
  WccResult,
} from '../../src/vfs/file-system.ts'
import { refuse, succeed } from '../../src/vfs/result.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { MemoryNode } from './memory-node.ts'
import type { MemoryTree, NewNode } from './memory-tree.ts'
import { changeRefusal, EXECUTE, permits, removalRefusal, WRITE } from './permissions.ts'

export const NO_WCC: Wcc = { before: undefined, after: undefined }

/** CREATE, MKDIR, SYMLINK and MKNOD of a name that must not be there. */
export function makeChild(
  tree: MemoryTree,
  caller: Caller,
  directory: NodeId,
  name: FileName,
  wanted: NewNode,
  seal: Seal<CreateResult> | undefined,
): CreateResult {
  const dir = tree.live(directory)
  if (dir === undefined) return refuse('STALE', { wcc: NO_WCC })
  const before = dir.attributes
  const refusal = addRefusal(caller, dir, name)
  if (refusal !== undefined) return refuse(refusal, { wcc: dir.unchanged() })
  const device = wanted.type === 'block' || wanted.type === 'character'
  if (device && caller.uid !== 0) return refuse('PERM', { wcc: dir.unchanged() })
  const made = tree.newChild(caller, dir, wanted)
  tree.insert(dir, name, made)
  if (made.isDirectory) made.parent = dir
  const { ctime } = made.attributes
  dir.touch(ctime, { mtime: ctime, nlink: before.nlink + (made.isDirectory ? 1 : 0) })
  return tree.seal(succeed({ object: made.object(), wcc: { before, after: dir.attributes } }), seal)
}

/** CREATE of a name that is there, in a directory the caller may search. */
export function createOverExisting(
  tree: MemoryTree,
  caller: Caller,
  dir: MemoryNode,
  there: MemoryNode,
  how: CreateHow,
  seal: Seal<CreateResult> | undefined,
): CreateResult {
  const wcc = dir.unchanged()
  if (how.mode === 'exclusive') {
    const again = there.verifier !== undefined && sameBytes(there.verifier, how.verifier)
    return again ? succeed({ object: there.object(), wcc }) : refuse('EXIST', { wcc })
  }
  if (how.mode === 'guarded' || there.attributes.type !== 'file') return refuse('EXIST', { wcc })
  // Of the attributes only the size counts for a file that is there: open(O_CREAT | O_TRUNC).
  const { sizeBytes } = how.changes
  if (sizeBytes === undefined) return succeed({ object: there.object(), wcc })
  const refusal = changeRefusal(caller, there.attributes, { sizeBytes })
  if (refusal !== undefined) return refuse(refusal, { wcc })
  there.applyChanges(caller, { sizeBytes }, tree.clock.now())
  return tree.seal(succeed({ object: there.object(), wcc }), seal)
}

/** REMOVE and RMDIR. */
export function takeAway(
  tree: MemoryTree,
  caller: Caller,
  directory: NodeId,
  name: FileName,
  kind: 'file' | 'directory',
  seal: Seal<WccResult> | undefined,
): WccResult {
  const dir = tree.live(directory)
  if (dir === undefined) return refuse('STALE', { wcc: NO_WCC })
  const wcc = dir.unchanged()
  const refusal = searchRefusal(caller, dir)
  if (refusal !== undefined) return refuse(refusal, { wcc })
  const entry = dir.entries.get(byteKey(name))
  if (entry === undefined) return refuse('NOENT', { wcc })
  const why = removalRefusal(caller, dir.attributes, entry.node.attributes)
  if (why !== undefined) return refuse(why, { wcc })
  if (kind === 'file' && entry.node.isDirectory) return refuse('ISDIR', { wcc })
  if (kind === 'directory' && !entry.node.isDirectory) return refuse('NOTDIR', { wcc })
  if (entry.node.entries.size > 0) return refuse('NOTEMPTY', { wcc })
  const now = tree.clock.now()
  tree.unlink(dir, entry, now)
  dir.touch(now, { mtime: now })
  return tree.seal(succeed({ wcc: { before: wcc.before, after: dir.attributes } }), seal)
}

export function rename(
  tree: MemoryTree,
  caller: Caller,
  fromDirectory: NodeId,
  fromName: FileName,
  toDirectory: NodeId,
  toName: FileName,
  seal: Seal<RenameResult> | undefined,
): RenameResult {
  const from = tree.live(fromDirectory)
  const to = tree.live(toDirectory)
  const unchanged = { from: from?.unchanged() ?? NO_WCC, to: to?.unchanged() ?? NO_WCC }
  if (from === undefined || to === undefined) return refuse('STALE', unchanged)
  const refusal = searchRefusal(caller, from) ?? searchRefusal(caller, to)
  if (refusal !== undefined) return refuse(refusal, unchanged)
  const source = from.entries.get(byteKey(fromName))
  if (source === undefined) return refuse('NOENT', unchanged)
  const target = to.entries.get(byteKey(toName))
  if (target?.node === source.node) return succeed(unchanged)
  const why = renameRefusal(caller, from, source.node, to, target?.node)
  if (why !== undefined) return refuse(why, unchanged)

  const now = tree.clock.now()
  if (target !== undefined) tree.unlink(to, target, now)
  from.entries.delete(byteKey(fromName))
  tree.insert(to, toName, source.node)
  source.node.touch(now)
  const movedDirectories = source.node.isDirectory ? 1 : 0
  if (source.node.isDirectory) source.node.parent = to
  from.touch(now, { mtime: now, nlink: from.attributes.nlink - movedDirectories })
  to.touch(now, { mtime: now, nlink: to.attributes.nlink + movedDirectories })
  const wcc = {
    from: { before: unchanged.from.before, after: from.attributes },
    to: { before: unchanged.to.before, after: to.attributes },
  }
  return tree.seal(succeed(wcc), seal)
}

export function link(
  tree: MemoryTree,
  caller: Caller,
  node: NodeId,
  directory: NodeId,
  name: FileName,
  seal: Seal<LinkResult> | undefined,
): LinkResult {
  const found = tree.live(node)
  const dir = tree.live(directory)
  const unchanged = { attributes: found?.attributes, wcc: dir?.unchanged() ?? NO_WCC }
  if (found === undefined || dir === undefined) return refuse('STALE', unchanged)
  if (found.isDirectory) return refuse('ISDIR', unchanged)
  const refusal = addRefusal(caller, dir, name)
  if (refusal !== undefined) return refuse(refusal, unchanged)
  if (found.attributes.nlink >= LINK_MAX) return refuse('MLINK', unchanged)
  const now = tree.clock.now()
  tree.insert(dir, name, found)
  found.touch(now, { nlink: found.attributes.nlink + 1 })
  dir.touch(now, { mtime: now })
  const wcc = { before: unchanged.wcc.before, after: dir.attributes }
  return tree.seal(succeed({ attributes: found.attributes, wcc }), seal)
}

export function searchRefusal(caller: Caller, directory: MemoryNode): FsStatus | undefined {
  if (!directory.isDirectory) return 'NOTDIR'
  return permits(caller, directory.attributes, EXECUTE) ? undefined : 'ACCES'
}

/** Linux's order: a name that is there is EXIST, also for who may not write in the directory. */
function addRefusal(caller: Caller, directory: MemoryNode, name: FileName): FsStatus | undefined {
  const refusal = searchRefusal(caller, directory)
  if (refusal !== undefined) return refusal
  if (directory.entries.has(byteKey(name))) return 'EXIST'
  return permits(caller, directory.attributes, WRITE) ? undefined : 'ACCES'
}

function renameRefusal(
  caller: Caller,
  from: MemoryNode,
  source: MemoryNode,
  to: MemoryNode,
  target: MemoryNode | undefined,
): FsStatus | undefined {
  if (to.isWithin(source)) return 'INVAL'
  if (target !== undefined && from.isWithin(target)) return 'NOTEMPTY'
  const refusal = removalRefusal(caller, from.attributes, source.attributes)
  if (refusal !== undefined) return refusal
  if (target === undefined) {
    if (!permits(caller, to.attributes, WRITE)) return 'ACCES'
  } else {
    const why = removalRefusal(caller, to.attributes, target.attributes)
    if (why !== undefined) return why
    if (source.isDirectory !== target.isDirectory) return source.isDirectory ? 'NOTDIR' : 'ISDIR'
  }
  // Its ".." changes, and that is a write to it.
  const changesParent = source.isDirectory && from !== to
  if (changesParent && !permits(caller, source.attributes, WRITE)) return 'ACCES'
  return target !== undefined && target.entries.size > 0 ? 'NOTEMPTY' : undefined
}
