import type { Awaitable } from '../base/awaitable.ts'
import type { NodeId, SpaceUsage } from './file-system.ts'

/** One shadow file: the redirected blocks of one node of one view, at the offsets they have in the file. */
export interface ShadowKey {
  /** The view's number: 1 to 2^32 - 1, never reused. */
  readonly view: number
  readonly node: NodeId
}

/**
 * Where redirected blocks live: flat, sparse files named by view and node. Two makers: a local directory and an
 * NFS server. Every method throws StorageError (NOSPC, DQUOT, FBIG, IO as itself) or ServerUnavailableError.
 * A method that returns a value rather than a promise has done its work.
 */
export interface ShadowStore {
  /** For messages: a path or a URL. */
  readonly name: string
  /** Bytes read from the start of `into`; fewer than asked only at the end of the file; 0 if there is no file. */
  read(key: ShadowKey, offsetBytes: number, into: Uint8Array): Awaitable<number>
  /** Writes all of `data`, making the file if there is none. Not yet stable. `data` is borrowed until done. */
  write(key: ShadowKey, offsetBytes: number, data: Uint8Array): Awaitable<void>
  /** Cuts or extends (sparse) to the size; makes no file where there is none. */
  truncate(key: ShadowKey, sizeBytes: number): Awaitable<void>
  /**
   * When it resolves, everything written to the file before the call is on stable storage, its name included.
   * After a failure the data must be taken as lost: it is not tried again as if it could succeed later.
   */
  sync(key: ShadowKey): Promise<void>
  /** Removes the file if it is there. */
  remove(key: ShadowKey): Awaitable<void>
  /** The nodes that have a file in this view. */
  list(view: number): AsyncIterable<NodeId>
  /** Removes all files of the view. */
  removeView(view: number): Promise<void>
  space(): Awaitable<SpaceUsage>
  close(): Promise<void>
}
