import type { Timestamp } from '../base/clock.ts'
import { crashPoint } from '../base/crash-points.ts'
import type { IndexBatch } from '../index/batch.ts'
import type { Caller, FileName, NodeId, Seal, WccResult } from '../vfs/file-system.ts'
import { succeed } from '../vfs/result.ts'
import { current, mayChange, type PreparedName, prepare } from './directory-access.ts'
import { hideName } from './entries.ts'
import { isEmptyDirectory, prepareEmptiness } from './find-name.ts'
import { nodeKey, overwriteMarkKey, pageKey, truncateIntentKey } from './format/keys.ts'
import type { Node } from './node.ts'
import { refuseUnchanged } from './outcomes.ts'
import { mayRemoveFrom } from './permissions.ts'
import type { View } from './view.ts'

/** REMOVE and RMDIR (RFC 1813 sections 3.3.12 and 3.3.13). */
export async function removeName(
  view: View,
  caller: Caller,
  directoryId: NodeId,
  name: FileName,
  wanted: 'directory' | 'other',
  seal: Seal<WccResult> | undefined,
): Promise<WccResult> {
  const { epoch } = view
  const prepared = await prepare(view, caller, directoryId, name, 0)
  if (!prepared.ok) return refuseUnchanged(prepared.status, prepared.fail.attributes)
  if (wanted === 'directory' && prepared.value.shown?.attributes.type === 'directory') {
    await prepareEmptiness(view, prepared.value.shown.node)
  }
  const doomed = prepared.value.shown?.node
  await doomed?.dataLock.acquire()
  try {
    if (doomed !== undefined) await prepareRemoval(view, doomed)
    view.requireEpoch(epoch)
    const now = current(view, directoryId, name)
    if (now === undefined || now.shown?.node !== doomed)
      return refuseUnchanged('JUKEBOX', prepared.value.attributes)
    const status = refuseRemoval(caller, now, wanted)
    if (status !== undefined) return refuseUnchanged(status, now.attributes)
    return await apply(view, now, name, seal)
  } finally {
    doomed?.dataLock.release()
  }
}

function refuseRemoval(caller: Caller, { attributes, shown }: PreparedName, wanted: 'directory' | 'other') {
  if (shown === undefined) return 'NOENT'
  if (!mayChange(caller, attributes)) return 'ACCES'
  if (!mayRemoveFrom(caller, attributes, shown.attributes)) return 'PERM'
  const isDirectory = shown.attributes.type === 'directory'
  if (wanted === 'other') return isDirectory ? 'ISDIR' : undefined
  if (!isDirectory) return 'NOTDIR'
  return shown.node.delta === undefined || !isEmptyDirectory(shown.node) ? 'NOTEMPTY' : undefined
}

async function apply(
  view: View,
  { directory, attributes, found, shown }: PreparedName,
  name: FileName,
  seal: Seal<WccResult> | undefined,
): Promise<WccResult> {
  const { node } = shown!
  const isDirectory = shown!.attributes.type === 'directory'
  const batch = view.newBatch()
  const now = view.parts.clock.now()
  view.own(directory)
  const imageName = found.in === 'lower' ? { node: node.id, type: shown!.attributes.type } : undefined
  hideName(view, batch, directory, name, imageName)
  const links = isDirectory ? 1 : 0
  view.change(directory, { mtime: now, ctime: now, nlink: attributes.nlink - links })
  dropLink(view, batch, node, now)
  view.putNode(batch, directory)
  const result: WccResult = succeed({ wcc: { before: attributes, after: directory.attributes } })
  batch.receipt = seal?.(result)
  await view.commit(batch, [directory, node])
  await discardShadow(view, node)
  return result
}

/** Brings into memory what `dropLink` needs of a file with blocks of ours. Precondition: its `dataLock` is held. */
export async function prepareRemoval(view: View, node: Node): Promise<void> {
  if (node.isOurs && node.attributes?.type === 'file') await view.presence(node)
}

/**
 * One name less. The last one takes the node with it: what the view made leaves no record; an object of the image
 * keeps one, so that its handle stays stale. Preconditions: `prepareRemoval`; for a directory, that it is empty.
 */
export function dropLink(view: View, batch: IndexBatch, node: Node, now: Timestamp): void {
  view.own(node)
  const attributes = node.attributes!
  const nlink = attributes.type === 'directory' ? 0 : attributes.nlink - 1
  view.change(node, { nlink, ctime: now })
  if (nlink > 0) {
    view.putNode(batch, node)
    return
  }
  node.removed = true
  dropRecords(view, batch, node)
  if (node.image !== undefined) view.putNode(batch, node)
  else if (node.recorded) {
    batch.delete(nodeKey(view.number, node.id))
    node.recorded = false
  }
}

/** Presence pages, mark and intent go; the counts in the node follow. */
export function dropRecords(view: View, batch: IndexBatch, node: Node): void {
  const { presence } = node
  if (presence !== undefined) {
    for (const page of presence.savedPageNumbers()) batch.delete(pageKey(view.number, node.id, page))
  }
  if (node.marked) batch.delete(overwriteMarkKey(view.number, node.id))
  if (node.truncateIntent !== 'none') batch.delete(truncateIntentKey(view.number, node.id))
  // A file may be there although it has no block any more: it was cut to nothing.
  node.hasShadowFile = presence !== undefined
  node.presence = undefined
  node.pages = 0
  node.pagesHash = 0
  node.stablePresentBlocks = 0
  node.marked = false
  node.truncateIntent = 'none'
  node.hasUnsyncedData = false
}

/** After the commit: nobody can reach the blocks any more. */
export async function discardShadow(view: View, node: Node): Promise<void> {
  if (!node.removed || !node.hasShadowFile) return
  crashPoint('remove.after-index')
  await view.parts.shadow.remove(view.shadowKey(node))
  node.hasShadowFile = false
  crashPoint('remove.after-data')
}
