import type { Attributes } from '../vfs/attributes.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { ImageObject } from './base/image-object.ts'
import type { DirectoryDelta } from './directory-delta.ts'
import type { NodeRecord, Origin, Place } from './format/node-record.ts'
import { Lock } from './lock.ts'
import type { PresenceMap } from './presence-map.ts'

/**
 * One object of a view, in memory. There is one Node for a number at a time; it stays while an operation that
 * looked it up is under way, while its last commit is queued, and while it has data that is not stable.
 */
export class Node {
  readonly id: NodeId
  /** What it stands on; undefined for a node the view made. */
  readonly image: ImageObject | undefined
  /** As clients see them. Undefined: untouched, and the image was not asked yet. */
  attributes: Attributes | undefined
  /** The image's attributes that `attributes` was made from, while untouched. */
  madeFrom: Attributes | undefined
  /** What the image said when the node became ours; undefined while untouched, and for a node the view made. */
  origin: Origin | undefined
  /** The index has a record of it. */
  recorded = false
  removed = false
  /** The image changed under redirected blocks: reads and writes answer IO until a person decides. */
  conflict = false
  /** The size as of the last stable change: what the record says, so that no crash shows a size without its data. */
  stableSizeBytes = 0
  /** Image bytes at or after it never come back. */
  upstreamEndBytes = 0
  /** Present blocks as the index has them. */
  stablePresentBlocks = 0
  /** What the index must hold of presence pages and entries; while they are loaded, they know better. */
  pages = 0
  pagesHash = 0
  entries = 0
  entriesHash = 0
  presence: PresenceMap | undefined
  delta: DirectoryDelta | undefined
  target: Uint8Array | undefined
  verifier: Uint8Array | undefined
  place: Place | undefined
  /** The index has the overwrite mark: stable blocks may be overwritten in place. */
  marked = false
  /** The mark was there when the node was loaded: a block whose checksum differs may be a torn unstable write. */
  untrusted = false
  /** A truncate intent in the index; `done`: carried out, to be deleted with the next commit of data. */
  truncateIntent: 'none' | 'pending' | 'done' = 'none'
  /** When data was last written, in ms of the monotonic clock. */
  writtenAtMs = 0
  /** The commit of data under way, and the one that waits for it to end. */
  runningCommit: Promise<void> | undefined
  nextCommit: Promise<void> | undefined
  /** The shadow file has bytes that were not synced. */
  hasUnsyncedData = false
  /** A removed node's blocks are still in the shadow: to be discarded after the commit. */
  hasShadowFile = false
  /** A write is planned and not over; only while `dataLock` is held. */
  isWriting = false
  /** Serialises changes of data and size. */
  readonly dataLock = new Lock()
  lastUse = 0
  queuedSequence = 0

  constructor(id: NodeId, image: ImageObject | undefined) {
    this.id = id
    this.image = image
  }

  /** Differs from the image (or was never there): has, or is about to get, a record. */
  get isOurs(): boolean {
    return this.image === undefined || this.origin !== undefined
  }

  get isDirty(): boolean {
    return this.hasUnsyncedData || (this.presence?.dirtyPages.size ?? 0) > 0
  }

  /** The record as it must be on disk: the size that is stable, not the one that only memory knows. */
  get record(): NodeRecord {
    const attributes = this.attributes!
    const pages = this.presence?.savedPages ?? this
    return {
      type: attributes.type,
      removed: this.removed,
      conflict: this.conflict,
      mode: attributes.mode,
      nlink: attributes.nlink,
      uid: attributes.uid,
      gid: attributes.gid,
      sizeBytes: attributes.type === 'file' ? this.stableSizeBytes : attributes.sizeBytes,
      rdevMajor: attributes.rdevMajor,
      rdevMinor: attributes.rdevMinor,
      atime: attributes.atime,
      mtime: attributes.mtime,
      ctime: attributes.ctime,
      upstreamEndBytes: this.upstreamEndBytes,
      presentBlocks: this.stablePresentBlocks,
      pages: pages.pages,
      pagesHash: pages.pagesHash,
      entries: this.delta?.size ?? this.entries,
      entriesHash: this.delta?.hash ?? this.entriesHash,
      origin: this.origin,
      target: this.target,
      verifier: this.verifier,
      place: this.place,
    }
  }
}
