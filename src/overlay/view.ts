import { type Awaitable, whenReady } from '../base/awaitable.ts'
import type { Clock } from '../base/clock.ts'
import { crashPoint } from '../base/crash-points.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { IndexBatch } from '../index/batch.ts'
import type { IndexStore } from '../index/index-store.ts'
import type { Attributes } from '../vfs/attributes.ts'
import { DamageError, ServerUnavailableError, StorageError } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../vfs/shadow-store.ts'
import type { ReadCounters } from './base/block-reader.ts'
import type { Image } from './base/image.ts'
import { BLOCK_SIZE_BYTES, blocksFor } from './blocks.ts'
import { DirectoryDelta } from './directory-delta.ts'
import { FieldReader } from './format/fields.ts'
import { nodeKey, overwriteMarkKey, truncateIntentKey } from './format/keys.ts'
import { decodeNodeRecord, encodeNodeRecord, type NodeRecord } from './format/node-record.ts'
import { Gate } from './gate.ts'
import { Node } from './node.ts'
import { isImageNumber, type NodeNumbers } from './node-numbers.ts'
import { evictUnused, type OperationWindow } from './operation-window.ts'
import { PresenceMap } from './presence-map.ts'

/** Nodes of one view kept in memory. */
export const VIEW_NODES_MAX = 50_000
const VERIFIER_BYTES = 8

export interface ViewParts {
  readonly index: IndexStore
  readonly shadow: ShadowStore
  readonly image: Image
  readonly numbers: NodeNumbers
  readonly window: OperationWindow
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly counters: ReadCounters
}

/**
 * The state of one view: its nodes, from the index and the image, and the way back into the index.
 *
 * State in memory is changed in one synchronous step, in which the batch is queued too: batches are durable in
 * the order in which their effects became visible. Between a check and its use there is no `await`; an operation
 * that waited (for the image, the index, the shadow) calls `requireEpoch` and looks again before it changes anything.
 */
export class View {
  readonly number: number
  readonly fsid: bigint
  readonly parts: ViewParts
  /** Grows when everything in memory was dropped: what an operation holds from before must not be used. */
  epoch = 0
  writeVerifier: Uint8Array
  rootId: NodeId = 0 as NodeId
  readonly gate = new Gate()
  /** Nodes whose data may not be stable, or that carry the overwrite mark. */
  readonly written = new Set<Node>()
  readonly #nodes = new Map<NodeId, Node>()

  constructor(number: number, fsid: bigint, parts: ViewParts) {
    this.number = number
    this.fsid = fsid
    this.parts = parts
    this.writeVerifier = parts.random.bytes(VERIFIER_BYTES)
  }

  /** Drops all that came from the index. Unstable writes are lost with it, so the verifier changes. */
  forgetAll(): void {
    this.#nodes.clear()
    this.written.clear()
    this.epoch += 1
    this.newWriteVerifier()
  }

  newWriteVerifier(): void {
    this.writeVerifier = this.parts.random.bytes(VERIFIER_BYTES)
  }

  /** Precondition for a change after a wait. */
  requireEpoch(epoch: number): void {
    if (epoch !== this.epoch) throw new ServerUnavailableError(`view ${this.number} was reloaded; it`, 0)
  }

  shadowKey(node: Node): ShadowKey {
    return { view: this.number, node: node.id }
  }

  /** The live node of the number, or undefined: removed, or never there (STALE). Throws DamageError. */
  node(id: NodeId): Node | undefined {
    let node = this.#nodes.get(id)
    if (node === undefined) {
      node = this.#load(id)
      if (node === undefined) return undefined
      this.#nodes.set(id, node)
    }
    node.lastUse = this.parts.window.current
    return node.removed ? undefined : node
  }

  #load(id: NodeId): Node | undefined {
    const payload = this.parts.index.get(nodeKey(this.number, id))
    if (payload === undefined) {
      if (!isImageNumber(id) || !this.parts.image.table.knows(id)) return undefined
      return new Node(id, this.parts.image.object(id))
    }
    const record = decodeNodeRecord(payload, `node ${id} of view ${this.number}`)
    const node = new Node(id, isImageNumber(id) ? this.parts.image.object(id) : undefined)
    this.#fill(node, record)
    return node
  }

  #fill(node: Node, record: NodeRecord): void {
    node.recorded = true
    node.removed = record.removed
    node.conflict = record.conflict
    node.origin = record.origin
    node.stableSizeBytes = record.sizeBytes
    node.upstreamEndBytes = record.upstreamEndBytes
    node.stablePresentBlocks = record.presentBlocks
    node.pages = record.pages
    node.pagesHash = record.pagesHash
    node.entries = record.entries
    node.entriesHash = record.entriesHash
    node.target = record.target
    node.verifier = record.verifier
    node.place = record.place
    node.attributes = this.attributesOfRecord(node.id, record)
    if (record.type === 'file') {
      node.marked = this.parts.index.get(overwriteMarkKey(this.number, node.id)) !== undefined
      node.untrusted = node.marked
    }
  }

  attributesOfRecord(id: NodeId, record: NodeRecord): Attributes {
    const { type, mode, nlink, uid, gid, sizeBytes, rdevMajor, rdevMinor, atime, mtime, ctime } = record
    const usedBytes = usedBytesOf(
      sizeBytes,
      record.upstreamEndBytes,
      record.origin?.usedBytes ?? 0,
      record.presentBlocks,
    )
    const { fsid } = this
    const fileid = BigInt(id)
    return {
      type,
      mode,
      nlink,
      uid,
      gid,
      sizeBytes,
      usedBytes:
        type === 'file' ? usedBytes : (record.origin?.usedBytes ?? (type === 'directory' ? sizeBytes : 0)),
      rdevMajor,
      rdevMinor,
      fsid,
      fileid,
      atime,
      mtime,
      ctime,
    }
  }

  /** A node the view makes now; known from here on. */
  newNode(id: NodeId): Node {
    const node = new Node(id, undefined)
    node.lastUse = this.parts.window.current
    this.#nodes.set(id, node)
    return node
  }

  /** What clients see of the node. Throws the image's refusal as a fault. */
  attributes(node: Node): Awaitable<Attributes> {
    if (node.isOurs) return node.attributes!
    const image = node.image!
    return whenReady(this.parts.image.attributes(image), (result) => {
      if (!result.ok) throw new StorageError(result.status, `image object ${image.node}: ${result.status}`)
      return this.#follow(node, result.value)
    })
  }

  /** An untouched node looks as the image does. */
  #follow(node: Node, image: Attributes): Attributes {
    if (node.isOurs) return node.attributes!
    if (node.madeFrom !== image || node.attributes === undefined) {
      node.madeFrom = image
      node.attributes = { ...image, fsid: this.fsid, fileid: BigInt(node.id) }
    }
    return node.attributes
  }

  /** Attributes if they are in memory: for listings, which do not wait for them. */
  attributesAtHand(node: Node): Attributes | undefined {
    if (node.isOurs) return node.attributes
    const { attributes } = node.image!
    return attributes === undefined ? undefined : this.#follow(node, attributes)
  }

  /** What differs in the directory. */
  delta(node: Node): Awaitable<DirectoryDelta> {
    if (node.delta !== undefined) return node.delta
    if (node.entries === 0) {
      node.delta = new DirectoryDelta()
      return node.delta
    }
    return DirectoryDelta.load(this.parts.index, this.number, node.id, node).then((delta) => {
      node.delta ??= delta
      return node.delta
    })
  }

  /** Which blocks are ours. Redoes a truncation that a crash cut short. */
  presence(node: Node): Awaitable<PresenceMap> {
    if (node.presence !== undefined) return node.presence
    const intent = node.recorded ? this.parts.index.get(truncateIntentKey(this.number, node.id)) : undefined
    if (node.pages === 0 && intent === undefined) {
      node.presence = PresenceMap.empty(this.parts.index, this.number, node.id)
      return node.presence
    }
    return this.#loadPresence(node, intent)
  }

  async #loadPresence(node: Node, intent: Uint8Array | undefined): Promise<PresenceMap> {
    const { index, shadow } = this.parts
    if (intent !== undefined) {
      await shadow.truncate(
        this.shadowKey(node),
        new FieldReader(intent, `truncate intent of ${node.id}`).number(),
      )
      node.truncateIntent = 'done'
    }
    const presence = await PresenceMap.load(index, this.number, node.id, node)
    node.presence ??= presence
    return node.presence
  }

  /** Makes the node ours: from here on its attributes are its own. Precondition: its attributes were asked for. */
  own(node: Node): void {
    if (node.isOurs) return
    const image = node.madeFrom
    if (image === undefined)
      throw new ServerUnavailableError(`the attributes of node ${node.id} are not at hand; it`, 0)
    const { mode, uid, gid, nlink, sizeBytes, usedBytes, mtime, ctime } = image
    node.origin = { mode, uid, gid, nlink, sizeBytes, usedBytes, mtime, ctime }
    node.stableSizeBytes = sizeBytes
    node.upstreamEndBytes = node.attributes!.type === 'file' ? sizeBytes : 0
  }

  /** Sets new attributes; `usedBytes` follows from size and blocks. */
  change(node: Node, changes: Partial<Attributes>): void {
    const next = { ...node.attributes!, ...changes }
    if (next.type !== 'file') {
      node.attributes = next
      return
    }
    const blocks = node.presence?.presentBlocks ?? node.stablePresentBlocks
    node.attributes = {
      ...next,
      usedBytes: usedBytesOf(next.sizeBytes, node.upstreamEndBytes, node.origin?.usedBytes ?? 0, blocks),
    }
  }

  putNode(batch: IndexBatch, node: Node): void {
    batch.put(nodeKey(this.number, node.id), encodeNodeRecord(node.record), !node.recorded)
    node.recorded = true
  }

  /** Queues the batch and remembers which nodes it carries. Resolves when it is stable. */
  async commit(batch: IndexBatch, nodes: readonly Node[]): Promise<void> {
    crashPoint('metadata.before-index')
    const { index } = this.parts
    const done = index.commit(batch, true)
    for (const node of nodes) node.queuedSequence = index.queuedSequence
    await done
    crashPoint('metadata.after-index')
  }

  /** Makes room in memory; called between operations. */
  evict(): void {
    if (this.#nodes.size <= VIEW_NODES_MAX) return
    const { window, index } = this.parts
    const oldest = window.oldest
    evictUnused(this.#nodes, VIEW_NODES_MAX, (node) => {
      if (node.lastUse >= oldest || node.queuedSequence > index.writtenSequence) return false
      return !node.isDirty && !node.dataLock.isHeld && (!node.marked || node.untrusted)
    })
  }

  newBatch(): IndexBatch {
    return new IndexBatch()
  }

  damage(node: Node, what: string): DamageError {
    return new DamageError(`node ${node.id} of view ${this.number}`, what)
  }
}

/** Never more than the size needs, never less than what is stored. */
function usedBytesOf(
  sizeBytes: number,
  upstreamEndBytes: number,
  imageUsedBytes: number,
  presentBlocks: number,
): number {
  const fromImage = Math.min(imageUsedBytes, blocksFor(upstreamEndBytes) * BLOCK_SIZE_BYTES)
  return Math.min(blocksFor(sizeBytes) * BLOCK_SIZE_BYTES, fromImage + presentBlocks * BLOCK_SIZE_BYTES)
}
