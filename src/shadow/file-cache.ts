import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowKey } from '../vfs/shadow-store.ts'

/** At this many times the limit (all of them unsynced) a write to one more file waits until one is let go. */
export const FILES_OVERDRAFT = 2

/** What a store keeps of one of its files while it is worked on. */
export interface CachedFile {
  readonly view: number
  readonly node: NodeId
  /** When it was last asked for, on the cache's own counter. */
  lastUse: number
  /** Something is under way: it must not be let go. */
  readonly inUse: boolean
  /** There is something to sync. */
  readonly dirty: boolean
  /** A sync has failed and what it was for is lost: the file is of no more use. */
  readonly failed: boolean
  sync(): Promise<void>
  /** Called once, when the cache lets it go; it frees what it holds as soon as nothing uses it. */
  close(): void
}

/**
 * The files of a store that are worked on, the least recently used let go first. A file that was written and not yet
 * synced is synced before that: the kernel reports a failed write-back only to descriptors that were open at the
 * time, and an NFS server that forgets a write is found out only by whoever still has the bytes. If that sync
 * fails, the failure waits for the next `sync` of the file.
 */
export class FileCache<File extends CachedFile> {
  readonly #filesMax: number
  readonly #views = new Map<number, Map<NodeId, File>>()
  readonly #failures = new Map<number, Map<NodeId, unknown>>()
  readonly #flushes = new Set<Promise<unknown>>()
  #count = 0
  #uses = 0

  constructor(filesMax: number) {
    this.#filesMax = filesMax
  }

  find(key: ShadowKey): File | undefined {
    const file = this.#views.get(key.view)?.get(key.node)
    if (file !== undefined) {
      this.#uses += 1
      file.lastUse = this.#uses
    }
    return file
  }

  add(file: File): void {
    this.#uses += 1
    file.lastUse = this.#uses
    submap(this.#views, file.view).set(file.node, file)
    this.#count += 1
    this.#letGoOver()
  }

  /** Forgets the file. */
  drop(file: File): void {
    const files = this.#views.get(file.view)
    if (files?.get(file.node) !== file) return
    files.delete(file.node)
    this.#count -= 1
    file.close()
  }

  dropView(view: number): void {
    for (const file of this.#views.get(view)?.values() ?? []) this.drop(file)
    this.#views.delete(view)
    this.#failures.delete(view)
  }

  /** Something to wait for before one more file is added for writing; undefined while there is room. */
  whenRoom(): Promise<unknown> | undefined {
    if (this.#count < this.#filesMax * FILES_OVERDRAFT || this.#flushes.size === 0) return undefined
    return Promise.race(this.#flushes)
  }

  /** Syncs a file that nobody asked to sync; afterwards it is let go if there are too many. Gives its failure. */
  flush(file: File): Promise<unknown> {
    const flush = this.#flushNow(file)
    this.#flushes.add(flush)
    return flush.finally(() => this.#flushes.delete(flush))
  }

  async #flushNow(file: File): Promise<unknown> {
    let failure: unknown
    try {
      await file.sync()
    } catch (error) {
      failure = error
      // Otherwise it still has what it needs to try again, and will when it is asked to.
      if (file.failed) submap(this.#failures, file.view).set(file.node, error)
    }
    const isOver = this.#count > this.#filesMax && !file.inUse && !file.dirty
    if (file.failed || isOver) this.drop(file)
    return failure
  }

  /** The failure of a sync that nobody asked for, given out once. */
  takeFailure(key: ShadowKey): unknown {
    const failures = this.#failures.get(key.view)
    const failure = failures?.get(key.node)
    failures?.delete(key.node)
    return failure
  }

  /** The file for which this is greatest, if it is above 0. */
  greatest(measure: (file: File) => number): File | undefined {
    let found: File | undefined
    let greatest = 0
    for (const file of this.#all()) {
      const size = measure(file)
      if (size > greatest) {
        found = file
        greatest = size
      }
    }
    return found
  }

  async close(): Promise<void> {
    await Promise.all(this.#flushes)
    for (const view of [...this.#views.keys()]) this.dropView(view)
  }

  #letGoOver(): void {
    while (this.#count - this.#flushes.size > this.#filesMax) {
      const victim = this.#leastRecent(false) ?? this.#leastRecent(true)
      if (victim === undefined) return
      if (victim.dirty) void this.flush(victim)
      else this.drop(victim)
    }
  }

  /** A walk over some hundred entries costs less than the open or look-up that makes it necessary. */
  #leastRecent(dirty: boolean): File | undefined {
    let oldest: File | undefined
    for (const file of this.#all()) {
      if (file.inUse || file.dirty !== dirty || file.lastUse === this.#uses) continue
      if (oldest === undefined || file.lastUse < oldest.lastUse) oldest = file
    }
    return oldest
  }

  *#all(): Iterable<File> {
    for (const files of this.#views.values()) yield* files.values()
  }
}

function submap<Value>(maps: Map<number, Map<NodeId, Value>>, view: number): Map<NodeId, Value> {
  let map = maps.get(view)
  if (map === undefined) {
    map = new Map()
    maps.set(view, map)
  }
  return map
}
