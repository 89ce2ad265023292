import { FsFault, statusOfErrno } from '../vfs/faults.ts'
import type { FsStatus } from '../vfs/status.ts'

/** Thrown when the host refuses a system call on an exported tree. */
export class HostError extends FsFault {
  override readonly name = 'HostError'
  readonly status: FsStatus
  constructor(status: FsStatus, cause: Error) {
    super(`the host refused to serve the exported tree: ${cause.message}`, { cause })
    this.status = status
  }
}

/** Not this call's fault and gone in a moment: the client waits and asks again. */
const TEMPORARY = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EBUSY'])

/** The name is not there, or is not any more what it was when we looked. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'])

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}

export function isAbsent(error: unknown): boolean {
  return ABSENT.has(codeOf(error) ?? '')
}

/** The fault for an error of a system call; anything else is a bug and comes back as it is. */
export function hostFault(error: unknown): unknown {
  if (error instanceof FsFault || !(error instanceof Error)) return error
  const status = TEMPORARY.has(codeOf(error) ?? '') ? 'JUKEBOX' : statusOfErrno(error)
  return status === undefined ? error : new HostError(status, error)
}

/** Runs a system call; undefined when the name is not there, a HostError for any other refusal. */
export function ifPresent<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw hostFault(error)
  }
}

/** The same for a call on the thread pool. */
export async function ifPresentLater<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw hostFault(error)
  }
}

/** Runs a system call that can only fail by the host's fault. */
export function orFault<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw hostFault(error)
  }
}
