import type { Attributes } from '../vfs/attributes.ts'
import type { FsObject, NodeId, Wcc, WccFail } from '../vfs/file-system.ts'
import { refuse } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'

/** Node numbers are never reused, so every handle has the same generation. */
export const NODE_GENERATION = 1

export function objectOf(node: NodeId, attributes: Attributes): FsObject {
  return { node, generation: NODE_GENERATION, attributes }
}

export const NO_WCC: Wcc = { before: undefined, after: undefined }

/** Nothing changed: before and after are the same. */
export function unchanged(attributes: Attributes | undefined): Wcc {
  return { before: attributes, after: attributes }
}

export function refuseUnchanged(
  status: FsStatus,
  attributes: Attributes | undefined,
): { readonly ok: false; readonly status: FsStatus; readonly fail: WccFail } {
  return refuse(status, { wcc: unchanged(attributes) })
}
