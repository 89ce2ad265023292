import type { Awaitable } from '../../base/awaitable.ts'
import { byteKey } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { IndexStore } from '../../index/index-store.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import { ServerUnavailableError, StorageError } from '../../vfs/faults.ts'
import type { FileName, NodeId, SpaceUsage } from '../../vfs/file-system.ts'
import type { LowerEntry, LowerHandle, LowerLayer, LowerObject } from '../../vfs/lower-layer.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import type { NodeNumbers } from '../node-numbers.ts'
import type { OperationWindow } from '../operation-window.ts'
import { BlockReader, type ReadCounters } from './block-reader.ts'
import { type ImageObject, sameVersion } from './image-object.ts'
import { type Adopted, ImageTable } from './image-table.ts'
import { Listing } from './listing.ts'

/** Lookups of missing names in one directory after which its whole listing is read: it answers all others. */
export const MISSES_BEFORE_LISTING = 8
/** Memory for whole listings (about 20 bytes a name, and the name); over it the longest unused go. */
export const LISTINGS_MAX_BYTES = 64 * 1024 * 1024
/** How often a listing is begun again because the directory changed in the middle of it. */
const LISTING_TRIES = 4
/** Names without handle in a listing are looked up so many at a time. */
const LOOKUPS_IN_FLIGHT = 32

export interface ImageOptions {
  readonly index: IndexStore
  readonly lower: LowerLayer
  readonly numbers: NodeNumbers
  readonly window: OperationWindow
  readonly clock: Clock
  readonly logger: Logger
  readonly cacheBytes: number
  /** How long attributes are believed, in ms; 0: for ever (an image does not change). */
  readonly recheckMs: number
  readonly counters: ReadCounters
}

/**
 * The image: numbered objects of a LowerLayer behind caches that all views share. Concurrent requests for the
 * same thing share one fetch. Knows nothing of views.
 */
export class Image {
  readonly table: ImageTable
  readonly blocks: BlockReader
  readonly #lower: LowerLayer
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #recheckMs: number
  readonly #window: OperationWindow
  /** Directories whose listing is in memory, the one listed first in front. */
  readonly #listed = new Set<ImageObject>()
  #listedBytes = 0
  readonly #fetches = new Map<string, Promise<unknown>>()
  #root: ImageObject | undefined

  constructor(options: ImageOptions) {
    this.#lower = options.lower
    this.#clock = options.clock
    this.#logger = options.logger
    this.#recheckMs = options.recheckMs
    this.#window = options.window
    this.table = new ImageTable(options.index, options.numbers, options.window)
    this.blocks = new BlockReader(this, options.cacheBytes, options.counters)
  }

  get name(): string {
    return this.#lower.name
  }

  /** Mounts: must be called once, and again after `forgetAll`. */
  async root(): Promise<ImageObject> {
    if (this.#root !== undefined) return this.#root
    const object = await this.#lower.root()
    const [root] = await this.#adopt([{ parent: 0 as NodeId, name: new Uint8Array(), object }])
    this.#root = root!
    return root!
  }

  object(node: NodeId): ImageObject {
    return this.table.get(node)
  }

  /** Drops what came from the index. Cached blocks stay: a number is never given twice. */
  forgetAll(): void {
    this.table.forgetAll()
    this.#listed.clear()
    this.#listedBytes = 0
    this.#root = undefined
  }

  attributes(object: ImageObject): Awaitable<FsResult<Attributes>> {
    object.lastUse = this.#window.current
    if (object.attributes !== undefined && !this.#isOld(object)) return succeed(object.attributes)
    return this.#once(`a${object.node}`, async () => {
      const result = await this.#withHandle(object, (handle) => this.#lower.getattr(handle))
      if (result.ok) this.noteAttributes(object, result.value)
      return result
    })
  }

  #isOld(object: ImageObject): boolean {
    return this.#recheckMs > 0 && this.#clock.monotonicMs() - object.attributesAtMs > this.#recheckMs
  }

  /**
   * Attributes that came with any answer. When they tell that the object is not what it was, everything known of
   * its content is dropped. Returns false then.
   */
  noteAttributes(object: ImageObject, attributes: Attributes): boolean {
    const before = object.attributes
    object.attributes = attributes
    object.attributesAtMs = this.#clock.monotonicMs()
    if (before === undefined || sameVersion(before, attributes)) return true
    this.#logger.warn(
      { object: object.node, image: this.name },
      'the image changed under us; what was cached of the object is dropped',
    )
    this.#forgetListing(object)
    object.forgetContent()
    this.blocks.forget(object.node)
    return false
  }

  /** The object of the name; undefined: there is none. */
  lookup(directory: ImageObject, name: FileName): Awaitable<FsResult<ImageObject | undefined>> {
    if (directory.attributes !== undefined && !this.#isOld(directory)) {
      const known = directory.knownName(name)
      if (known !== undefined) {
        return succeed(known.found === undefined ? undefined : this.table.get(known.found))
      }
    }
    return this.#once(`n${directory.node}/${byteKey(name)}`, () => this.#lookUp(directory, name))
  }

  async #lookUp(directory: ImageObject, name: FileName): Promise<FsResult<ImageObject | undefined>> {
    const attributes = await this.attributes(directory)
    if (!attributes.ok) return attributes
    if (directory.misses >= MISSES_BEFORE_LISTING && directory.listing === undefined) {
      const listing = await this.listing(directory)
      if (!listing.ok) return listing
    }
    const known = directory.knownName(name)
    if (known !== undefined)
      return succeed(known.found === undefined ? undefined : this.table.get(known.found))
    const result = await this.#withHandle(directory, (handle) => this.#lower.lookup(handle, name))
    const seen = result.ok ? result.value.directory : result.fail?.directory
    if (seen !== undefined) this.noteAttributes(directory, seen)
    if (!result.ok && result.status !== 'NOENT') return refuse(result.status)
    if (!result.ok) {
      directory.misses += 1
      directory.learnName(name, undefined)
      return succeed(undefined)
    }
    const [object] = await this.#adopt([{ parent: directory.node, name, object: result.value.object }])
    directory.learnName(name, object!.node)
    return succeed(object)
  }

  readlink(object: ImageObject): Awaitable<FsResult<Uint8Array>> {
    if (object.target !== undefined && !this.#isOld(object)) return succeed(object.target)
    return this.#once(`l${object.node}`, async () => {
      const result = await this.#withHandle(object, (handle) => this.#lower.readlink(handle))
      if (result.ok) object.target = new Uint8Array(result.value)
      return result
    })
  }

  /** All names of the directory; read once. */
  listing(directory: ImageObject): Awaitable<FsResult<Listing>> {
    directory.lastUse = this.#window.current
    if (directory.listing !== undefined && !this.#isOld(directory)) return succeed(directory.listing)
    return this.#once(`d${directory.node}`, () => this.#list(directory))
  }

  async #list(directory: ImageObject): Promise<FsResult<Listing>> {
    for (let tries = 0; tries < LISTING_TRIES; tries += 1) {
      const attributes = await this.attributes(directory)
      if (!attributes.ok) return attributes
      if (directory.listing !== undefined) return succeed(directory.listing)
      const entries = await this.#readAll(directory)
      if (entries === undefined) continue
      if (!entries.ok) return entries
      const listing = new Listing(entries.value)
      directory.learnListing(listing)
      this.#keepListing(directory, listing)
      return succeed(listing)
    }
    throw new ServerUnavailableError(`${this.name} keeps changing a directory; its listing`, 0)
  }

  /** Every name with its object; undefined: the directory changed meanwhile, and what was read may not fit together. */
  async #readAll(directory: ImageObject): Promise<FsResult<{ name: FileName; node: NodeId }[]> | undefined> {
    const entries: { name: FileName; node: NodeId }[] = []
    let next: unknown
    do {
      const from = next
      const page = await this.#withHandle(directory, (handle) => this.#lower.list(handle, from))
      if (!page.ok) return page
      for (const entry of await this.#adoptEntries(directory, page.value.entries)) entries.push(entry)
      next = page.value.next
      if (page.value.directory !== undefined && !this.noteAttributes(directory, page.value.directory))
        return undefined
    } while (next !== undefined)
    return succeed(entries)
  }

  #keepListing(directory: ImageObject, listing: Listing): void {
    this.#listed.add(directory)
    this.#listedBytes += listing.sizeBytes
    for (const oldest of this.#listed) {
      if (this.#listedBytes <= LISTINGS_MAX_BYTES) return
      if (oldest.lastUse >= this.#window.oldest) continue
      this.#forgetListing(oldest)
      oldest.listing = undefined
    }
  }

  #forgetListing(directory: ImageObject): void {
    if (this.#listed.delete(directory)) this.#listedBytes -= directory.listing?.sizeBytes ?? 0
  }

  async #adoptEntries(
    directory: ImageObject,
    entries: readonly LowerEntry[],
  ): Promise<{ name: FileName; node: NodeId }[]> {
    const adopted: Adopted[] = []
    for (const entry of entries) {
      if (entry.object !== undefined)
        adopted.push({ parent: directory.node, name: entry.name, object: entry.object })
    }
    const objects = await this.#adopt(adopted)
    const named = adopted.map((entry, index) => ({ name: entry.name, node: objects[index]!.node }))
    const bare = entries.filter((entry) => entry.object === undefined)
    for (let at = 0; at < bare.length; at += LOOKUPS_IN_FLIGHT) {
      const found = await Promise.all(
        bare.slice(at, at + LOOKUPS_IN_FLIGHT).map(async (entry) => ({
          name: entry.name,
          result: await this.#withHandle(directory, (handle) => this.#lower.lookup(handle, entry.name)),
        })),
      )
      for (const { name, result } of found) {
        if (!result.ok && result.status === 'NOENT') continue
        if (!result.ok)
          throw new StorageError(result.status, `the image server refuses a name it listed: ${result.status}`)
        const [object] = await this.#adopt([{ parent: directory.node, name, object: result.value.object }])
        named.push({ name, node: object!.node })
      }
    }
    return named
  }

  async #adopt(found: readonly Adopted[]): Promise<ImageObject[]> {
    const { objects, written } = this.table.adopt(found)
    if (written !== undefined) await written
    for (const [index, object] of objects.entries())
      this.noteAttributes(object, found[index]!.object.attributes)
    return objects
  }

  async readBytes(
    object: ImageObject,
    offsetBytes: number,
    countBytes: number,
  ): Promise<FsResult<{ readonly data: Uint8Array; readonly attributes: Attributes | undefined }>> {
    return this.#withHandle(object, (handle) => this.#lower.read(handle, offsetBytes, countBytes))
  }

  space(): Promise<FsResult<SpaceUsage>> {
    return this.#lower.space()
  }

  async close(): Promise<void> {
    await this.#lower.close()
  }

  /** Concurrent requests for the same thing share one fetch. */
  #once<T>(key: string, fetch: () => Promise<T>): Promise<T> {
    const running = this.#fetches.get(key) as Promise<T> | undefined
    if (running !== undefined) return running
    const started = fetch().finally(() => this.#fetches.delete(key))
    this.#fetches.set(key, started)
    return started
  }

  /** Calls with the object's handle; when the server does not know it any more, finds the object again by its path. */
  async #withHandle<Ok, Fail>(
    object: ImageObject,
    call: (handle: LowerHandle) => Promise<FsResult<Ok, Fail>>,
  ): Promise<FsResult<Ok, Fail>> {
    const result = await call(object.handle)
    if (result.ok || (result.status !== 'STALE' && result.status !== 'BADHANDLE')) return result
    const found = await this.#once(`h${object.node}`, () => this.#findAgain(object))
    return found ? call(object.handle) : result
  }

  async #findAgain(object: ImageObject): Promise<boolean> {
    let found: LowerObject
    if (object.parent === 0) {
      found = await this.#lower.root()
    } else {
      const parent = this.table.get(object.parent)
      const result = await this.#withHandle(parent, (handle) => this.#lower.lookup(handle, object.name))
      if (!result.ok) return false
      found = result.value.object
    }
    const { attributes } = found
    if (attributes.type !== object.type || attributes.fileid !== object.fileid) return false
    if (object.attributes !== undefined && !sameVersion(object.attributes, attributes)) return false
    object.handle = new Uint8Array(found.handle) as LowerHandle
    await this.table.noteHandle(object)
    return true
  }
}
