import type { Brand } from '../base/brand.ts'
import type { Attributes } from './attributes.ts'
import type { FileName, SpaceUsage } from './file-system.ts'
import type { FsResult } from './result.ts'

/** How a layer names one of its objects: at most LOWER_HANDLE_MAX_BYTES. Opaque: compare it, store it, never parse it. */
export type LowerHandle = Brand<Uint8Array, 'LowerHandle'>
export const LOWER_HANDLE_MAX_BYTES = 64

/** An object of a base. It is the same object if (fsid, fileid) of its attributes are the same, whatever the handle. */
export interface LowerObject {
  readonly handle: LowerHandle
  readonly attributes: Attributes
}

export interface LowerEntry {
  readonly name: FileName
  readonly fileid: bigint
  /** Absent when the layer gave only the name: then `lookup` it. */
  readonly object: LowerObject | undefined
}

export interface LowerPage {
  /** Without "." and "..". */
  readonly entries: readonly LowerEntry[]
  /** Pass it on to `list` for the next page; undefined: that was the last. */
  readonly next: unknown
  /** The directory's attributes as the answer carried them. */
  readonly directory: Attributes | undefined
}

/**
 * A base: a read-only tree of objects; an NFSv3 server, later an image version or another view. Only reads.
 * Refusals are the layer's own statuses; faults are thrown (ServerUnavailableError after a bounded wait).
 */
export interface LowerLayer {
  /** For messages: "nfs://host/path". */
  readonly name: string
  root(): Promise<LowerObject>
  getattr(handle: LowerHandle): Promise<FsResult<Attributes>>
  /** `directory`: the attributes of the directory as the answer carried them, also when refused. */
  lookup(
    directory: LowerHandle,
    name: FileName,
  ): Promise<
    FsResult<
      { readonly object: LowerObject; readonly directory: Attributes | undefined },
      { readonly directory: Attributes | undefined }
    >
  >
  readlink(handle: LowerHandle): Promise<FsResult<Uint8Array>>
  /**
   * Up to `countBytes` from `offsetBytes` (any size: the layer splits it into calls and keeps many in flight).
   * Short only at the end of the file. `attributes` as the answer carried them: to see that the file has changed.
   */
  read(
    handle: LowerHandle,
    offsetBytes: number,
    countBytes: number,
  ): Promise<FsResult<{ readonly data: Uint8Array; readonly attributes: Attributes | undefined }>>
  /** One page of names; `from` is undefined for the first page, then `next` of the page before. */
  list(directory: LowerHandle, from: unknown): Promise<FsResult<LowerPage>>
  space(): Promise<FsResult<SpaceUsage>>
  close(): Promise<void>
}
