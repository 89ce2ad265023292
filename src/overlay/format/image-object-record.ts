import type { NodeType } from '../../vfs/attributes.ts'
import type { NodeId } from '../../vfs/file-system.ts'
import type { LowerHandle } from '../../vfs/lower-layer.ts'
import { FieldReader, FieldWriter } from './fields.ts'

/** An object of the image that got a number: how to find it again. Written once, never evicted. */
export interface ImageObjectRecord {
  readonly fsid: bigint
  readonly fileid: bigint
  readonly type: NodeType
  /** The directory it was first seen in; 0 for the root of the image. */
  readonly parent: NodeId
  readonly name: Uint8Array
  readonly handle: LowerHandle
}

export function encodeImageObjectRecord(object: ImageObjectRecord): Buffer {
  const out = new FieldWriter(64 + object.name.length + object.handle.length)
  out.u64(object.fsid).u64(object.fileid).type(object.type).number(object.parent)
  return out.bytes(object.name).bytes(object.handle).finish()
}

export function decodeImageObjectRecord(payload: Uint8Array, object: string): ImageObjectRecord {
  const from = new FieldReader(payload, object)
  return {
    fsid: from.u64(),
    fileid: from.u64(),
    type: from.type(),
    parent: from.number() as NodeId,
    name: from.bytes(),
    handle: from.bytes() as LowerHandle,
  }
}
