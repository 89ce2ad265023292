import { sameBytes } from '../base/bytes.ts'
import type { Timestamp } from '../base/clock.ts'
import {
  type AttributeChanges,
  type Attributes,
  LINK_MAX,
  type NodeType,
  type TimeChange,
} from '../vfs/attributes.ts'
import type { Caller, CreateResult, FileName, NodeId, Seal } from '../vfs/file-system.ts'
import { succeed } from '../vfs/result.ts'
import { attributesForNew, refuseChanges } from './change-attributes.ts'
import { mayChange, type PreparedName, prepare } from './directory-access.ts'
import { showName } from './entries.ts'
import { objectOf, refuseUnchanged } from './outcomes.ts'
import type { Resizer } from './set-attributes.ts'
import type { View } from './view.ts'

const DIRECTORY_SIZE_BYTES = 4096

export interface NewNode {
  readonly type: NodeType
  readonly changes: AttributeChanges
  readonly rdevMajor?: number
  readonly rdevMinor?: number
  readonly target?: Uint8Array
  readonly verifier?: Uint8Array
  /** What to do when the name is there: refuse, or for a file go on with the one that is there. */
  readonly ifThere: 'refuse' | 'use' | 'compare-verifier'
}

/** CREATE, MKDIR, SYMLINK, MKNOD: one new node under a new name. */
export async function makeNode(
  view: View,
  resizer: Resizer,
  caller: Caller,
  directoryId: NodeId,
  name: FileName,
  wanted: NewNode,
  seal: Seal<CreateResult> | undefined,
): Promise<CreateResult> {
  const { epoch } = view
  const prepared = await prepare(view, caller, directoryId, name, 0)
  if (!prepared.ok) return refuseUnchanged(prepared.status, prepared.fail.attributes)
  view.requireEpoch(epoch)
  const { attributes, shown } = prepared.value
  if (shown !== undefined) return useThere(resizer, caller, prepared.value, wanted, seal)
  if (!mayChange(caller, attributes)) return refuseUnchanged('ACCES', attributes)
  if (isDevice(wanted.type) && caller.uid !== 0) return refuseUnchanged('PERM', attributes)
  if (wanted.type === 'directory' && attributes.nlink >= LINK_MAX) return refuseUnchanged('MLINK', attributes)
  return addNode(view, caller, prepared.value, name, wanted, seal)
}

function isDevice(type: NodeType): boolean {
  return type === 'block' || type === 'character'
}

/** The name is there already (RFC 1813 section 3.3.8: UNCHECKED, GUARDED, EXCLUSIVE). */
async function useThere(
  resizer: Resizer,
  caller: Caller,
  { attributes, shown }: PreparedName,
  wanted: NewNode,
  seal: Seal<CreateResult> | undefined,
): Promise<CreateResult> {
  const there = shown!
  if (wanted.ifThere === 'refuse') return refuseUnchanged('EXIST', attributes)
  if (wanted.ifThere === 'compare-verifier') {
    const isSame = there.node.verifier !== undefined && sameBytes(there.node.verifier, wanted.verifier!)
    if (!isSame) return refuseUnchanged('EXIST', attributes)
    return succeed({
      object: objectOf(there.node.id, there.attributes),
      wcc: { before: attributes, after: attributes },
    })
  }
  if (there.attributes.type !== 'file') return refuseUnchanged('EXIST', attributes)
  const { sizeBytes } = wanted.changes
  const wcc = { before: attributes, after: attributes }
  if (sizeBytes === undefined) return succeed({ object: objectOf(there.node.id, there.attributes), wcc })
  // Only the size counts for a file that is there: open(O_CREAT | O_TRUNC).
  const status = refuseChanges(caller, there.attributes, { sizeBytes }, undefined)
  if (status !== undefined) return refuseUnchanged(status, attributes)
  const result = await resizer.setAttributes(caller, there.node.id, { sizeBytes }, undefined, (changed) => {
    if (!changed.ok) return undefined
    return seal?.(succeed({ object: objectOf(there.node.id, changed.value.wcc.after!), wcc }))
  })
  if (!result.ok) return refuseUnchanged(result.status, attributes)
  return succeed({ object: objectOf(there.node.id, result.value.wcc.after!), wcc })
}

function addNode(
  view: View,
  caller: Caller,
  { directory, attributes }: PreparedName,
  name: FileName,
  wanted: NewNode,
  seal: Seal<CreateResult> | undefined,
): Promise<CreateResult> {
  const batch = view.newBatch()
  const now = view.parts.clock.now()
  const node = view.newNode(view.parts.numbers.takeForView(batch))
  node.attributes = newAttributes(view, caller, attributes, node.id, wanted, now)
  node.stableSizeBytes = node.attributes.sizeBytes
  node.target = wanted.target
  node.verifier = wanted.verifier
  if (wanted.type === 'directory') node.place = { parent: directory.id, name: new Uint8Array(name) }
  view.own(directory)
  showName(view, batch, directory, name, { node: node.id, type: wanted.type }, undefined)
  const links = wanted.type === 'directory' ? 1 : 0
  view.change(directory, { mtime: now, ctime: now, nlink: attributes.nlink + links })
  view.putNode(batch, node)
  view.putNode(batch, directory)
  const result: CreateResult = succeed({
    object: objectOf(node.id, node.attributes),
    wcc: { before: attributes, after: directory.attributes },
  })
  batch.receipt = seal?.(result)
  return view.commit(batch, [node, directory]).then(() => result)
}

function newAttributes(
  view: View,
  caller: Caller,
  directory: Attributes,
  id: NodeId,
  wanted: NewNode,
  now: Timestamp,
): Attributes {
  const { mode, uid, gid } = attributesForNew(caller, directory, wanted.type, wanted.changes)
  const time = (change: TimeChange | undefined) =>
    change === undefined || change === 'server' ? now : change
  const sizeBytes =
    wanted.type === 'directory'
      ? DIRECTORY_SIZE_BYTES
      : wanted.type === 'symlink'
        ? wanted.target!.length
        : wanted.type === 'file'
          ? (wanted.changes.sizeBytes ?? 0)
          : 0
  return {
    type: wanted.type,
    mode,
    nlink: wanted.type === 'directory' ? 2 : 1,
    uid,
    gid,
    sizeBytes,
    usedBytes: wanted.type === 'directory' ? DIRECTORY_SIZE_BYTES : 0,
    rdevMajor: wanted.rdevMajor ?? 0,
    rdevMinor: wanted.rdevMinor ?? 0,
    fsid: view.fsid,
    fileid: BigInt(id),
    atime: time(wanted.changes.atime),
    mtime: time(wanted.changes.mtime),
    ctime: now,
  }
}
