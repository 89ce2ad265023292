import { crc32 } from 'node:zlib'
import { assert } from '../base/assert.ts'
import type { IndexStore } from '../index/index-store.ts'
import { DamageError } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { BLOCKS_PER_PAGE, type BlockRun } from './blocks.ts'
import { pageKey, pageOfKey, pagesPrefix } from './format/keys.ts'
import { PresencePage } from './presence-page.ts'

/** Pages of one node kept in memory although the index has them. */
export const CLEAN_PAGES_MAX = 4_096
const PAGES_PER_CHUNK = 1_024
const WORD_BITS = 32

/** A copy of a dirty page, to be committed: `payload` undefined means that nothing of it is ours any more. */
export interface TakenPage {
  readonly number: number
  readonly page: PresencePage
  readonly payload: Buffer | undefined
}

/** Which pages the index has: one bit each, in chunks, so that memory grows with what was changed. */
class PageSet {
  readonly #chunks = new Map<number, Uint32Array>()
  size = 0
  /** Exclusive or of the CRC-32 of the pages' keys. */
  hash = 0

  has(page: number): boolean {
    const chunk = this.#chunks.get(Math.floor(page / PAGES_PER_CHUNK))
    const at = page % PAGES_PER_CHUNK
    return chunk !== undefined && ((chunk[at >>> 5]! >>> (at & 31)) & 1) === 1
  }

  set(page: number, key: Uint8Array, there: boolean): void {
    if (this.has(page) === there) return
    const number = Math.floor(page / PAGES_PER_CHUNK)
    let chunk = this.#chunks.get(number)
    if (chunk === undefined) {
      chunk = new Uint32Array(PAGES_PER_CHUNK / WORD_BITS)
      this.#chunks.set(number, chunk)
    }
    const at = page % PAGES_PER_CHUNK
    chunk[at >>> 5]! ^= 1 << (at & 31)
    this.size += there ? 1 : -1
    this.hash = (this.hash ^ crc32(key)) >>> 0
  }

  *from(firstPage: number): Generator<number> {
    for (const [number, chunk] of this.#chunks) {
      const base = number * PAGES_PER_CHUNK
      if (base + PAGES_PER_CHUNK <= firstPage) continue
      for (let at = 0; at < PAGES_PER_CHUNK; at += 1) {
        if (base + at >= firstPage && ((chunk[at >>> 5]! >>> (at & 31)) & 1) === 1) yield base + at
      }
    }
  }
}

/**
 * Which blocks of one node are ours. A clear bit means: not ours.
 *
 * In memory a bit is set as soon as the block's bytes are in the shadow, so that the next read sees them. On
 * disk the order is: copy the dirty pages, sync the shadow file, commit the copies. Never commit the live
 * pages: they may name bytes that this sync did not cover, and a crash would then show zeros as data.
 */
export class PresenceMap {
  readonly #index: IndexStore
  readonly #view: number
  readonly #node: NodeId
  readonly #pages = new Map<number, PresencePage>()
  readonly #saved = new PageSet()
  readonly dirtyPages = new Set<number>()
  presentBlocks = 0

  private constructor(index: IndexStore, view: number, node: NodeId) {
    this.#index = index
    this.#view = view
    this.#node = node
  }

  static empty(index: IndexStore, view: number, node: NodeId): PresenceMap {
    return new PresenceMap(index, view, node)
  }

  /** Reads which pages there are and compares with what the node says there must be. Throws DamageError. */
  static async load(
    index: IndexStore,
    view: number,
    node: NodeId,
    expected: { pages: number; pagesHash: number },
  ): Promise<PresenceMap> {
    const map = new PresenceMap(index, view, node)
    for await (const { key, payload } of index.range(pagesPrefix(view, node))) {
      const number = pageOfKey(key)
      map.#saved.set(number, key, true)
      if (payload instanceof DamageError) throw new DamageError(map.#name(), payload.message)
      const page = PresencePage.decode(payload, map.#name())
      map.presentBlocks += page.present.count
      if (map.#pages.size < CLEAN_PAGES_MAX) map.#pages.set(number, page)
    }
    if (map.#saved.size !== expected.pages || map.#saved.hash !== expected.pagesHash) {
      throw new DamageError(map.#name(), `has ${map.#saved.size} presence pages, must have ${expected.pages}`)
    }
    return map
  }

  get savedPages(): { pages: number; pagesHash: number } {
    return { pages: this.#saved.size, pagesHash: this.#saved.hash }
  }

  /** Nothing of this file is ours, and never was since the last reset. */
  get isEmpty(): boolean {
    return this.presentBlocks === 0 && this.#saved.size === 0
  }

  #name(): string {
    return `node ${this.#node} of view ${this.#view}`
  }

  /** The page of the number, or undefined when nothing of it is ours. Throws DamageError. */
  page(number: number): PresencePage | undefined {
    const known = this.#pages.get(number)
    if (known !== undefined) return known
    if (!this.#saved.has(number)) return undefined
    const payload = this.#index.get(pageKey(this.#view, this.#node, number))
    if (payload === undefined) throw new DamageError(this.#name(), `presence page ${number} is gone`)
    const page = PresencePage.decode(payload, this.#name())
    this.#keep(number, page)
    return page
  }

  #keep(number: number, page: PresencePage): void {
    this.#pages.set(number, page)
    if (this.#pages.size <= CLEAN_PAGES_MAX + this.dirtyPages.size) return
    for (const [oldest, candidate] of this.#pages) {
      if (candidate.dirty || candidate.committing > 0 || oldest === number) continue
      this.#pages.delete(oldest)
      return
    }
  }

  has(block: number): boolean {
    return this.page(Math.floor(block / BLOCKS_PER_PAGE))?.present.has(block % BLOCKS_PER_PAGE) ?? false
  }

  /** Is the block on stable storage as ours? Then overwriting it in place needs the overwrite mark. */
  isSaved(block: number): boolean {
    return this.page(Math.floor(block / BLOCKS_PER_PAGE))?.saved.has(block % BLOCKS_PER_PAGE) ?? false
  }

  markPresent(block: number, checksum: number): void {
    const number = Math.floor(block / BLOCKS_PER_PAGE)
    let page = this.page(number)
    if (page === undefined) {
      page = new PresencePage()
      this.#keep(number, page)
    }
    const at = block % BLOCKS_PER_PAGE
    if (!page.present.has(at)) this.presentBlocks += 1
    page.markPresent(at, checksum)
    this.dirtyPages.add(number)
  }

  /** The block's checksum must be computed again before it counts. True if the block is ours. */
  unverify(block: number): boolean {
    const page = this.page(Math.floor(block / BLOCKS_PER_PAGE))
    const at = block % BLOCKS_PER_PAGE
    if (page === undefined || !page.present.has(at)) return false
    page.verified.remove(at)
    return true
  }

  /** Forgets the blocks from `firstBlock` on. Returns the numbers of the pages that changed. */
  cut(firstBlock: number): number[] {
    const changed: number[] = []
    const firstPage = Math.floor(firstBlock / BLOCKS_PER_PAGE)
    const numbers = new Set(this.#saved.from(firstPage))
    for (const number of this.#pages.keys()) if (number >= firstPage) numbers.add(number)
    for (const number of numbers) {
      const page = this.page(number)
      if (page === undefined) continue
      const before = page.present.count
      page.cut(number === firstPage ? firstBlock % BLOCKS_PER_PAGE : 0)
      this.presentBlocks -= before - page.present.count
      if (page.present.count === before) continue
      this.dirtyPages.add(number)
      changed.push(number)
    }
    return changed
  }

  /** Takes the dirty pages as they are now; they count as clean from here on. */
  takeDirty(): TakenPage[] {
    const taken: TakenPage[] = []
    for (const number of this.dirtyPages) {
      const page = this.page(number)
      assert(page !== undefined, 'a dirty page stays in memory')
      page.dirty = false
      page.committing += 1
      taken.push({ number, page, payload: page.isEmpty ? undefined : page.encode() })
    }
    this.dirtyPages.clear()
    return taken
  }

  /** The commits that carry these copies are over. */
  settle(taken: readonly TakenPage[]): void {
    for (const { page } of taken) page.committing -= 1
  }

  /** Notes that the index will have (or not have) the page. `had`: it had it before; `blocks`: how many more it has now. */
  noteSaved({ number, page, payload }: TakenPage): { had: boolean; blocks: number } {
    const had = this.#saved.has(number)
    const before = page.saved.count
    this.#saved.set(number, pageKey(this.#view, this.#node, number), payload !== undefined)
    page.saved.high = payload === undefined ? 0 : payload.readUInt32BE(0)
    page.saved.low = payload === undefined ? 0 : payload.readUInt32BE(4)
    if (payload === undefined && page.isEmpty) this.#pages.delete(number)
    return { had, blocks: page.saved.count - before }
  }

  savedPageNumbers(): Generator<number> {
    return this.#saved.from(0)
  }

  /** Splits a range into the fewest runs of one kind each, in order, without gaps. */
  *runs(firstBlock: number, blockCount: number): Generator<BlockRun> {
    const end = firstBlock + blockCount
    let start = firstBlock
    let current: boolean | undefined
    for (let block = firstBlock; block < end; ) {
      const page = this.page(Math.floor(block / BLOCKS_PER_PAGE))
      const pageEnd = Math.min(end, (Math.floor(block / BLOCKS_PER_PAGE) + 1) * BLOCKS_PER_PAGE)
      if (page === undefined) {
        if (current === true) {
          yield { firstBlock: start, blockCount: block - start, present: true }
          start = block
        }
        current = false
        block = pageEnd
        continue
      }
      for (; block < pageEnd; block += 1) {
        const present = page.present.has(block % BLOCKS_PER_PAGE)
        if (current !== undefined && present !== current) {
          yield { firstBlock: start, blockCount: block - start, present: current }
          start = block
        }
        current = present
      }
    }
    if (current !== undefined && start < end)
      yield { firstBlock: start, blockCount: end - start, present: current }
  }
}
