import { type Attributes, LINK_MAX } from '../vfs/attributes.ts'
import type { Caller, FileName, LinkResult, NodeId, Seal } from '../vfs/file-system.ts'
import { refuse, succeed } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import { mayChange, prepare } from './directory-access.ts'
import { showName } from './entries.ts'
import { unchanged } from './outcomes.ts'
import type { View } from './view.ts'

function refuseLink(status: FsStatus, attributes: Attributes | undefined, directory: Attributes | undefined) {
  return refuse(status, { attributes, wcc: unchanged(directory) })
}

/** LINK (RFC 1813 section 3.3.15). */
export async function linkName(
  view: View,
  caller: Caller,
  id: NodeId,
  directoryId: NodeId,
  name: FileName,
  seal: Seal<LinkResult> | undefined,
): Promise<LinkResult> {
  const { epoch } = view
  const known = view.node(id)
  if (known === undefined) {
    const into = view.node(directoryId)
    return refuseLink('STALE', undefined, into && (await view.attributes(into)))
  }
  if ((await view.attributes(known)).type === 'directory') {
    const into = view.node(directoryId)
    return refuseLink('ISDIR', view.attributesAtHand(known), into && (await view.attributes(into)))
  }
  const prepared = await prepare(view, caller, directoryId, name, 0)
  if (!prepared.ok) return refuseLink(prepared.status, view.attributesAtHand(known), prepared.fail.attributes)
  view.requireEpoch(epoch)
  const { directory, attributes: before, shown, found } = prepared.value
  const node = view.node(id)
  const attributes = node && view.attributesAtHand(node)
  if (node === undefined || attributes === undefined) return refuseLink('STALE', undefined, before)
  if (shown !== undefined) return refuseLink('EXIST', attributes, before)
  if (!mayChange(caller, before)) return refuseLink('ACCES', attributes, before)
  if (attributes.nlink >= LINK_MAX) return refuseLink('MLINK', attributes, before)
  const batch = view.newBatch()
  const now = view.parts.clock.now()
  view.own(directory)
  view.own(node)
  const imageName = found.in === 'lower' ? { node: found.node, type: attributes.type } : undefined
  showName(view, batch, directory, name, { node: id, type: attributes.type }, imageName)
  view.change(node, { nlink: attributes.nlink + 1, ctime: now })
  view.change(directory, { mtime: now, ctime: now })
  view.putNode(batch, node)
  view.putNode(batch, directory)
  const result: LinkResult = succeed({
    attributes: node.attributes!,
    wcc: { before, after: directory.attributes },
  })
  batch.receipt = seal?.(result)
  await view.commit(batch, [node, directory])
  return result
}
