import { crc32 } from 'node:zlib'
import { byteKey } from '../base/bytes.ts'
import type { IndexStore } from '../index/index-store.ts'
import { DamageError } from '../vfs/faults.ts'
import type { FileName, NodeId } from '../vfs/file-system.ts'
import { decodeEntryRecord, type EntryRecord } from './format/entry-record.ts'
import { directoryPrefix, nameOfEntryKey } from './format/keys.ts'
import { COOKIE_STEP, viewCookie } from './name-cookie.ts'

export interface DeltaEntry extends EntryRecord {
  readonly name: FileName
}

/**
 * What differs from the image in one directory: names of ours and whiteouts. Kept whole in memory while the
 * directory is in use; `size` and `hash` say what the index must hold.
 */
export class DirectoryDelta {
  readonly #entries = new Map<string, DeltaEntry>()
  readonly #cookies = new Set<number>()
  #sorted: DeltaEntry[] = []
  #unsorted: DeltaEntry[] = []
  /** Names of the image that are not shown. */
  hiddenNames = 0
  /** Names of ours. */
  shownNames = 0
  hash = 0

  /** Throws DamageError when records are damaged or missing. */
  static async load(
    index: IndexStore,
    view: number,
    directory: NodeId,
    expected: { entries: number; entriesHash: number },
  ): Promise<DirectoryDelta> {
    const delta = new DirectoryDelta()
    const object = `directory ${directory} of view ${view}`
    for await (const { key, payload } of index.range(directoryPrefix(view, directory))) {
      if (payload instanceof DamageError) throw new DamageError(object, payload.message)
      const name = nameOfEntryKey(key)
      delta.set(key, { name, ...decodeEntryRecord(payload, object) })
    }
    if (delta.size !== expected.entries || delta.hash !== expected.entriesHash) {
      throw new DamageError(object, `has ${delta.size} entry records, must have ${expected.entries}`)
    }
    return delta
  }

  get size(): number {
    return this.#entries.size
  }

  get(name: FileName): DeltaEntry | undefined {
    return this.#entries.get(byteKey(name))
  }

  entries(): IterableIterator<DeltaEntry> {
    return this.#entries.values()
  }

  /** The cookie for a new name: the next free one from its hash on. */
  freeCookie(name: FileName): number {
    let cookie = viewCookie(name)
    while (this.#cookies.has(cookie)) cookie += COOKIE_STEP
    return cookie
  }

  set(key: Uint8Array, entry: DeltaEntry): void {
    const mapKey = byteKey(entry.name)
    const before = this.#entries.get(mapKey)
    if (before === undefined) this.hash = (this.hash ^ crc32(key)) >>> 0
    else this.#uncount(before)
    this.#entries.set(mapKey, entry)
    this.#cookies.add(entry.cookie)
    if (entry.hides !== undefined) this.hiddenNames += 1
    if (entry.shows !== undefined) {
      this.shownNames += 1
      this.#unsorted.push(entry)
    }
  }

  delete(key: Uint8Array, name: FileName): void {
    const mapKey = byteKey(name)
    const before = this.#entries.get(mapKey)
    if (before === undefined) return
    this.#uncount(before)
    this.#entries.delete(mapKey)
    this.hash = (this.hash ^ crc32(key)) >>> 0
  }

  #uncount(entry: DeltaEntry): void {
    this.#cookies.delete(entry.cookie)
    if (entry.hides !== undefined) this.hiddenNames -= 1
    if (entry.shows !== undefined) this.shownNames -= 1
  }

  /** The shown names after the cookie, in cookie order, at most so many. */
  shownAfter(cookie: number, maxEntries: number): DeltaEntry[] {
    this.#sort()
    const found: DeltaEntry[] = []
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sorted[middle]!.cookie <= cookie) low = middle + 1
      else high = middle
    }
    for (let at = low; at < this.#sorted.length && found.length < maxEntries; at += 1) {
      const entry = this.#sorted[at]!
      if (this.#isCurrent(entry)) found.push(entry)
    }
    return found
  }

  #isCurrent(entry: DeltaEntry): boolean {
    return this.#entries.get(byteKey(entry.name)) === entry
  }

  /** Merges what was added since, and leaves out what is gone when that is much. */
  #sort(): void {
    const gone = this.#sorted.length + this.#unsorted.length - this.shownNames
    if (this.#unsorted.length === 0 && gone <= this.shownNames) return
    const added = this.#unsorted.filter((entry) => this.#isCurrent(entry)).sort((a, b) => a.cookie - b.cookie)
    const old = this.#sorted.filter((entry) => this.#isCurrent(entry))
    const merged: DeltaEntry[] = []
    let next = 0
    for (const entry of old) {
      while (next < added.length && added[next]!.cookie < entry.cookie) merged.push(added[next++]!)
      merged.push(entry)
    }
    while (next < added.length) merged.push(added[next++]!)
    this.#sorted = merged
    this.#unsorted = []
  }
}
