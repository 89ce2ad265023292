import { isPromise } from '../base/awaitable.ts'
import { ServerUnavailableError, StorageError } from '../vfs/faults.ts'
import type { FileName, NodeId } from '../vfs/file-system.ts'
import type { EntryTarget } from './format/entry-record.ts'
import type { Node } from './node.ts'
import type { View } from './view.ts'

/** Where a name was found. Overlay terms: lower = the image, upper = ours. */
export type FoundName =
  | { readonly in: 'none' }
  | { readonly in: 'upper'; readonly node: NodeId; readonly hides: EntryTarget | undefined }
  | { readonly in: 'lower'; readonly node: NodeId }
  | { readonly in: 'whiteout'; readonly hides: EntryTarget }

const TRIES = 8

/** Looks in memory only; undefined: the image must be asked first (`prepareName`). Precondition: delta loaded. */
export function findName(view: View, directory: Node, name: FileName): FoundName | undefined {
  const entry = directory.delta?.get(name)
  if (entry?.shows !== undefined) return { in: 'upper', node: entry.shows.node, hides: entry.hides }
  if (entry?.hides !== undefined) return { in: 'whiteout', hides: entry.hides }
  const { image } = directory
  if (image === undefined) return { in: 'none' }
  const found = view.parts.image.lookup(image, name)
  if (isPromise(found)) {
    // The answer is asked for again by prepareName, which shares the fetch; a failure shows there.
    found.catch(() => {})
    return undefined
  }
  if (!found.ok) throw new StorageError(found.status, `image object ${image.node}: ${found.status}`)
  return found.value === undefined ? { in: 'none' } : { in: 'lower', node: found.value.node }
}

/** Waits until `findName` answers from memory. */
export async function prepareName(view: View, directory: Node, name: FileName): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    await view.delta(directory)
    const entry = directory.delta?.get(name)
    if (entry !== undefined || directory.image === undefined) return
    const found = view.parts.image.lookup(directory.image, name)
    if (!isPromise(found)) return
    const result = await found
    if (!result.ok)
      throw new StorageError(result.status, `image object ${directory.image.node}: ${result.status}`)
  }
  throw new ServerUnavailableError(`the name's directory keeps changing; node ${directory.id}`, 0)
}

/** Is nothing shown in the directory? Precondition: its delta and, if it has one, its image's listing are loaded. */
export function isEmptyDirectory(directory: Node): boolean {
  const delta = directory.delta!
  const imageNames = directory.image?.listing?.length ?? 0
  return delta.shownNames === 0 && imageNames <= delta.hiddenNames
}

/** Waits until `isEmptyDirectory` can answer. */
export async function prepareEmptiness(view: View, directory: Node): Promise<void> {
  await view.delta(directory)
  if (directory.image === undefined) return
  const listing = await view.parts.image.listing(directory.image)
  if (!listing.ok)
    throw new StorageError(listing.status, `image object ${directory.image.node}: ${listing.status}`)
}
