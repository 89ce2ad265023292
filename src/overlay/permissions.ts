import { type Attributes, MODE_SETGID, MODE_SETUID, MODE_STICKY } from '../vfs/attributes.ts'
import type { Caller } from '../vfs/file-system.ts'
import {
  ACCESS_DELETE,
  ACCESS_EXECUTE,
  ACCESS_EXTEND,
  ACCESS_LOOKUP,
  ACCESS_MODIFY,
  ACCESS_READ,
} from '../vfs/file-system.ts'

export const MAY_READ = 4
export const MAY_WRITE = 2
export const MAY_EXECUTE = 1

export function isRoot(caller: Caller): boolean {
  return caller.uid === 0
}

export function isMember(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid)
}

/** The permission bits, as POSIX says: owner, else group, else other. Root may all but execute a file without any x. */
export function mayAccess(caller: Caller, attributes: Attributes, wanted: number): boolean {
  const { mode } = attributes
  if (isRoot(caller)) {
    return (wanted & MAY_EXECUTE) === 0 || attributes.type === 'directory' || (mode & 0o111) !== 0
  }
  const shift = caller.uid === attributes.uid ? 6 : isMember(caller, attributes.gid) ? 3 : 0
  return ((mode >>> shift) & wanted) === wanted
}

/**
 * The owner may read and write whatever the bits say: the client checked them when the file was opened, and a
 * file may be opened for writing and then made read-only (RFC 1813 section 4.4).
 */
export function mayUseData(caller: Caller, attributes: Attributes, wanted: number): boolean {
  if (caller.uid === attributes.uid || mayAccess(caller, attributes, wanted)) return true
  // Who may execute must be able to read: the server cannot tell paging in from reading.
  return wanted === MAY_READ && mayAccess(caller, attributes, MAY_EXECUTE)
}

/** In a sticky directory only the owner of the directory or of the object removes or renames it. */
export function mayRemoveFrom(caller: Caller, directory: Attributes, object: Attributes): boolean {
  if ((directory.mode & MODE_STICKY) === 0 || isRoot(caller)) return true
  return caller.uid === directory.uid || caller.uid === object.uid
}

/** ACCESS3 bits that are granted (RFC 1813 section 3.3.4). */
export function grantedAccess(caller: Caller, attributes: Attributes, wanted: number): number {
  const isDirectory = attributes.type === 'directory'
  let granted = 0
  if (mayAccess(caller, attributes, MAY_READ)) granted |= ACCESS_READ
  // What access(2) means by "may write": a directory without x says yes, and refuses the change itself.
  if (mayAccess(caller, attributes, MAY_WRITE)) {
    granted |= ACCESS_MODIFY | ACCESS_EXTEND
    if (isDirectory) granted |= ACCESS_DELETE
  }
  if (mayAccess(caller, attributes, MAY_EXECUTE)) granted |= isDirectory ? ACCESS_LOOKUP : ACCESS_EXECUTE
  return granted & wanted
}

/** Writing by anyone but root takes suid away, and sgid where it is a privilege. */
export function modeAfterWrite(caller: Caller, attributes: Attributes): number {
  return isRoot(caller) ? attributes.mode : withoutSetId(caller, attributes.mode, attributes.gid)
}

/**
 * What a change of owner leaves of the mode of a file, also for root: no suid, and no sgid where the group may
 * execute (as the Linux server) or where the caller is no member of the group.
 */
export function withoutSetId(caller: Caller, mode: number, gid: number): number {
  const keepsSetGid = (mode & 0o010) === 0 && (isRoot(caller) || isMember(caller, gid))
  return mode & ~MODE_SETUID & ~(keepsSetGid ? 0 : MODE_SETGID)
}
