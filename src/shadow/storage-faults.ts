import { StorageError } from '../vfs/faults.ts'
import type { FsStatus } from '../vfs/status.ts'

const STATUS_OF_CODE: Readonly<Record<string, FsStatus>> = {
  ENOSPC: 'NOSPC',
  EDQUOT: 'DQUOT',
  EFBIG: 'FBIG',
  EROFS: 'ROFS',
}

const ADVICE: Readonly<Record<string, string>> = {
  NOSPC: 'free space there, or reset or remove a view',
  DQUOT: 'raise the quota of the user that runs rowfs, or reset or remove a view',
  FBIG: 'the file system under the shadow cannot hold a file that long; move the shadow to one that can',
  ROFS: 'mount the file system under the shadow writable again',
  JUKEBOX: 'it is tried again when the client asks again',
  IO: 'look into the system log of the machine that holds the shadow',
}

/** The fault for a refused request about a shadow file or folder; `what` is a verb phrase, "write". */
export function storageFault(
  status: FsStatus,
  what: string,
  object: string,
  reason: string,
  cause?: unknown,
): StorageError {
  const advice = ADVICE[status] ?? ADVICE.IO
  const options = cause === undefined ? undefined : { cause }
  return new StorageError(status, `cannot ${what} shadow ${object}: ${reason}: ${advice}`, options)
}

/** The fault for a failed system call. What did not come from the system is a bug and passes unchanged. */
export function storageFaultOfErrno(what: string, path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === undefined || error instanceof StorageError || code.startsWith('ERR_')) return error
  return storageFault(STATUS_OF_CODE[code] ?? 'IO', what, path, code, error)
}

export function isErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === code
}
