import type { Timestamp } from '../base/clock.ts'
import type { AttributeChanges } from '../vfs/attributes.ts'
import type { Caller, NodeId, Seal, WccResult } from '../vfs/file-system.ts'
import { succeed } from '../vfs/result.ts'
import { changedAttributes, refuseChanges } from './change-attributes.ts'
import type { FileData } from './file-data.ts'
import type { Node } from './node.ts'
import { refuseUnchanged, unchanged } from './outcomes.ts'
import type { View } from './view.ts'

/** SETATTR (RFC 1813 section 3.3.2), also for CREATE of a file that is there. */
export class Resizer {
  readonly #view: View
  readonly #data: FileData

  constructor(view: View, data: FileData) {
    this.#view = view
    this.#data = data
  }

  async setAttributes(
    caller: Caller,
    id: NodeId,
    changes: AttributeChanges,
    guardCtime: Timestamp | undefined,
    seal: Seal<WccResult> | undefined,
  ): Promise<WccResult> {
    const view = this.#view
    const node = view.node(id)
    if (node === undefined) return refuseUnchanged('STALE', undefined)
    const attributes = await view.attributes(node)
    const status = refuseChanges(caller, attributes, changes, guardCtime)
    if (status !== undefined) return refuseUnchanged(status, attributes)
    if (Object.keys(changes).length === 0) return succeed({ wcc: unchanged(attributes) })
    if (changes.sizeBytes !== undefined) return this.#resize(caller, node, changes, guardCtime, seal)
    return this.#change(caller, node, changes, seal)
  }

  /** Precondition: attributes at hand, checks done, no wait since. */
  async #change(
    caller: Caller,
    node: Node,
    changes: AttributeChanges,
    seal: Seal<WccResult> | undefined,
  ): Promise<WccResult> {
    const view = this.#view
    const before = view.attributesAtHand(node)!
    if (node.removed) return refuseUnchanged('STALE', undefined)
    const batch = view.newBatch()
    view.own(node)
    view.change(node, changedAttributes(caller, before, changes, view.parts.clock.now()))
    view.putNode(batch, node)
    const result: WccResult = succeed({ wcc: { before, after: node.attributes } })
    batch.receipt = seal?.(result)
    await view.commit(batch, [node])
    return result
  }

  /** What is not stable yet is made so first; then size, blocks and attributes change in one batch. */
  async #resize(
    caller: Caller,
    node: Node,
    changes: AttributeChanges,
    guardCtime: Timestamp | undefined,
    seal: Seal<WccResult> | undefined,
  ): Promise<WccResult> {
    const view = this.#view
    const { epoch } = view
    const sizeBytes = changes.sizeBytes!
    await node.dataLock.acquire()
    try {
      await view.presence(node)
      await this.#data.stabilise(node)
      const tail = await this.#data.readTail(node, sizeBytes)
      const before = await view.attributes(node)
      view.requireEpoch(epoch)
      if (node.removed) return refuseUnchanged('STALE', undefined)
      const status = refuseChanges(caller, before, changes, guardCtime)
      if (status !== undefined) return refuseUnchanged(status, before)
      const batch = view.newBatch()
      view.own(node)
      const cut = this.#data.resize(batch, node, sizeBytes, tail)
      view.change(node, changedAttributes(caller, before, changes, view.parts.clock.now()))
      view.putNode(batch, node)
      const result: WccResult = succeed({ wcc: { before, after: node.attributes } })
      batch.receipt = seal?.(result)
      await view.commit(batch, [node])
      if (cut !== undefined) await this.#data.finishResize(node, sizeBytes, cut)
      return result
    } finally {
      node.dataLock.release()
    }
  }
}
