import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowKey } from '../vfs/shadow-store.ts'
import type { ShadowFile } from './shadow-file.ts'

/** Descriptors kept open. Over it the least recently used one that is idle is closed. */
export const OPEN_FILES_MAX = 256
/** At this many times the limit (all of them unsynced) a write to one more file waits until one is closed. */
export const OPEN_FILES_OVERDRAFT = 2

/**
 * The open shadow files, least recently used closed first. A file that was written and not yet synced is synced
 * before it is closed: the kernel reports a failed write-back only to descriptors that were open at the time, so
 * closing early could let a later sync succeed over lost data. If that sync fails, the failure waits for the next
 * `sync` of the file.
 */
export class OpenFiles {
  readonly #filesMax: number
  readonly #views = new Map<number, Map<NodeId, ShadowFile>>()
  readonly #failures = new Map<number, Map<NodeId, unknown>>()
  readonly #retiring = new Set<Promise<void>>()
  #count = 0
  #uses = 0

  constructor(filesMax: number) {
    this.#filesMax = filesMax
  }

  get count(): number {
    return this.#count
  }

  find(key: ShadowKey): ShadowFile | undefined {
    const file = this.#views.get(key.view)?.get(key.node)
    if (file !== undefined) file.lastUse = this.#uses += 1
    return file
  }

  add(file: ShadowFile): void {
    file.lastUse = this.#uses += 1
    submap(this.#views, file.view).set(file.node, file)
    this.#count += 1
    this.#closeOver()
  }

  /** Forgets the file; its descriptor is closed as soon as no call uses it. */
  drop(file: ShadowFile): void {
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

  /** Something to wait for before one more file is opened for writing; undefined while there is room. */
  whenRoom(): Promise<void> | undefined {
    if (this.#count < this.#filesMax * OPEN_FILES_OVERDRAFT || this.#retiring.size === 0) return undefined
    return Promise.race(this.#retiring)
  }

  /** The failure of a sync that nobody asked for, given out once. */
  takeFailure(key: ShadowKey): unknown {
    const failures = this.#failures.get(key.view)
    const failure = failures?.get(key.node)
    failures?.delete(key.node)
    return failure
  }

  async close(): Promise<void> {
    await Promise.all(this.#retiring)
    for (const view of [...this.#views.keys()]) this.dropView(view)
  }

  #closeOver(): void {
    while (this.#count - this.#retiring.size > this.#filesMax) {
      const victim = this.#leastRecent(false) ?? this.#leastRecent(true)
      if (victim === undefined) return
      if (victim.dirty) this.#retire(victim)
      else this.drop(victim)
    }
  }

  /** A walk over a few hundred entries costs less than the open that makes it necessary. */
  #leastRecent(dirty: boolean): ShadowFile | undefined {
    let oldest: ShadowFile | undefined
    for (const files of this.#views.values()) {
      for (const file of files.values()) {
        if (file.inUse || file.dirty !== dirty || file.lastUse === this.#uses) continue
        if (oldest === undefined || file.lastUse < oldest.lastUse) oldest = file
      }
    }
    return oldest
  }

  #retire(file: ShadowFile): void {
    const retired = file.sync().then(
      () => {
        this.#retiring.delete(retired)
        // Written again while it was synced: it stays, and another one goes when the next file is opened.
        if (!file.inUse && !file.dirty) this.drop(file)
      },
      (error: unknown) => {
        this.#retiring.delete(retired)
        submap(this.#failures, file.view).set(file.node, error)
        this.drop(file)
      },
    )
    this.#retiring.add(retired)
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
