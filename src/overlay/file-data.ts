import { type Awaitable, isPromise, whenReady } from '../base/awaitable.ts'
import { crashPoint } from '../base/crash-points.ts'
import type { IndexBatch } from '../index/batch.ts'
import { BaseConflictError } from '../vfs/faults.ts'
import { sameVersion } from './base/image-object.ts'
import { BLOCK_SIZE_BYTES, blocksFor } from './blocks.ts'
import { FieldWriter } from './format/fields.ts'
import { overwriteMarkKey, pageKey, truncateIntentKey } from './format/keys.ts'
import type { Node } from './node.ts'
import { planRead } from './plan-read.ts'
import { type Fill, planWrite, type WritePlan } from './plan-write.ts'
import type { PresenceMap, TakenPage } from './presence-map.ts'
import { blockChecksum, readShadow } from './shadow-blocks.ts'
import type { View } from './view.ts'

/**
 * The content of files: which layer answers which bytes, and what must be on disk before a reply.
 *
 * Lock order: a node's `dataLock`, then nothing else. Writes and changes of size hold it; reads and commits do not.
 */
export class FileData {
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  /** Fills `into`. Precondition: the range is within the file. */
  read(node: Node, offsetBytes: number, into: Uint8Array): Awaitable<void> {
    if (!node.isOurs) return this.#view.parts.image.blocks.read(node.image!, offsetBytes, into)
    if (node.conflict) throw this.#conflict(node)
    return whenReady(this.#view.presence(node), (presence) =>
      this.#readOurs(node, presence, offsetBytes, into),
    )
  }

  #readOurs(node: Node, presence: PresenceMap, offsetBytes: number, into: Uint8Array): Awaitable<void> {
    const firstBlock = Math.floor(offsetBytes / BLOCK_SIZE_BYTES)
    const steps = planRead({
      runs: presence.runs(firstBlock, blocksFor(offsetBytes + into.length) - firstBlock),
      offsetBytes,
      countBytes: into.length,
      upstreamEndBytes: node.upstreamEndBytes,
    })
    const waits: Promise<void>[] = []
    for (const step of steps) {
      const from = step.offsetBytes - offsetBytes
      const part = into.subarray(from, from + step.countBytes)
      if (step.source === 'zero') {
        part.fill(0)
        continue
      }
      const done =
        step.source === 'shadow'
          ? readShadow(this.#view, node, presence, step.offsetBytes, part)
          : this.#readImage(node, step.offsetBytes, part)
      if (isPromise(done)) waits.push(done)
    }
    if (waits.length > 0) return Promise.all(waits).then(() => {})
  }

  /** Image bytes of a node that is ours: only while the image is the one that the node was made from. */
  #readImage(node: Node, offsetBytes: number, into: Uint8Array): Awaitable<void> {
    const image = node.image!
    return whenReady(this.#view.parts.image.attributes(image), () => {
      this.#requireSameImage(node)
      return whenReady(this.#view.parts.image.blocks.read(image, offsetBytes, into), () =>
        this.#requireSameImage(node),
      )
    })
  }

  #requireSameImage(node: Node): void {
    const { attributes } = node.image!
    if (attributes === undefined || node.origin === undefined || sameVersion(attributes, node.origin)) return
    node.conflict = true
    const batch = this.#view.newBatch()
    this.#view.putNode(batch, node)
    this.#view.commit(batch, [node]).catch(() => {})
    this.#view.parts.logger.error(
      { node: node.id, view: this.#view.number },
      'conflict: the image changed under a node with changes',
    )
    throw this.#conflict(node)
  }

  #conflict(node: Node): BaseConflictError {
    return new BaseConflictError(
      `node ${node.id} of view ${this.#view.number}: the image changed under its redirected blocks`,
    )
  }

  /** Can `store` run now without waiting for the image, the index or another writer? Then the lock is taken. */
  tryBegin(node: Node, offsetBytes: number, countBytes: number): WritePlan | undefined {
    if (node.conflict || (!node.isOurs && node.madeFrom === undefined)) return undefined
    const presence = this.#view.presence(node)
    if (isPromise(presence)) return undefined
    const plan = this.#plan(node, presence, offsetBytes, countBytes)
    if (this.#needsMark(node, presence, plan) || plan.fills.some((fill) => fill.source === 'upstream'))
      return undefined
    if (!node.dataLock.tryAcquire()) return undefined
    node.isWriting = true
    return plan
  }

  /** Waits for all that a write needs; afterwards the caller holds the lock. */
  async begin(node: Node, offsetBytes: number, countBytes: number): Promise<WritePlan> {
    await node.dataLock.acquire()
    try {
      if (node.conflict) throw this.#conflict(node)
      const presence = await this.#view.presence(node)
      const plan = this.#plan(node, presence, offsetBytes, countBytes)
      node.isWriting = true
      if (this.#needsMark(node, presence, plan)) await this.#mark(node)
      return plan
    } catch (error) {
      this.end(node)
      throw error
    }
  }

  /** The write that `tryBegin` or `begin` began is over, well or not. */
  end(node: Node): void {
    node.isWriting = false
    node.dataLock.release()
  }

  #plan(node: Node, presence: PresenceMap, offsetBytes: number, countBytes: number): WritePlan {
    return planWrite({
      offsetBytes,
      countBytes,
      isPresent: (block) => presence.has(block),
      upstreamEndBytes: node.isOurs ? node.upstreamEndBytes : node.attributes!.sizeBytes,
    })
  }

  #needsMark(node: Node, presence: PresenceMap, plan: WritePlan): boolean {
    if (node.marked) return false
    for (let block = plan.firstBlock; block < plan.firstBlock + plan.blockCount; block += 1) {
      if (presence.isSaved(block)) return true
    }
    return false
  }

  /** Before stable blocks are overwritten in place: after a crash their checksums may be wrong, and that is no damage. */
  async #mark(node: Node): Promise<void> {
    const batch = this.#view.newBatch()
    this.#putMark(batch, node)
    await this.#view.parts.index.commit(batch, true)
    crashPoint('mark.after-commit')
  }

  #putMark(batch: IndexBatch, node: Node): void {
    batch.put(overwriteMarkKey(this.#view.number, node.id), new Uint8Array(), true)
    node.marked = true
    this.#view.written.add(node)
  }

  /** Puts the bytes into the shadow and marks the blocks ours. Precondition: the lock is held and `plan` is of now. */
  store(node: Node, plan: WritePlan, offsetBytes: number, data: Uint8Array): Awaitable<void> {
    crashPoint('write.before-data')
    if (plan.fills.length === 0) return this.#put(node, plan, data)
    const whole = Buffer.alloc(plan.blockCount * BLOCK_SIZE_BYTES)
    const waits: Promise<void>[] = []
    for (const fill of plan.fills) {
      const at = (fill.block - plan.firstBlock) * BLOCK_SIZE_BYTES
      const done = this.#fill(node, fill, whole.subarray(at, at + BLOCK_SIZE_BYTES))
      if (isPromise(done)) waits.push(done)
    }
    const place = () => {
      whole.set(data, offsetBytes - plan.firstBlock * BLOCK_SIZE_BYTES)
      return this.#put(node, plan, whole)
    }
    return waits.length === 0 ? place() : Promise.all(waits).then(place)
  }

  #fill(node: Node, fill: Fill, into: Uint8Array): Awaitable<void> {
    const start = fill.block * BLOCK_SIZE_BYTES
    if (fill.source === 'shadow') return readShadow(this.#view, node, node.presence!, start, into)
    if (fill.source === 'zero') return
    const end = node.isOurs ? node.upstreamEndBytes : node.attributes!.sizeBytes
    const part = into.subarray(0, Math.min(BLOCK_SIZE_BYTES, end - start))
    return node.isOurs
      ? this.#readImage(node, start, part)
      : this.#view.parts.image.blocks.read(node.image!, start, part)
  }

  #put(node: Node, plan: WritePlan, blocks: Uint8Array): Awaitable<void> {
    const start = plan.firstBlock * BLOCK_SIZE_BYTES
    const presence = node.presence!
    node.hasUnsyncedData = true
    let written: Awaitable<void>
    try {
      written = this.#view.parts.shadow.write(this.#view.shadowKey(node), start, blocks)
    } catch (error) {
      this.#distrust(node, presence, plan)
      throw error
    }
    const failed = (error: unknown) => {
      this.#distrust(node, presence, plan)
      throw error
    }
    return whenReady(isPromise(written) ? written.catch(failed) : written, () => {
      for (let index = 0; index < plan.blockCount; index += 1) {
        const at = index * BLOCK_SIZE_BYTES
        presence.markPresent(
          plan.firstBlock + index,
          blockChecksum(blocks.subarray(at, at + BLOCK_SIZE_BYTES)),
        )
      }
      node.hasUnsyncedData = true
      crashPoint('write.after-data')
    })
  }

  /** A write in place that failed half-way leaves neither the old block nor the new one: no damage, but not verified. */
  #distrust(node: Node, presence: PresenceMap, plan: WritePlan): void {
    for (let block = plan.firstBlock; block < plan.firstBlock + plan.blockCount; block += 1) {
      if (presence.unverify(block)) node.untrusted = true
    }
  }

  /** When it resolves, everything written before is stable. Calls that come while one runs share the next. */
  stabilise(node: Node): Promise<void> {
    if (node.nextCommit !== undefined) return node.nextCommit
    if (node.runningCommit === undefined) return this.#startCommit(node)
    node.nextCommit = node.runningCommit
      .catch(() => {})
      .then(() => {
        node.nextCommit = undefined
        return this.#startCommit(node)
      })
    return node.nextCommit
  }

  #startCommit(node: Node): Promise<void> {
    if (!node.isDirty) return Promise.resolve()
    const running = this.#commit(node).finally(() => {
      if (node.runningCommit === running) node.runningCommit = undefined
    })
    node.runningCommit = running
    return running
  }

  async #commit(node: Node): Promise<void> {
    const view = this.#view
    const { epoch } = view
    const presence = await view.presence(node)
    const taken = presence.takeDirty()
    const sizeBytes = node.attributes!.sizeBytes
    node.hasUnsyncedData = false
    try {
      crashPoint('commit.before-sync')
      await this.#sync(node)
      crashPoint('commit.after-sync')
      view.requireEpoch(epoch)
      if (node.removed) return
      const batch = view.newBatch()
      // A write that came after the copies may have changed the bytes of their blocks already.
      const isOverwritten = node.isWriting || taken.some(({ page }) => page.dirty)
      if (isOverwritten && !node.marked) this.#putMark(batch, node)
      this.putPages(batch, node, presence, taken)
      node.stableSizeBytes = sizeBytes
      if (node.truncateIntent === 'done') {
        batch.delete(truncateIntentKey(view.number, node.id))
        node.truncateIntent = 'none'
      }
      view.putNode(batch, node)
      await view.commit(batch, [node])
      crashPoint('commit.after-index')
    } finally {
      presence.settle(taken)
    }
  }

  /** A failed sync is never tried again: what was written since the last stable state is lost, and clients are told. */
  async #sync(node: Node): Promise<void> {
    try {
      await this.#view.parts.shadow.sync(this.#view.shadowKey(node))
    } catch (error) {
      if (node.removed) throw error
      this.#forgetPresence(node)
      node.hasUnsyncedData = false
      this.#view.change(node, { sizeBytes: node.stableSizeBytes })
      this.#view.newWriteVerifier()
      throw error
    }
  }

  /** What the index has of the presence bits counts; it is read again when it is needed. */
  #forgetPresence(node: Node): void {
    if (node.presence === undefined) return
    const { pages, pagesHash } = node.presence.savedPages
    node.pages = pages
    node.pagesHash = pagesHash
    node.presence = undefined
  }

  putPages(batch: IndexBatch, node: Node, presence: PresenceMap, taken: readonly TakenPage[]): void {
    for (const page of taken) {
      const key = pageKey(this.#view.number, node.id, page.number)
      const { had, blocks } = presence.noteSaved(page)
      node.stablePresentBlocks += blocks
      if (page.payload !== undefined) batch.put(key, page.payload, !had)
      else if (had) batch.delete(key)
    }
  }

  /**
   * Prepares a new size. Precondition: the lock is held, the node is ours, nothing is dirty (`stabilise`), and
   * `tail` is what `readTail` gave. Changes memory and the batch; `finishResize` goes after the commit. Returns the
   * pages to settle then, or undefined when the shadow file need not be cut.
   */
  resize(
    batch: IndexBatch,
    node: Node,
    sizeBytes: number,
    tail: Uint8Array | undefined,
  ): TakenPage[] | undefined {
    const presence = node.presence!
    const shrinks = sizeBytes < node.attributes!.sizeBytes && presence.presentBlocks > 0
    let taken: TakenPage[] | undefined
    node.upstreamEndBytes = Math.min(node.upstreamEndBytes, sizeBytes)
    if (shrinks) {
      presence.cut(blocksFor(sizeBytes))
      if (tail !== undefined) {
        // The rest of the last block must read as zeros when the file grows again: a crash before the shadow file
        // is cut leaves old bytes there, so the cut is noted and done again on load.
        presence.markPresent(blocksFor(sizeBytes) - 1, blockChecksum(tail))
        const intent = new FieldWriter(8).number(sizeBytes).finish()
        batch.put(truncateIntentKey(this.#view.number, node.id), intent, node.truncateIntent === 'none')
        node.truncateIntent = 'pending'
      }
      taken = presence.takeDirty()
      this.putPages(batch, node, presence, taken)
    }
    node.stableSizeBytes = sizeBytes
    return taken
  }

  /** The part of the last block that stays when the file is cut, if that block is ours. */
  async readTail(node: Node, sizeBytes: number): Promise<Uint8Array | undefined> {
    const rest = sizeBytes % BLOCK_SIZE_BYTES
    const presence = node.presence!
    if (rest === 0 || sizeBytes >= node.attributes!.sizeBytes || !presence.has(blocksFor(sizeBytes) - 1))
      return undefined
    const tail = Buffer.allocUnsafe(rest)
    await readShadow(this.#view, node, presence, sizeBytes - rest, tail)
    return tail
  }

  async finishResize(node: Node, sizeBytes: number, taken: readonly TakenPage[]): Promise<void> {
    node.presence?.settle(taken)
    crashPoint('truncate.after-index')
    try {
      await this.#view.parts.shadow.truncate(this.#view.shadowKey(node), sizeBytes)
    } catch (error) {
      // Loaded again, the node sees the intent and is cut then.
      this.#forgetPresence(node)
      throw error
    }
    if (node.truncateIntent === 'pending') node.truncateIntent = 'done'
    if (node.truncateIntent === 'done') {
      // The next commit of data syncs the cut and takes the intent away.
      node.hasUnsyncedData = true
      this.#view.written.add(node)
    }
    crashPoint('truncate.after-data')
  }
}
