import type { NodeId } from '../vfs/file-system.ts'
import type { FsResult } from '../vfs/result.ts'

/** What a handle of ours stands for. */
export interface HandleParts {
  /** The number of the export's view: 1 to 2^32 - 1. */
  readonly view: number
  readonly node: NodeId
  readonly generation: number
}

/** What nfsd needs of virtual handles (HandleCodec in src/handles): bytes for an object, and the way back. */
export interface HandleCoder {
  /** The length of every handle that `encode` makes. */
  readonly handleBytes: number
  encode(handle: HandleParts): Uint8Array
  /** BADHANDLE for what `encode` did not make. */
  decode(bytes: Uint8Array): FsResult<HandleParts>
}
