import type { FsStatus } from './status.ts'

/** An operating fault from below the file system. Carries the one status a client may see. */
export abstract class FsFault extends Error {
  abstract readonly status: FsStatus
}

/** Thrown while the image server (or shadow server) does not answer. The client is told to wait and retry. */
export class ServerUnavailableError extends FsFault {
  override readonly name = 'ServerUnavailableError'
  readonly status = 'JUKEBOX'
  readonly waitedMs: number
  constructor(server: string, waitedMs: number, options?: ErrorOptions) {
    super(`${server} did not answer for ${Math.round(waitedMs)} ms`, options)
    this.waitedMs = waitedMs
  }
}

/** Thrown when the local disk or the shadow server refuses to store: NOSPC, DQUOT, FBIG, ROFS or IO as itself. */
export class StorageError extends FsFault {
  override readonly name = 'StorageError'
  readonly status: FsStatus
  constructor(status: FsStatus, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** Thrown when stored bytes are not what was written. Names the object; never served as data. */
export class DamageError extends FsFault {
  override readonly name = 'DamageError'
  readonly status = 'IO'
  readonly object: string
  constructor(object: string, what: string, options?: ErrorOptions) {
    super(`damaged: ${object}: ${what}`, options)
    this.object = object
  }
}

/** Thrown when the image changed under a node that has redirected blocks: old and new bytes are never mixed. */
export class BaseConflictError extends FsFault {
  override readonly name = 'BaseConflictError'
  readonly status = 'IO'
}

/** Called at one place, the edge of the file system. Anything but a fault is a bug and must not be hidden. */
export function statusOfFault(error: unknown): FsStatus {
  if (error instanceof FsFault) return error.status
  throw error
}

const STATUS_OF_ERRNO: Readonly<Record<string, FsStatus>> = {
  EPERM: 'PERM',
  ENOENT: 'NOENT',
  EIO: 'IO',
  ENXIO: 'NXIO',
  EACCES: 'ACCES',
  EEXIST: 'EXIST',
  EXDEV: 'XDEV',
  ENODEV: 'NODEV',
  ENOTDIR: 'NOTDIR',
  EISDIR: 'ISDIR',
  EINVAL: 'INVAL',
  EFBIG: 'FBIG',
  ENOSPC: 'NOSPC',
  EROFS: 'ROFS',
  EMLINK: 'MLINK',
  ENAMETOOLONG: 'NAMETOOLONG',
  ENOTEMPTY: 'NOTEMPTY',
  EDQUOT: 'DQUOT',
  ESTALE: 'STALE',
  ELOOP: 'INVAL',
}

/** The status for a system call's error; undefined when it is not one we know (a bug, or out of descriptors). */
export function statusOfErrno(error: unknown): FsStatus | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return code === undefined ? undefined : STATUS_OF_ERRNO[code]
}
