import type { Timestamp } from '../base/clock.ts'

export type NodeType = 'file' | 'directory' | 'symlink' | 'block' | 'character' | 'socket' | 'fifo'

/**
 * What an object looks like at one moment (fattr3, RFC 1813 section 2.5). Immutable: a change makes a new value,
 * so that a kept reference is a true "before" for wcc_data.
 */
export interface Attributes {
  readonly type: NodeType
  /** Permission bits with suid, sgid and sticky: 0 to 0o7777. No type bits. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** At most MAX_FILE_SIZE_BYTES, so a number is exact. */
  readonly sizeBytes: number
  readonly usedBytes: number
  /** Device numbers; 0 for everything that is not a device. */
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly fsid: bigint
  readonly fileid: bigint
  readonly atime: Timestamp
  readonly mtime: Timestamp
  readonly ctime: Timestamp
}

/** A time in SETATTR: ours ("now" on the server), or the client's. */
export type TimeChange = 'server' | Timestamp

/** sattr3 (RFC 1813 section 2.5): what is absent is not changed. */
export interface AttributeChanges {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly sizeBytes?: number
  readonly atime?: TimeChange
  readonly mtime?: TimeChange
}

export const MODE_SETUID = 0o4000
export const MODE_SETGID = 0o2000
export const MODE_STICKY = 0o1000
export const MODE_MASK = 0o7777

/** Largest file: offsets and sizes must be exact numbers (2^53 - 1). 8 PiB, far over the 1 TiB promised. */
export const MAX_FILE_SIZE_BYTES = Number.MAX_SAFE_INTEGER
/** Longest name, as on Linux (NAME_MAX). RFC 1813 leaves it to PATHCONF. */
export const FILE_NAME_MAX_BYTES = 255
/** Longest symbolic link (Linux PATH_MAX - 1). */
export const SYMLINK_MAX_BYTES = 4095
/** Most links to one object (as ext4, 65,000). */
export const LINK_MAX = 65_000
