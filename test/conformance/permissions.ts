import {
  type AttributeChanges,
  type Attributes,
  MODE_MASK,
  MODE_SETGID,
  MODE_SETUID,
  MODE_STICKY,
} from '../../src/vfs/attributes.ts'
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

export const READ = 4
export const WRITE = 2
export const EXECUTE = 1

/** Who is in a group: by the main one or by the others of AUTH_SYS. */
export function inGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid)
}

export function isRootOrOwner(caller: Caller, attributes: Attributes): boolean {
  return caller.uid === 0 || caller.uid === attributes.uid
}

/** POSIX: exactly one class of bits counts. Root may all but execute a file that nobody may execute. */
export function permits(caller: Caller, attributes: Attributes, wanted: number): boolean {
  const { mode, type } = attributes
  if (caller.uid === 0) return type === 'directory' || (wanted & EXECUTE) === 0 || (mode & 0o111) !== 0
  if (caller.uid === attributes.uid) return ((mode >> 6) & wanted) === wanted
  if (inGroup(caller, attributes.gid)) return ((mode >> 3) & wanted) === wanted
  return (mode & wanted) === wanted
}

/** ACCESS (RFC 1813 section 3.3.4): what each bit asks for, by the kind of object, as Linux's server does. */
export function grantedAccess(caller: Caller, attributes: Attributes): number {
  const may = (wanted: number): boolean => permits(caller, attributes, wanted)
  let granted = may(READ) ? ACCESS_READ : 0
  if (attributes.type === 'directory') {
    if (may(EXECUTE)) granted |= ACCESS_LOOKUP
    if (may(WRITE)) granted |= ACCESS_MODIFY | ACCESS_EXTEND | ACCESS_DELETE
    return granted
  }
  if (may(EXECUTE)) granted |= ACCESS_EXECUTE
  if (may(WRITE)) granted |= ACCESS_MODIFY | ACCESS_EXTEND
  return granted
}

/** Why this entry of the directory may not be taken away; the caller may search the directory. */
export function removalRefusal(
  caller: Caller,
  directory: Attributes,
  victim: Attributes,
): FsStatus | undefined {
  if (!permits(caller, directory, WRITE | EXECUTE)) return 'ACCES'
  const sticky = (directory.mode & MODE_STICKY) !== 0
  if (sticky && !isRootOrOwner(caller, directory) && !isRootOrOwner(caller, victim)) return 'PERM'
  return undefined
}

/** Why SETATTR is refused (chmod, chown, utimes and truncate of POSIX, with NFS's rule that an owner may write). */
export function changeRefusal(
  caller: Caller,
  attributes: Attributes,
  changes: AttributeChanges,
): FsStatus | undefined {
  if (changes.sizeBytes !== undefined && attributes.type !== 'file') {
    return attributes.type === 'directory' ? 'ISDIR' : 'INVAL'
  }
  if (caller.uid === 0) return undefined
  const owner = caller.uid === attributes.uid
  if (changes.mode !== undefined && !owner) return 'PERM'
  if (changes.uid !== undefined && !(owner && changes.uid === attributes.uid)) return 'PERM'
  if (changes.gid !== undefined) {
    const ownGroup = changes.gid === attributes.gid || inGroup(caller, changes.gid)
    if (!owner || !ownGroup) return 'PERM'
  }
  const setsTime = (time: AttributeChanges['atime']): boolean => time !== undefined && time !== 'server'
  if ((setsTime(changes.atime) || setsTime(changes.mtime)) && !owner) return 'PERM'
  const writes = changes.sizeBytes !== undefined || changes.atime !== undefined || changes.mtime !== undefined
  if (writes && !owner && !permits(caller, attributes, WRITE)) return 'ACCES'
  return undefined
}

/** The mode after suid and sgid have been taken away because somebody wrote or gave the file to another. */
export function withoutPrivilegeBits(
  caller: Caller,
  attributes: Attributes,
  mode: number,
  gid: number,
): number {
  if (attributes.type === 'directory') return mode
  const groupRuns = (mode & 0o010) !== 0
  const keepsSetgid = !groupRuns && (caller.uid === 0 || inGroup(caller, gid))
  return mode & ~MODE_SETUID & (keepsSetgid ? MODE_MASK : ~MODE_SETGID)
}

/** chmod: only root and members of the group may set sgid. */
export function allowedMode(caller: Caller, mode: number, gid: number): number {
  const clean = mode & MODE_MASK
  return caller.uid === 0 || inGroup(caller, gid) ? clean : clean & ~MODE_SETGID
}
