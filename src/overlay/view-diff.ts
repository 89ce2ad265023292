import { compareBytes } from '../base/bytes.ts'
import { sameTime } from '../base/clock.ts'
import type { NodeType } from '../vfs/attributes.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { BLOCK_SIZE_BYTES } from './blocks.ts'
import type { NodeRecord } from './format/node-record.ts'
import { isImageNumber } from './node-numbers.ts'
import type { ScannedEntry, ViewScan } from './view-scan.ts'

/** One path that differs from the image. */
export interface ViewChange {
  readonly kind: 'added' | 'modified' | 'removed' | 'renamed' | 'attributes' | 'conflict'
  /** From the root of the view, beginning with "/". Bytes, not text. */
  readonly path: Uint8Array
  /** Where the image has what was renamed. */
  readonly from?: Uint8Array
  readonly type: NodeType
  /** Blocks of 4 KiB that are stored in the shadow for it. */
  readonly blocks: number
  readonly bytes: number
  /** What differs: "content", "size", "mode", "uid", "gid", "mtime", "replaced", "link". */
  readonly changed?: readonly string[]
}

/** All paths that differ, in byte order. Decides from the records alone. */
export function diffView(scan: ViewScan): ViewChange[] {
  const changes: ViewChange[] = []
  const moved = new Set<ScannedEntry>()
  for (const entry of scan.entries)
    if (entry.shows !== undefined) changes.push(shownChange(scan, entry, moved))
  for (const entry of scan.entries) {
    if (entry.hides === undefined || moved.has(entry) || entry.shows !== undefined) continue
    changes.push({
      kind: 'removed',
      path: scan.entryPath(entry),
      type: entry.hides.type,
      blocks: 0,
      bytes: 0,
    })
  }
  for (const [node, record] of scan.nodes) {
    if (!isImageNumber(node) || record.removed) continue
    const change = nodeChange(scan, node, record)
    if (change !== undefined) changes.push(change)
  }
  return changes.sort((a, b) => compareBytes(a.path, b.path))
}

function stored(record: NodeRecord | undefined): { blocks: number; bytes: number } {
  const blocks = record?.presentBlocks ?? 0
  return { blocks, bytes: blocks * BLOCK_SIZE_BYTES }
}

/** A name of ours: a new object, another name for one of the image, or one of the image that was moved here. */
function shownChange(scan: ViewScan, entry: ScannedEntry, moved: Set<ScannedEntry>): ViewChange {
  const { node, type } = entry.shows!
  const path = scan.entryPath(entry)
  if (!isImageNumber(node)) {
    const replaces = entry.hides !== undefined && scan.shownAt(entry.hides.node).length === 0
    const kind = replaces ? 'modified' : 'added'
    return {
      kind,
      path,
      type,
      ...stored(scan.nodes.get(node)),
      ...(replaces ? { changed: ['replaced'] } : {}),
    }
  }
  const from = scan.hiddenAt(node).find((hidden) => !moved.has(hidden))
  if (from === undefined) return { kind: 'added', path, type, blocks: 0, bytes: 0, changed: ['link'] }
  moved.add(from)
  return { kind: 'renamed', path, from: scan.entryPath(from), type, blocks: 0, bytes: 0 }
}

function nodeChange(scan: ViewScan, node: NodeId, record: NodeRecord): ViewChange | undefined {
  const changed = changedFields(record)
  if (changed.length === 0 && !record.conflict) return undefined
  const isContent = changed.includes('content') || changed.includes('size')
  const kind = record.conflict ? 'conflict' : isContent ? 'modified' : 'attributes'
  return { kind, path: scan.nodePath(node), type: record.type, ...stored(record), changed }
}

/** What of an image node differs from what the image says. */
export function changedFields(record: NodeRecord): string[] {
  const { origin } = record
  if (origin === undefined) return []
  const changed: string[] = []
  const isFile = record.type === 'file'
  if (isFile && (record.presentBlocks > 0 || record.upstreamEndBytes < origin.sizeBytes))
    changed.push('content')
  if (isFile && record.sizeBytes !== origin.sizeBytes) changed.push('size')
  if (record.mode !== origin.mode) changed.push('mode')
  if (record.uid !== origin.uid) changed.push('uid')
  if (record.gid !== origin.gid) changed.push('gid')
  // A directory's mtime follows its entries, which are listed themselves.
  if (record.type !== 'directory' && !changed.includes('content') && !sameTime(record.mtime, origin.mtime)) {
    changed.push('mtime')
  }
  return changed
}
