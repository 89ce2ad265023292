import { MODE_SETGID, MODE_SETUID, MODE_STICKY } from '../../src/vfs/attributes.ts'
import {
  ACCESS_DELETE,
  ACCESS_EXECUTE,
  ACCESS_EXTEND,
  ACCESS_LOOKUP,
  ACCESS_MODIFY,
  ACCESS_READ,
  type Caller,
} from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { ModelNode } from './model-node.ts'
import type { Changes } from './operation.ts'

export type Letter = 'r' | 'w' | 'x'

const BIT: Readonly<Record<Letter, number>> = { r: 4, w: 2, x: 1 }

/** POSIX permission bits. Written apart from test/conformance/permissions.ts on purpose: a second opinion. */
export function may(caller: Caller, node: ModelNode, letter: Letter): boolean {
  if (caller.uid === 0) return letter !== 'x' || node.type === 'directory' || (node.mode & 0o111) !== 0
  const shift = caller.uid === node.uid ? 6 : isMember(caller, node.gid) ? 3 : 0
  return ((node.mode >> shift) & BIT[letter]) !== 0
}

export function isMember(caller: Caller, gid: number): boolean {
  return [caller.gid, ...caller.gids].includes(gid)
}

export function isOwner(caller: Caller, node: ModelNode): boolean {
  return caller.uid === 0 || caller.uid === node.uid
}

/** NFS has no open: an owner who opened a file may go on, whatever chmod did since; to run is to read. */
export function mayReadData(caller: Caller, node: ModelNode): boolean {
  return isOwner(caller, node) || may(caller, node, 'r') || may(caller, node, 'x')
}

export function mayWriteData(caller: Caller, node: ModelNode): boolean {
  return isOwner(caller, node) || may(caller, node, 'w')
}

/** Taking an entry away: write and search of the directory, and in a sticky one only one's own things. */
export function removalRefusal(
  caller: Caller,
  directory: ModelNode,
  victim: ModelNode,
): FsStatus | undefined {
  if (!may(caller, directory, 'w') || !may(caller, directory, 'x')) return 'ACCES'
  if ((directory.mode & MODE_STICKY) === 0) return undefined
  return isOwner(caller, directory) || isOwner(caller, victim) ? undefined : 'PERM'
}

export function grantedAccess(caller: Caller, node: ModelNode): number {
  const [r, w, x] = [may(caller, node, 'r'), may(caller, node, 'w'), may(caller, node, 'x')]
  let granted = r ? ACCESS_READ : 0
  if (node.type === 'directory') {
    if (x) granted |= ACCESS_LOOKUP
    if (w) granted |= ACCESS_MODIFY | ACCESS_EXTEND | ACCESS_DELETE
  } else {
    if (x) granted |= ACCESS_EXECUTE
    if (w) granted |= ACCESS_MODIFY | ACCESS_EXTEND
  }
  return granted
}

/** Every reason to refuse a SETATTR: with several, the server may name any. */
export function changeRefusals(caller: Caller, node: ModelNode, changes: Changes): FsStatus[] {
  const refusals: FsStatus[] = []
  const { mode, uid, gid, sizeBytes, atime, mtime } = changes
  if (sizeBytes !== undefined && node.type === 'directory') refusals.push('ISDIR')
  if (sizeBytes !== undefined && node.type !== 'directory' && node.type !== 'file') refusals.push('INVAL')
  if (caller.uid === 0) return refusals
  const owns = caller.uid === node.uid
  if (mode !== undefined && !owns) refusals.push('PERM')
  if (uid !== undefined && !(owns && uid === node.uid)) refusals.push('PERM')
  if (gid !== undefined && !(owns && (gid === node.gid || isMember(caller, gid)))) refusals.push('PERM')
  if ([atime, mtime].some((time) => time !== undefined && time !== 'server') && !owns) refusals.push('PERM')
  const writes = sizeBytes !== undefined || atime !== undefined || mtime !== undefined
  if (writes && !mayWriteData(caller, node)) refusals.push('ACCES')
  return refusals
}

/** Without suid, and without sgid where it is a privilege: what writing by others and giving away leaves. */
export function withoutPrivileges(caller: Caller, node: ModelNode, mode: number): number {
  if (node.type === 'directory') return mode
  const locking = (mode & 0o010) === 0
  const keepsGroupBit = locking && (caller.uid === 0 || isMember(caller, node.gid))
  return mode & ~MODE_SETUID & ~(keepsGroupBit ? 0 : MODE_SETGID)
}
