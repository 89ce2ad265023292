import { FsFault } from '../vfs/faults.ts'
import type { FsStatus } from '../vfs/status.ts'

/** Thrown when a server is there but does not give us the export. The message says what to look at. */
export class MountError extends FsFault {
  override readonly name = 'MountError'
  readonly status: FsStatus
  constructor(status: FsStatus, url: string, what: string, options?: ErrorOptions) {
    super(`cannot mount ${url}: ${what}`, options)
    this.status = status
  }
}
