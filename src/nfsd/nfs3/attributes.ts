import type { Timestamp } from '../../base/clock.ts'
import type {
  fattr3,
  ftype3,
  sattr3,
  set_time,
  wcc_attr,
  wcc_data,
} from '../../protocols/nfs3/basic-types.ts'
import {
  type AttributeChanges,
  type Attributes,
  MAX_FILE_SIZE_BYTES,
  MODE_MASK,
  type NodeType,
  type TimeChange,
} from '../../vfs/attributes.ts'
import type { Wcc } from '../../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'

const FTYPE3: Readonly<Record<NodeType, ftype3>> = {
  file: 'NF3REG',
  directory: 'NF3DIR',
  block: 'NF3BLK',
  character: 'NF3CHR',
  symlink: 'NF3LNK',
  socket: 'NF3SOCK',
  fifo: 'NF3FIFO',
}

export function toFattr3(attributes: Attributes): fattr3 {
  return {
    type: FTYPE3[attributes.type],
    mode: attributes.mode,
    nlink: attributes.nlink,
    uid: attributes.uid,
    gid: attributes.gid,
    size: attributes.sizeBytes,
    used: attributes.usedBytes,
    rdev: { specdata1: attributes.rdevMajor, specdata2: attributes.rdevMinor },
    fsid: attributes.fsid,
    fileid: attributes.fileid,
    atime: attributes.atime,
    mtime: attributes.mtime,
    ctime: attributes.ctime,
  }
}

export function toPostOpAttr(attributes: Attributes | undefined): fattr3 | undefined {
  return attributes === undefined ? undefined : toFattr3(attributes)
}

export function toWccData(wcc: Wcc): wcc_data {
  return { before: toWccAttr(wcc.before), after: toPostOpAttr(wcc.after) }
}

function toWccAttr(attributes: Attributes | undefined): wcc_attr | undefined {
  if (attributes === undefined) return undefined
  return { size: attributes.sizeBytes, mtime: attributes.mtime, ctime: attributes.ctime }
}

/** Nothing was done: before is after. */
export function unchangedWcc(attributes: Attributes | undefined): wcc_data {
  return toWccData({ before: attributes, after: attributes })
}

export const NO_WCC: wcc_data = { before: undefined, after: undefined }

const NANOSECONDS_PER_SECOND = 1_000_000_000
/** (uid_t) -1: no user has it, and chown(2) takes it for "leave as it is". */
const ID_UNCHANGED = 0xffff_ffff

/** Clients send the type bits along with the mode, and uid -1: both are ignored, as Linux's server does. */
export function toAttributeChanges(wanted: sattr3): FsResult<AttributeChanges> {
  const { mode, uid, gid, size } = wanted
  if (size !== undefined && size > MAX_FILE_SIZE_BYTES) return refuse('FBIG')
  if (!isTime(wanted.atime) || !isTime(wanted.mtime)) return refuse('INVAL')
  const atime = toTimeChange(wanted.atime)
  const mtime = toTimeChange(wanted.mtime)
  return succeed({
    ...(mode === undefined ? {} : { mode: mode & MODE_MASK }),
    ...(uid === undefined || uid === ID_UNCHANGED ? {} : { uid }),
    ...(gid === undefined || gid === ID_UNCHANGED ? {} : { gid }),
    ...(size === undefined ? {} : { sizeBytes: size }),
    ...(atime === undefined ? {} : { atime }),
    ...(mtime === undefined ? {} : { mtime }),
  })
}

function isTime(time: set_time): boolean {
  return typeof time !== 'object' || isTimestamp(time)
}

function isTimestamp(time: Timestamp): boolean {
  return time.nanoseconds < NANOSECONDS_PER_SECOND
}

function toTimeChange(time: set_time): TimeChange | undefined {
  return time === 'SET_TO_SERVER_TIME' ? 'server' : time
}
