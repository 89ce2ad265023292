import type { Attributes } from '../vfs/attributes.ts'
import type { Caller, FileName, NodeId, RenameResult, Seal } from '../vfs/file-system.ts'
import { refuse, succeed } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import { current, mayChange, type PreparedName, prepare } from './directory-access.ts'
import { hideName, showName } from './entries.ts'
import { isEmptyDirectory, prepareEmptiness } from './find-name.ts'
import type { Node } from './node.ts'
import { unchanged } from './outcomes.ts'
import { MAY_WRITE, mayAccess, mayRemoveFrom } from './permissions.ts'
import { planRename } from './plan-rename.ts'
import { discardShadow, dropLink, prepareRemoval } from './remove-name.ts'
import type { View } from './view.ts'

interface Ends {
  readonly from: PreparedName
  readonly to: PreparedName
}

function refuseBoth(status: FsStatus, from: Attributes | undefined, to: Attributes | undefined) {
  return refuse(status, { from: unchanged(from), to: unchanged(to) })
}

/** RENAME (RFC 1813 section 3.3.14): one batch; an image directory moves without a copy. */
export async function renameName(
  view: View,
  caller: Caller,
  fromId: NodeId,
  fromName: FileName,
  toId: NodeId,
  toName: FileName,
  seal: Seal<RenameResult> | undefined,
): Promise<RenameResult> {
  const { epoch } = view
  const first = await prepare(view, caller, fromId, fromName, 0)
  if (!first.ok) return refuseBoth(first.status, first.fail.attributes, await attributesIfLive(view, toId))
  const second = await prepare(view, caller, toId, toName, 0)
  if (!second.ok) return refuseBoth(second.status, first.value.attributes, second.fail.attributes)
  const replaced = second.value.shown?.node
  if (second.value.shown?.attributes.type === 'directory')
    await prepareEmptiness(view, second.value.shown.node)
  await replaced?.dataLock.acquire()
  try {
    if (replaced !== undefined) await prepareRemoval(view, replaced)
    view.requireEpoch(epoch)
    const from = current(view, fromId, fromName)
    const to = current(view, toId, toName)
    if (from === undefined || to === undefined || to.shown?.node !== replaced) {
      return refuseBoth('JUKEBOX', first.value.attributes, second.value.attributes)
    }
    return await decide(view, caller, { from, to }, fromName, toName, seal)
  } finally {
    replaced?.dataLock.release()
  }
}

async function decide(
  view: View,
  caller: Caller,
  ends: Ends,
  fromName: FileName,
  toName: FileName,
  seal: Seal<RenameResult> | undefined,
): Promise<RenameResult> {
  const { from, to } = ends
  const source = from.shown
  const target = to.shown
  const plan = planRename({
    source: source && { node: source.node.id, type: source.attributes.type },
    target: target && {
      node: target.node.id,
      type: target.attributes.type,
      isEmpty:
        target.attributes.type !== 'directory' ||
        (target.node.delta !== undefined && isEmptyDirectory(target.node)),
    },
    isBelowItself: source !== undefined && isSameOrBelow(view, to.directory, source.node),
    isAboveSource: target !== undefined && isSameOrBelow(view, from.directory, target.node),
    denied: refuseByPermission(caller, ends),
  })
  switch (plan.do) {
    case 'refuse':
      return refuseBoth(plan.status, from.attributes, to.attributes)
    case 'nothing':
      return succeed({ from: unchanged(from.attributes), to: unchanged(to.attributes) })
    case 'move':
      return move(view, ends, fromName, toName, seal)
  }
}

async function attributesIfLive(view: View, id: NodeId): Promise<Attributes | undefined> {
  const node = view.node(id)
  return node === undefined ? undefined : view.attributes(node)
}

function refuseByPermission(caller: Caller, { from, to }: Ends): FsStatus | undefined {
  const source = from.shown?.attributes
  if (!mayChange(caller, from.attributes)) return 'ACCES'
  if (source === undefined) return undefined
  if (!mayRemoveFrom(caller, from.attributes, source)) return 'PERM'
  if (!mayChange(caller, to.attributes)) return 'ACCES'
  if (to.shown !== undefined && !mayRemoveFrom(caller, to.attributes, to.shown.attributes)) return 'PERM'
  // A directory that gets another parent is changed itself: its "..".
  const changesParent = source.type === 'directory' && from.directory !== to.directory
  return changesParent && !mayAccess(caller, source, MAY_WRITE) ? 'ACCES' : undefined
}

/** The parent of a directory: where the view moved it, else where the image has it; 0 for the root. */
export function parentOf(directory: Node): NodeId {
  return directory.place?.parent ?? directory.image?.parent ?? (0 as NodeId)
}

function isSameOrBelow(view: View, directory: Node, ancestor: Node): boolean {
  let at: Node | undefined = directory
  while (at !== undefined) {
    if (at === ancestor) return true
    const parent = parentOf(at)
    if (parent === 0) return false
    at = view.node(parent)
  }
  return false
}

async function move(
  view: View,
  { from, to }: Ends,
  fromName: FileName,
  toName: FileName,
  seal: Seal<RenameResult> | undefined,
): Promise<RenameResult> {
  const source = from.shown!
  const target = to.shown
  const batch = view.newBatch()
  const now = view.parts.clock.now()
  const isDirectory = source.attributes.type === 'directory'
  view.own(from.directory)
  view.own(to.directory)
  view.own(source.node)
  if (target !== undefined) dropLink(view, batch, target.node, now)
  const moved = { node: source.node.id, type: source.attributes.type }
  hideName(view, batch, from.directory, fromName, from.found.in === 'lower' ? moved : undefined)
  const imageName =
    to.found.in === 'lower' ? { node: to.found.node, type: target!.attributes.type } : undefined
  showName(view, batch, to.directory, toName, moved, imageName)
  if (isDirectory) source.node.place = { parent: to.directory.id, name: new Uint8Array(toName) }
  const lost = isDirectory ? 1 : 0
  const gained = lost - (target?.attributes.type === 'directory' ? 1 : 0)
  view.change(from.directory, { mtime: now, ctime: now, nlink: from.attributes.nlink - lost })
  view.change(to.directory, { mtime: now, ctime: now, nlink: to.directory.attributes!.nlink + gained })
  view.change(source.node, { ctime: now })
  const changed = [...new Set([from.directory, to.directory, source.node])]
  for (const node of changed) view.putNode(batch, node)
  const result: RenameResult = succeed({
    from: { before: from.attributes, after: from.directory.attributes },
    to: { before: to.attributes, after: to.directory.attributes },
  })
  batch.receipt = seal?.(result)
  await view.commit(batch, target === undefined ? changed : [...changed, target.node])
  if (target !== undefined) await discardShadow(view, target.node)
  return result
}
