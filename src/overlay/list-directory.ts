import type { DirectoryEntry, DirectoryPage, NodeId } from '../vfs/file-system.ts'
import type { DeltaEntry } from './directory-delta.ts'
import { DOT_COOKIE, DOT_DOT_COOKIE } from './name-cookie.ts'
import type { Node } from './node.ts'
import { NODE_GENERATION } from './outcomes.ts'
import { parentOf } from './rename-name.ts'
import type { View } from './view.ts'

/**
 * One page of a directory: the image's names that are not hidden, merged with ours, in cookie order.
 * Precondition: the delta and, if it stands on one of the image, the listing are loaded. Never waits: attributes
 * that are not at hand are left out.
 */
export function listDirectory(
  view: View,
  directory: Node,
  afterCookie: number,
  options: { readonly maxEntries: number; readonly withAttributes: boolean },
): Omit<DirectoryPage, 'attributes'> {
  const entries: DirectoryEntry[] = []
  const add = (name: Uint8Array, node: NodeId, cookie: number) => {
    const attributes = options.withAttributes ? attributesOf(view, node) : undefined
    entries.push({ name, node, generation: NODE_GENERATION, cookie, attributes })
  }
  if (afterCookie < DOT_COOKIE) add(DOT, directory.id, DOT_COOKIE)
  if (afterCookie < DOT_DOT_COOKIE) {
    if (entries.length >= options.maxEntries) return { entries, eof: false }
    add(DOT_DOT, parentOf(directory) || directory.id, DOT_DOT_COOKIE)
  }
  const eof = merge(directory, afterCookie, options.maxEntries, entries, add)
  return { entries, eof }
}

const DOT = Buffer.from('.')
const DOT_DOT = Buffer.from('..')

function attributesOf(view: View, id: NodeId) {
  const node = view.node(id)
  return node && view.attributesAtHand(node)
}

function merge(
  directory: Node,
  afterCookie: number,
  maxEntries: number,
  entries: readonly DirectoryEntry[],
  add: (name: Uint8Array, node: NodeId, cookie: number) => void,
): boolean {
  const delta = directory.delta!
  const listing = directory.image?.listing
  // One more than fits, to know whether it was all.
  const ours: DeltaEntry[] = delta.shownAfter(afterCookie, maxEntries + 1)
  let nextOurs = 0
  let nextImage = listing?.after(afterCookie) ?? 0
  const imageEnd = listing?.length ?? 0
  for (;;) {
    while (nextImage < imageEnd && delta.size > 0 && delta.get(listing!.name(nextImage)) !== undefined)
      nextImage += 1
    const own = ours[nextOurs]
    if (own === undefined && nextImage >= imageEnd) return true
    if (entries.length >= maxEntries) return false
    if (own !== undefined && (nextImage >= imageEnd || own.cookie < listing!.cookie(nextImage))) {
      add(own.name, own.shows!.node, own.cookie)
      nextOurs += 1
    } else {
      add(listing!.name(nextImage), listing!.node(nextImage), listing!.cookie(nextImage))
      nextImage += 1
    }
  }
}
