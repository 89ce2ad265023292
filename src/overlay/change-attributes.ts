import { sameTime, type Timestamp } from '../base/clock.ts'
import {
  type AttributeChanges,
  type Attributes,
  MAX_FILE_SIZE_BYTES,
  MODE_MASK,
  MODE_SETGID,
  type TimeChange,
} from '../vfs/attributes.ts'
import type { Caller } from '../vfs/file-system.ts'
import type { FsStatus } from '../vfs/status.ts'
import { isMember, isRoot, MAY_WRITE, mayAccess, modeAfterWrite, withoutSetId } from './permissions.ts'

const NEW_DIRECTORY_MODE_MASK = 0o1777

/** May the caller change these attributes? undefined: yes. Decides, does not act. */
export function refuseChanges(
  caller: Caller,
  attributes: Attributes,
  changes: AttributeChanges,
  guardCtime: Timestamp | undefined,
): FsStatus | undefined {
  if (guardCtime !== undefined && !sameTime(guardCtime, attributes.ctime)) return 'NOT_SYNC'
  const { sizeBytes } = changes
  if (sizeBytes !== undefined) {
    if (attributes.type === 'directory') return 'ISDIR'
    if (attributes.type !== 'file') return 'INVAL'
    if (sizeBytes > MAX_FILE_SIZE_BYTES) return 'FBIG'
  }
  if (isRoot(caller)) return undefined
  return refuseOwnerChanges(caller, attributes, changes)
}

function refuseOwnerChanges(
  caller: Caller,
  attributes: Attributes,
  changes: AttributeChanges,
): FsStatus | undefined {
  const isOwner = caller.uid === attributes.uid
  if (changes.uid !== undefined && !(isOwner && changes.uid === attributes.uid)) return 'PERM'
  if (
    changes.gid !== undefined &&
    !(isOwner && (changes.gid === attributes.gid || isMember(caller, changes.gid)))
  ) {
    return 'PERM'
  }
  if (changes.mode !== undefined && !isOwner) return 'PERM'
  const mayWrite = isOwner || mayAccess(caller, attributes, MAY_WRITE)
  if (changes.sizeBytes !== undefined && !mayWrite) return 'ACCES'
  const times = isOwner ? [] : [changes.atime, changes.mtime].filter((time) => time !== undefined)
  if (times.some((time) => time !== 'server')) return 'PERM'
  if (times.length > 0 && !mayWrite) return 'ACCES'
  return undefined
}

function timeOf(change: TimeChange | undefined, before: Timestamp, now: Timestamp): Timestamp {
  if (change === undefined) return before
  return change === 'server' ? now : change
}

/** The attributes after the change. `now` becomes ctime. */
export function changedAttributes(
  caller: Caller,
  attributes: Attributes,
  changes: AttributeChanges,
  now: Timestamp,
): Attributes {
  let mode = changes.mode === undefined ? attributes.mode : changes.mode & MODE_MASK
  const gid = changes.gid ?? attributes.gid
  const isChown = changes.uid !== undefined || changes.gid !== undefined
  // A new owner must not inherit the old one's powers (what knfsd does, for root too).
  if (isChown && attributes.type !== 'directory') mode = withoutSetId(caller, mode, gid)
  if (changes.mode !== undefined && !isRoot(caller) && !isMember(caller, gid)) mode &= ~MODE_SETGID
  if (changes.sizeBytes !== undefined) mode = modeAfterWrite(caller, { ...attributes, mode, gid })
  return {
    ...attributes,
    mode,
    uid: changes.uid ?? attributes.uid,
    gid,
    sizeBytes: changes.sizeBytes ?? attributes.sizeBytes,
    atime: timeOf(changes.atime, attributes.atime, now),
    mtime: timeOf(changes.mtime, changes.sizeBytes === undefined ? attributes.mtime : now, now),
    ctime: now,
  }
}

/**
 * What a new object's mode and group become in a directory (sgid directories hand their group down). Without a
 * mode (EXCLUSIVE create, which sends it afterwards) nobody may do anything.
 */
export function attributesForNew(
  caller: Caller,
  directory: Attributes,
  type: Attributes['type'],
  changes: AttributeChanges,
): { mode: number; uid: number; gid: number } {
  const inherits = (directory.mode & MODE_SETGID) !== 0
  const mayChoose = changes.gid !== undefined && (isRoot(caller) || isMember(caller, changes.gid))
  const gid = mayChoose ? changes.gid! : inherits ? directory.gid : caller.gid
  // Linux makes directories without suid and sgid, whatever was asked for.
  let mode = (changes.mode ?? 0) & (type === 'directory' ? NEW_DIRECTORY_MODE_MASK : MODE_MASK)
  if (inherits && type === 'directory') mode |= MODE_SETGID
  else if (!isRoot(caller) && !isMember(caller, gid)) mode &= ~MODE_SETGID
  return { mode, uid: isRoot(caller) ? (changes.uid ?? caller.uid) : caller.uid, gid }
}
