import type { BigIntStats } from 'node:fs'
import { opendir } from 'node:fs/promises'
import type { Awaitable } from '../base/awaitable.ts'
import type { Clock } from '../base/clock.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { type Descriptor, pin, unpin } from './descriptor-cache.ts'
import { ifPresentLater } from './host-error.ts'
import { type Listing, ListingBuilder } from './listing.ts'

/** Memory for listings of one export. A larger one is kept alone, for as long as it is the last that was asked for. */
export const LISTING_CACHE_MAX_BYTES = 64 * 1024 * 1024
/**
 * A directory that changed less than this before it was read may change again within the same tick of the file
 * system's clock (4 ms on ext4, 2 s on FAT) and look the same: such a listing serves only to go on in.
 */
export const SETTLED_AFTER_SECONDS = 3n
const NANOSECONDS_PER_SECOND = 1_000_000_000n
/** Names fetched from the kernel at once. */
const NAMES_PER_FETCH = 1024

interface CachedListing {
  readonly listing: Listing
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly settled: boolean
}

interface Loading {
  readonly listing: Promise<Listing | undefined>
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** Listings of directories, read whole and kept while the directory's times stand still. */
export class ListingCache {
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #cached = new Map<NodeId, CachedListing>()
  readonly #loading = new Map<NodeId, Loading>()
  #totalBytes = 0

  constructor(clock: Clock, maxBytes: number = LISTING_CACHE_MAX_BYTES) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  get sizeBytes(): number {
    return this.#totalBytes
  }

  /**
   * The names of an open directory, "." and ".." left out; undefined when it has been removed. `stats`: what it is
   * now. `continues`: for the next page of a listing, not for the start of one.
   */
  get(directory: Descriptor, stats: BigIntStats, continues: boolean): Awaitable<Listing | undefined> {
    const node = directory.node
    const cached = this.#cached.get(node)
    if (cached !== undefined) {
      if (isUnchanged(cached, stats) && (cached.settled || continues)) {
        this.#cached.delete(node)
        this.#cached.set(node, cached)
        return cached.listing
      }
      this.#forget(node)
    }
    const loading = this.#loading.get(node)
    if (loading !== undefined && isUnchanged(loading, stats)) return loading.listing
    const started: Loading = {
      listing: this.#load(directory, stats).finally(() => {
        if (this.#loading.get(node) === started) this.#loading.delete(node)
      }),
      mtimeNs: stats.mtimeNs,
      ctimeNs: stats.ctimeNs,
    }
    this.#loading.set(node, started)
    return started.listing
  }

  async #load(directory: Descriptor, stats: BigIntStats): Promise<Listing | undefined> {
    const startSeconds = BigInt(this.#clock.now().seconds)
    pin(directory)
    try {
      const listing = await ifPresentLater(readNames(directory))
      if (listing === undefined) return undefined
      const changedSeconds = stats.ctimeNs / NANOSECONDS_PER_SECOND
      const settled = startSeconds - changedSeconds >= SETTLED_AFTER_SECONDS
      this.#keep(directory.node, { listing, mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs, settled })
      return listing
    } finally {
      unpin(directory)
    }
  }

  #keep(node: NodeId, cached: CachedListing): void {
    this.#forget(node)
    this.#cached.set(node, cached)
    this.#totalBytes += cached.listing.sizeBytes
    for (const oldest of this.#cached.keys()) {
      if (this.#totalBytes <= this.#maxBytes || oldest === node) break
      this.#forget(oldest)
    }
  }

  #forget(node: NodeId): void {
    const cached = this.#cached.get(node)
    if (cached === undefined) return
    this.#cached.delete(node)
    this.#totalBytes -= cached.listing.sizeBytes
  }
}

function isUnchanged(known: { mtimeNs: bigint; ctimeNs: bigint }, stats: BigIntStats): boolean {
  return known.mtimeNs === stats.mtimeNs && known.ctimeNs === stats.ctimeNs
}

async function readNames(directory: Descriptor): Promise<Listing> {
  const builder = new ListingBuilder()
  // @types/node has no 'buffer' here, and gives names as strings; Node gives what is asked for.
  const encoding = 'buffer' as unknown as BufferEncoding
  const path = `/proc/self/fd/${directory.fd}`
  const names = await opendir(path, { encoding, bufferSize: NAMES_PER_FETCH })
  for await (const entry of names) builder.add(entry.name as unknown as Buffer)
  return builder.finish()
}
