import { byteKey } from '../../base/bytes.ts'
import { sameTime } from '../../base/clock.ts'
import type { Attributes, NodeType } from '../../vfs/attributes.ts'
import type { FileName, NodeId } from '../../vfs/file-system.ts'
import type { LowerHandle } from '../../vfs/lower-layer.ts'
import type { ImageObjectRecord } from '../format/image-object-record.ts'
import type { Listing } from './listing.ts'

/** Names that were looked up one by one, per directory; over it they are forgotten (or the whole listing is read). */
export const LOOKED_UP_NAMES_MAX = 4_096

/** One object of the image, with what is known of it. Shared by all views. Everything but its number may be fetched again. */
export class ImageObject {
  readonly node: NodeId
  readonly fsid: bigint
  readonly fileid: bigint
  readonly type: NodeType
  readonly parent: NodeId
  readonly name: FileName
  handle: LowerHandle
  /** As the image server gave them: its fsid and fileid. */
  attributes: Attributes | undefined
  attributesAtMs = 0
  target: Uint8Array | undefined
  listing: Listing | undefined
  /** Lookups that missed while the listing was not known. */
  misses = 0
  lastUse = 0
  /** The index commit that carries the record. */
  queuedSequence = 0
  #names: Map<string, NodeId | undefined> | undefined

  constructor(node: NodeId, record: ImageObjectRecord) {
    this.node = node
    this.fsid = record.fsid
    this.fileid = record.fileid
    this.type = record.type
    this.parent = record.parent
    this.name = record.name
    this.handle = record.handle
  }

  get record(): ImageObjectRecord {
    const { fsid, fileid, type, parent, name, handle } = this
    return { fsid, fileid, type, parent, name, handle }
  }

  /** What is known of a name: its object, "there is none" (`found: undefined`), or nothing. */
  knownName(name: FileName): { readonly found: NodeId | undefined } | undefined {
    if (this.listing !== undefined) return { found: this.listing.find(name) }
    const key = byteKey(name)
    const found = this.#names?.get(key)
    if (found !== undefined) return { found }
    return this.#names?.has(key) ? { found: undefined } : undefined
  }

  learnName(name: FileName, found: NodeId | undefined): void {
    if (this.#names === undefined || this.#names.size >= LOOKED_UP_NAMES_MAX) this.#names = new Map()
    this.#names.set(byteKey(name), found)
  }

  /** A listing answers for all names. */
  learnListing(listing: Listing): void {
    this.listing = listing
    this.#names = undefined
  }

  forgetContent(): void {
    this.listing = undefined
    this.#names = undefined
    this.target = undefined
    this.misses = 0
  }
}

/** Is it still the same content? Size, mtime and ctime tell (architecture: "the image is immutable"). */
export function sameVersion(
  a: Pick<Attributes, 'sizeBytes' | 'mtime' | 'ctime'>,
  b: Pick<Attributes, 'sizeBytes' | 'mtime' | 'ctime'>,
): boolean {
  return a.sizeBytes === b.sizeBytes && sameTime(a.mtime, b.mtime) && sameTime(a.ctime, b.ctime)
}
