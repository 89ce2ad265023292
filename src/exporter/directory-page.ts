import type { BigIntStats } from 'node:fs'
import { type Awaitable, isPromise } from '../base/awaitable.ts'
import { ownBytes } from '../base/bytes.ts'
import type { DirectoryEntry, NodeId } from '../vfs/file-system.ts'
import { attributesOf, generationOf, hasServableSize, inodeTooBig, nodeOf } from './host-attributes.ts'
import type { HostTree } from './host-tree.ts'
import type { Listing } from './listing.ts'
import { statNames } from './stat-names.ts'

export interface PageRequest {
  readonly directory: NodeId
  readonly listing: Listing
  readonly maxEntries: number
  readonly withAttributes: boolean
  readonly fsid: bigint
}

/**
 * Takes entries from place `from` of the listing until there are maxEntries in `entries` or the listing ends, and
 * says whether it has ended. Names that are gone by now are passed over, so a page is only empty at the end.
 * undefined: the directory cannot be opened where we knew it.
 */
export function fillPage(
  tree: HostTree,
  request: PageRequest,
  from: number,
  entries: DirectoryEntry[],
): Awaitable<{ readonly eof: boolean } | undefined> {
  const { listing, maxEntries } = request
  let index = from
  while (index < listing.length && entries.length < maxEntries) {
    const directory = tree.directory(request.directory)
    if (directory === undefined) return undefined
    const to = Math.min(listing.length, index + maxEntries - entries.length)
    const seen = statNames(tree, directory, listing, { from: index, to }, (at, stats) => {
      if (stats !== undefined) entries.push(entryOf(tree, request, at, stats))
    })
    if (isPromise(seen)) return seen.then(() => fillPage(tree, request, to, entries))
    index = to
  }
  return { eof: index >= listing.length }
}

/** The handle that the client gets for it must resolve: so the table learns it here. */
function entryOf(tree: HostTree, request: PageRequest, at: number, stats: BigIntStats): DirectoryEntry {
  const node = nodeOf(stats)
  if (node === undefined) throw inodeTooBig(stats.ino)
  const generation = generationOf(stats)
  const name = request.listing.nameAt(at)
  tree.nodes.set(node, request.directory, name, generation)
  const wanted = request.withAttributes && hasServableSize(stats)
  return {
    name: ownBytes(name),
    node,
    generation,
    cookie: request.listing.cookieAt(at),
    attributes: wanted ? attributesOf(stats, request.fsid) : undefined,
  }
}
