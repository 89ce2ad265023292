import type { MountedExport, NfsExport } from '../nfsclient/nfs-export.ts'
import { NFS3_PROCEDURES } from '../protocols/nfs3/procedures.ts'
import { FsFault, StorageError } from '../vfs/faults.ts'
import type { FsResult } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import { storageFault } from './storage-faults.ts'

/** All that a shadow store ever asks of its server. */
export const SHADOW_PROCEDURES = {
  NULL: NFS3_PROCEDURES.NULL,
  SETATTR: NFS3_PROCEDURES.SETATTR,
  LOOKUP: NFS3_PROCEDURES.LOOKUP,
  READ: NFS3_PROCEDURES.READ,
  WRITE: NFS3_PROCEDURES.WRITE,
  CREATE: NFS3_PROCEDURES.CREATE,
  MKDIR: NFS3_PROCEDURES.MKDIR,
  REMOVE: NFS3_PROCEDURES.REMOVE,
  RMDIR: NFS3_PROCEDURES.RMDIR,
  READDIR: NFS3_PROCEDURES.READDIR,
  FSSTAT: NFS3_PROCEDURES.FSSTAT,
  FSINFO: NFS3_PROCEDURES.FSINFO,
  COMMIT: NFS3_PROCEDURES.COMMIT,
} as const

export type ShadowExport = NfsExport<typeof SHADOW_PROCEDURES>
export type MountedShadow = MountedExport<typeof SHADOW_PROCEDURES>
export type ShadowClient = MountedShadow['client']

/** What a client of ours may be told as it is; everything else about the shadow is a hard error to it. */
const KEPT: ReadonlySet<FsStatus> = new Set(['NOSPC', 'DQUOT', 'FBIG', 'ROFS', 'JUKEBOX'])

/** The value, or the refusal thrown as a fault. */
export function granted<T>(result: FsResult<T, unknown>, what: string, object: string): T {
  if (result.ok) return result.value
  throw refused(result.status, what, object)
}

/** STALE above all must not go further: clients drop their data on it. */
export function refused(status: FsStatus, what: string, object: string): StorageError {
  return storageFault(KEPT.has(status) ? status : 'IO', what, object, `the server answers ${status}`)
}

/** What the RPC and mount layers throw, as a fault of the store. */
export function storeFault(error: unknown): unknown {
  if (!(error instanceof FsFault) || KEPT.has(error.status) || error.status === 'IO') return error
  return new StorageError('IO', error.message, { cause: error })
}

export function isStale(result: FsResult<unknown, unknown>): boolean {
  return !result.ok && (result.status === 'STALE' || result.status === 'BADHANDLE')
}

/** Nothing is decided: the same may succeed later. */
export function isTransient(error: unknown): boolean {
  return error instanceof FsFault && error.status === 'JUKEBOX'
}
