import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowKey } from '../vfs/shadow-store.ts'

/**
 * How shadow files are named, the same in a local directory and on an NFS server (docs/formats/shadow-store.md):
 * `<view, decimal>/<low byte of node, 2 hex digits>/<node, hex>`. Lower case, no leading zeros in view and node.
 */
export const BUCKETS_PER_VIEW = 256

export function viewFolderName(view: number): string {
  return String(view)
}

export function bucketName(bucket: number): string {
  return bucket.toString(16).padStart(2, '0')
}

/** The low byte, so that nodes made one after the other spread over all folders. `%`: a node is wider than 32 bits. */
export function bucketOfNode(node: NodeId): number {
  return node % BUCKETS_PER_VIEW
}

export function fileName(node: NodeId): string {
  return node.toString(16)
}

export function pathOfKey(key: ShadowKey): readonly [view: string, bucket: string, file: string] {
  return [viewFolderName(key.view), bucketName(bucketOfNode(key.node)), fileName(key.node)]
}

/** The node a name in this bucket stands for; undefined for a foreign name (`.nfs…`, an editor's copy). */
export function nodeOfFileName(name: string, bucket: number): NodeId | undefined {
  const node = Number.parseInt(name, 16)
  if (!Number.isSafeInteger(node) || node < 0) return undefined
  const id = node as NodeId
  return fileName(id) === name && bucketOfNode(id) === bucket ? id : undefined
}
