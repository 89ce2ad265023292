import type { BigIntStats } from 'node:fs'
import type { Logger } from '../base/logger.ts'
import { FsFault } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { FsStatus } from '../vfs/status.ts'
import { pin, unpin } from './descriptor-cache.ts'
import { generationOf, isDirectory, nodeOf } from './host-attributes.ts'
import type { HostTree } from './host-tree.ts'
import type { ListingCache } from './listing-cache.ts'
import { statNames } from './stat-names.ts'

/** Longest that one call waits for a walk; after that the client is told to ask again, and the walk goes on. */
export const SEARCH_WAIT_MS = 4000
/**
 * Ends of the tree that the walk must reach before an object is called gone. Two: what was moved behind the walk's
 * back in the first pass is met in the second.
 */
export const PASSES_BEFORE_GONE = 2
/** How long "gone" is believed without a new walk, so that a client that asks again and again costs nothing. */
export const GONE_TRUST_MS = 30_000
/** Objects that are remembered as gone. */
export const GONE_MAX = 10_000
/** Objects that are looked for at the same time. */
export const WANTED_MAX = 100_000

export interface SearchLimits {
  readonly waitMs: number
  readonly wantedMax: number
  readonly goneMax: number
}

const DEFAULT_LIMITS: SearchLimits = { waitMs: SEARCH_WAIT_MS, wantedMax: WANTED_MAX, goneMax: GONE_MAX }

/** 'found': ask the tree again. Everything else is the status to answer. */
export type SearchOutcome = 'found' | FsStatus

interface Wanted {
  /** undefined: whatever has this number now. */
  readonly generation: number | undefined
  readonly outcome: Promise<SearchOutcome>
  readonly settle: (outcome: SearchOutcome) => void
  passesEnded: number
  /** A directory could not be read: then nothing may be called gone. */
  hadFaults: boolean
}

/** One directory on the way down. */
interface Frame {
  readonly node: NodeId
  /** Cookies of the directories in it, in order. */
  readonly directories: readonly number[]
  next: number
}

/**
 * Finds objects by number when we do not know where they are: after a restart, after they were moved on the host,
 * or when the node table has forgotten them. NFS handles carry no path, so the tree is walked.
 *
 * One walk serves all who wait. It goes on where the last one stopped and remembers everything it passes, so that
 * after a restart one pass over the tree finds everything that clients hold: 22 us of processor time an object that the
 * kernel has in memory. In memory are 8 bytes for each directory beside the way down, and the way.
 */
export class TreeSearch {
  readonly #tree: HostTree
  readonly #listings: ListingCache
  readonly #logger: Logger
  readonly #limits: SearchLimits
  readonly #wanted = new Map<NodeId, Wanted>()
  readonly #gone = new Map<NodeId, { readonly generation: number | undefined; readonly sinceMs: number }>()
  #way: Frame[] = []
  #isWalking = false
  #isClosed = false

  constructor(tree: HostTree, listings: ListingCache, logger: Logger, limits: Partial<SearchLimits> = {}) {
    this.#tree = tree
    this.#listings = listings
    this.#logger = logger
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
  }

  /** Stops the walk; whoever waits is told to ask again. */
  close(): void {
    this.#isClosed = true
    this.#settleAll('JUKEBOX')
  }

  /** STALE: it is nowhere in the tree. JUKEBOX: not found yet. IO: parts of the tree cannot be read. */
  async find(node: NodeId, generation: number | undefined): Promise<SearchOutcome> {
    if (this.#isClosed) return 'JUKEBOX'
    if (this.#isKnownGone(node, generation)) return 'STALE'
    const wanted = this.#wanted.get(node) ?? this.#want(node, generation)
    if (wanted === undefined) return 'JUKEBOX'
    if (wanted.generation !== generation) {
      // Two handles of one number: one at least is of a former inode. Asked again, the other is looked for.
      const other = await this.#await(wanted)
      return other === 'found' ? other : 'JUKEBOX'
    }
    return this.#await(wanted)
  }

  async #await(wanted: Wanted): Promise<SearchOutcome> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<SearchOutcome>((resolve) => {
      timer = setTimeout(() => resolve('JUKEBOX'), this.#limits.waitMs)
    })
    const outcome = await Promise.race([wanted.outcome, late])
    clearTimeout(timer)
    return outcome
  }

  #want(node: NodeId, generation: number | undefined): Wanted | undefined {
    if (this.#wanted.size >= this.#limits.wantedMax) return undefined
    const { promise: outcome, resolve: settle } = Promise.withResolvers<SearchOutcome>()
    const wanted: Wanted = { generation, outcome, settle, passesEnded: 0, hadFaults: false }
    this.#wanted.set(node, wanted)
    void this.#searchFor(node)
    return wanted
  }

  async #searchFor(node: NodeId): Promise<void> {
    try {
      // Most moves are within one directory: there first, then everywhere.
      const lastSeenIn = this.#tree.nodes.get(node)?.parent
      if (lastSeenIn !== undefined) await this.#scanSafely(lastSeenIn)
      if (this.#wanted.has(node)) await this.#walk()
    } catch (error) {
      // A bug in the walk must not leave clients without an answer.
      this.#logger.error({ err: error }, 'the search of the exported tree failed')
      this.#settleAll('IO')
    }
  }

  async #walk(): Promise<void> {
    if (this.#isWalking) return
    this.#isWalking = true
    try {
      while (this.#wanted.size > 0 && !this.#isClosed) await this.#step()
    } finally {
      this.#isWalking = false
    }
  }

  /** One directory further; at the end of the tree, from its root again. */
  async #step(): Promise<void> {
    const top = this.#way.at(-1)
    if (top === undefined) {
      await this.#goInto(this.#tree.root)
      return
    }
    if (top.next >= top.directories.length) {
      this.#way.pop()
      if (this.#way.length === 0) this.#endPass()
      return
    }
    const cookie = top.directories[top.next]!
    top.next += 1
    const child = await this.#nodeAt(top.node, cookie)
    if (child !== undefined) await this.#goInto(child)
  }

  async #goInto(node: NodeId): Promise<void> {
    const directories = await this.#scanSafely(node)
    this.#way.push({ node, directories: directories ?? [], next: 0 })
  }

  #endPass(): void {
    for (const [node, wanted] of this.#wanted) {
      wanted.passesEnded += 1
      if (wanted.passesEnded < PASSES_BEFORE_GONE) continue
      this.#wanted.delete(node)
      if (!wanted.hadFaults) this.#rememberGone(node, wanted.generation)
      wanted.settle(wanted.hadFaults ? 'IO' : 'STALE')
    }
  }

  /** Which directory has this cookie; the listing may have been dropped and read again since. */
  async #nodeAt(parent: NodeId, cookie: number): Promise<NodeId | undefined> {
    const directory = this.#tree.directory(parent)
    if (directory === undefined) return undefined
    const stats = this.#tree.stat(parent)
    if (stats === undefined || stats === 'removed') return undefined
    const listing = await this.#listings.get(directory, stats, true)
    const index = listing?.indexAfter(cookie - 1)
    if (listing === undefined || index === undefined || index >= listing.length) return undefined
    if (listing.cookieAt(index) !== cookie) return undefined
    const again = this.#tree.directory(parent)
    const child = again && this.#tree.statName(again, listing.nameAt(index))
    return child !== undefined && isDirectory(child)
      ? this.#remember(parent, listing.nameAt(index), child)
      : undefined
  }

  /** Looks at all names of a directory. The cookies of its directories; undefined: it is not there any more. */
  async #scanSafely(node: NodeId): Promise<number[] | undefined> {
    try {
      return await this.#scan(node)
    } catch (error) {
      if (!(error instanceof FsFault)) throw error
      // What this process may not list it has never listed to a client; anything else may hide what is looked for.
      if (error.status !== 'ACCES' && error.status !== 'PERM') {
        this.#logger.warn(
          { err: error, node },
          'a directory cannot be read; nothing is called gone until it can',
        )
        for (const wanted of this.#wanted.values()) wanted.hadFaults = true
      }
      return undefined
    }
  }

  async #scan(node: NodeId): Promise<number[] | undefined> {
    const directory = this.#tree.directory(node)
    const stats = this.#tree.stat(node)
    if (directory === undefined || stats === undefined || stats === 'removed') return undefined
    pin(directory)
    try {
      const listing = await this.#listings.get(directory, stats, false)
      if (listing === undefined) return undefined
      const directories: number[] = []
      await statNames(this.#tree, directory, listing, { from: 0, to: listing.length }, (index, child) => {
        if (child === undefined) return
        this.#remember(node, listing.nameAt(index), child)
        if (isDirectory(child)) directories.push(listing.cookieAt(index))
      })
      return directories
    } finally {
      unpin(directory)
    }
  }

  #remember(parent: NodeId, name: Uint8Array, stats: BigIntStats): NodeId | undefined {
    const node = nodeOf(stats)
    if (node === undefined) return undefined
    const generation = generationOf(stats)
    this.#tree.nodes.set(node, parent, name, generation)
    const wanted = this.#wanted.get(node)
    if (wanted === undefined) return node
    this.#wanted.delete(node)
    // The number is in use by another object: the one that was looked for is gone.
    const isIt = wanted.generation === undefined || wanted.generation === generation
    wanted.settle(isIt ? 'found' : 'STALE')
    return node
  }

  #isKnownGone(node: NodeId, generation: number | undefined): boolean {
    const gone = this.#gone.get(node)
    if (gone === undefined || gone.generation !== generation) return false
    if (this.#tree.clock.monotonicMs() - gone.sinceMs < GONE_TRUST_MS) return true
    this.#gone.delete(node)
    return false
  }

  #rememberGone(node: NodeId, generation: number | undefined): void {
    this.#tree.nodes.delete(node)
    this.#gone.delete(node)
    this.#gone.set(node, { generation, sinceMs: this.#tree.clock.monotonicMs() })
    const oldest = this.#gone.keys().next().value
    if (this.#gone.size > this.#limits.goneMax && oldest !== undefined) this.#gone.delete(oldest)
  }

  #settleAll(outcome: FsStatus): void {
    for (const wanted of this.#wanted.values()) wanted.settle(outcome)
    this.#wanted.clear()
  }
}
