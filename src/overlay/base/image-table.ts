import { IndexBatch } from '../../index/batch.ts'
import type { IndexStore } from '../../index/index-store.ts'
import { DamageError } from '../../vfs/faults.ts'
import type { FileName, NodeId } from '../../vfs/file-system.ts'
import type { LowerObject } from '../../vfs/lower-layer.ts'
import { FieldReader, FieldWriter } from '../format/fields.ts'
import { decodeImageObjectRecord, encodeImageObjectRecord } from '../format/image-object-record.ts'
import { imageIdentityKey, imageObjectKey } from '../format/keys.ts'
import type { NodeNumbers } from '../node-numbers.ts'
import { evictUnused, type OperationWindow } from '../operation-window.ts'
import { ImageObject } from './image-object.ts'

/** Objects of the image kept in memory (the index has all that ever got a number). */
export const IMAGE_OBJECTS_MAX = 100_000

export interface Adopted {
  readonly parent: NodeId
  readonly name: FileName
  readonly object: LowerObject
}

/**
 * The numbers of the image's objects. An object is found by the image's (fsid, fileid) and not by its handle:
 * servers may give one file two handles, and hard links must stay one file.
 */
export class ImageTable {
  readonly #index: IndexStore
  readonly #numbers: NodeNumbers
  readonly #window: OperationWindow
  readonly #objects = new Map<NodeId, ImageObject>()
  readonly #byIdentity = new Map<bigint, Map<bigint, ImageObject>>()

  constructor(index: IndexStore, numbers: NodeNumbers, window: OperationWindow) {
    this.#index = index
    this.#numbers = numbers
    this.#window = window
  }

  get size(): number {
    return this.#objects.size
  }

  /** The object of an odd number. Throws DamageError when its record is gone: records of the image never go. */
  get(node: NodeId): ImageObject {
    let object = this.#objects.get(node)
    if (object === undefined) {
      const payload = this.#index.get(imageObjectKey(node))
      if (payload === undefined)
        throw new DamageError(`image object ${node}`, 'it has no record in the index')
      object = new ImageObject(node, decodeImageObjectRecord(payload, `image object ${node}`))
      this.#keep(object)
    }
    object.lastUse = this.#window.current
    return object
  }

  /** Was the number ever given to an object of this image? A forged number is no damage. */
  knows(node: NodeId): boolean {
    return this.#objects.has(node) || this.#index.get(imageObjectKey(node)) !== undefined
  }

  /** Finds or numbers the objects. The records of new ones are queued, not synced; await `written` before a client may see them. */
  adopt(found: readonly Adopted[]): { objects: ImageObject[]; written: Promise<void> | undefined } {
    const batch = new IndexBatch()
    const fresh: ImageObject[] = []
    const objects = found.map((entry) => {
      const known = this.#find(entry.object.attributes.fsid, entry.object.attributes.fileid)
      const object = known ?? this.#number(entry, batch)
      if (known === undefined) fresh.push(object)
      object.lastUse = this.#window.current
      return object
    })
    if (batch.isEmpty) return { objects, written: undefined }
    const written = this.#index.commit(batch, false)
    for (const object of fresh) object.queuedSequence = this.#index.queuedSequence
    return { objects, written }
  }

  /** The object got another handle (the server was restored, a replica took over). */
  async noteHandle(object: ImageObject): Promise<void> {
    const batch = new IndexBatch()
    batch.put(imageObjectKey(object.node), encodeImageObjectRecord(object.record), false)
    await this.#index.commit(batch, false)
  }

  forgetAll(): void {
    this.#objects.clear()
    this.#byIdentity.clear()
  }

  /** Makes room; `dropped` is told what goes. */
  evict(): void {
    const oldest = this.#window.oldest
    evictUnused(this.#objects, IMAGE_OBJECTS_MAX, (object) => {
      if (object.lastUse >= oldest || object.queuedSequence > this.#index.writtenSequence) return false
      this.#byIdentity.get(object.fsid)?.delete(object.fileid)
      return true
    })
  }

  #find(fsid: bigint, fileid: bigint): ImageObject | undefined {
    const known = this.#byIdentity.get(fsid)?.get(fileid)
    if (known !== undefined) return known
    const payload = this.#index.get(imageIdentityKey(fsid, fileid))
    if (payload === undefined) return undefined
    return this.get(new FieldReader(payload, `image identity ${fsid}/${fileid}`).number() as NodeId)
  }

  #number({ parent, name, object }: Adopted, batch: IndexBatch): ImageObject {
    const node = this.#numbers.takeForImage(batch)
    const { fsid, fileid, type } = object.attributes
    const record = { fsid, fileid, type, parent, name: new Uint8Array(name), handle: object.handle }
    batch.put(imageObjectKey(node), encodeImageObjectRecord(record), true)
    batch.put(imageIdentityKey(fsid, fileid), new FieldWriter(8).number(node).finish(), true)
    const numbered = new ImageObject(node, {
      ...record,
      handle: new Uint8Array(object.handle) as typeof object.handle,
    })
    this.#keep(numbered)
    return numbered
  }

  #keep(object: ImageObject): void {
    this.#objects.set(object.node, object)
    let files = this.#byIdentity.get(object.fsid)
    if (files === undefined) {
      files = new Map()
      this.#byIdentity.set(object.fsid, files)
    }
    files.set(object.fileid, object)
  }
}
