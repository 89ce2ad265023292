import type { BigIntStats } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Awaitable } from '../base/awaitable.ts'
import { type Descriptor, pin, unpin } from './descriptor-cache.ts'
import type { HostTree } from './host-tree.ts'
import type { Listing } from './listing.ts'

/** Longest that names are looked at without a pause; a cold disk ends it after one name. */
export const STAT_SLICE_MS = 2
/** Names looked at together on the thread pool, once the disk has shown to be cold. */
const COLD_BATCH = 32

/** Told what each name is, in order; undefined: it is gone, or not part of the tree. */
export type StatVisit = (index: number, stats: BigIntStats | undefined) => void

/**
 * Looks at the names `from` to `to` (exclusive) of a listing. Synchronous while the kernel has everything at hand
 * (4 us a name); after STAT_SLICE_MS the rest goes to the thread pool in batches, with quick slices in between.
 */
export function statNames(
  tree: HostTree,
  directory: Descriptor,
  listing: Listing,
  range: { readonly from: number; readonly to: number },
  visit: StatVisit,
): Awaitable<void> {
  const quick = (from: number): number => {
    const startMs = tree.clock.monotonicMs()
    let index = from
    while (index < range.to && tree.clock.monotonicMs() - startMs < STAT_SLICE_MS) {
      visit(index, tree.statName(directory, listing.nameAt(index)))
      index += 1
    }
    return index
  }
  const reached = quick(range.from)
  if (reached >= range.to) return
  return statRest(tree, directory, listing, { from: reached, to: range.to }, visit, quick)
}

async function statRest(
  tree: HostTree,
  directory: Descriptor,
  listing: Listing,
  range: { readonly from: number; readonly to: number },
  visit: StatVisit,
  quick: (from: number) => number,
): Promise<void> {
  pin(directory)
  try {
    for (let index = range.from; index < range.to; ) {
      const batchEnd = Math.min(index + COLD_BATCH, range.to)
      const batch: Promise<BigIntStats | undefined>[] = []
      for (let at = index; at < batchEnd; at += 1) {
        batch.push(tree.statNameLater(directory, listing.nameAt(at)))
      }
      for (const stats of await Promise.all(batch)) {
        visit(index, stats)
        index += 1
      }
      index = quick(index)
      await setImmediate()
    }
  } finally {
    unpin(directory)
  }
}
