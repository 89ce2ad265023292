import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { IndexBatch } from '../index/batch.ts'
import type { IndexStore } from '../index/index-store.ts'
import { DamageError, FsFault, ServerUnavailableError } from '../vfs/faults.ts'
import type { FileSystem, NodeId } from '../vfs/file-system.ts'
import type { LowerLayer } from '../vfs/lower-layer.ts'
import type { ShadowStore } from '../vfs/shadow-store.ts'
import { applyReset } from './apply-reset.ts'
import type { ReadCounters } from './base/block-reader.ts'
import { Image } from './base/image.ts'
import { BLOCK_SIZE_BYTES } from './blocks.ts'
import { flushView } from './flush.ts'
import { FieldReader, FieldWriter } from './format/fields.ts'
import { imageRootKey, KIND, kindPrefix, nodeOfKey, viewCounterKey, viewKey } from './format/keys.ts'
import { decodeNodeRecord } from './format/node-record.ts'
import { decodeViewRecord, encodeViewRecord, type ViewRecord } from './format/view-record.ts'
import { NodeNumbers } from './node-numbers.ts'
import { OperationWindow } from './operation-window.ts'
import { OverlayFileSystem } from './overlay-file-system.ts'
import { planReset } from './plan-reset.ts'
import { sweepShadow } from './sweep-shadow.ts'
import { View } from './view.ts'
import { type CheckReport, ViewCheck } from './view-check.ts'
import { diffView, type ViewChange } from './view-diff.ts'
import { viewNameProblem } from './view-name.ts'
import { ViewScan } from './view-scan.ts'

/** How often written data that nobody commits is made stable, in ms. */
const FLUSH_INTERVAL_MS = 5_000
const DELETES_PER_BATCH = 2_000

export interface CatalogOptions {
  readonly index: IndexStore
  readonly shadow: ShadowStore
  /** Absent: no image server is at hand; views can be listed, compared, reset and checked, but not served. */
  readonly lower: LowerLayer | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: {
    /** Memory for blocks of the image. */
    readonly cacheBytes: number
    /** How long the image's attributes are believed, in ms; 0: for ever. */
    readonly recheckMs: number
  }
}

export interface ViewSummary {
  readonly name: string
  readonly number: number
  readonly createdAtSeconds: number
  readonly nodesChanged: number
  readonly entriesChanged: number
  readonly shadowBytes: number
}

/** Thrown when a request about views cannot be met as it was made; the message is for the person who asked. */
export class ViewError extends Error {
  override readonly name = 'ViewError'
}

interface Known {
  readonly number: number
  readonly record: ViewRecord
  served: OverlayFileSystem | undefined
}

/** The views of one state directory: what there is, what they changed, and the file systems they are. */
export class ViewCatalog {
  readonly counters: ReadCounters = { bytesFromImage: 0, bytesFromCache: 0, bytesFromShadow: 0 }
  readonly #options: CatalogOptions
  readonly #views = new Map<string, Known>()
  readonly #window = new OperationWindow()
  readonly #numbers: NodeNumbers
  readonly #image: Image | undefined
  #rootId: NodeId | undefined
  #flushTimer: NodeJS.Timeout | undefined

  private constructor(options: CatalogOptions) {
    this.#options = options
    const { index, lower, clock, logger, limits } = options
    this.#numbers = new NodeNumbers(index)
    if (lower !== undefined) {
      const parts = { index, lower, clock, logger, numbers: this.#numbers, window: this.#window }
      this.#image = new Image({ ...parts, ...limits, counters: this.counters })
    }
    index.onFailure = () => this.#forgetAll()
  }

  static async open(options: CatalogOptions): Promise<ViewCatalog> {
    const catalog = new ViewCatalog(options)
    await catalog.#load()
    if (catalog.#image !== undefined) {
      await catalog.#openImage(catalog.#image)
      await catalog.#sweep()
      catalog.#flushTimer = setInterval(() => void catalog.#flushOld(), FLUSH_INTERVAL_MS).unref()
    }
    return catalog
  }

  async #load(): Promise<void> {
    for await (const { key, payload } of this.#options.index.range(Buffer.from([KIND.view]))) {
      if (payload instanceof DamageError) throw payload
      const number = key.readUInt32BE(1)
      const record = decodeViewRecord(payload, `view ${number}`)
      if (record.removing) await this.#erase(number)
      else this.#views.set(record.name, { number, record, served: undefined })
    }
  }

  /** The root is known from before when the image server does not answer now: what is cached can be served. */
  async #openImage(image: Image): Promise<void> {
    const { index, logger } = this.#options
    const stored = index.get(imageRootKey())
    const storedId = stored && (new FieldReader(stored, 'the root of the image').number() as NodeId)
    try {
      this.#rootId = (await image.root()).node
    } catch (error) {
      if (storedId === undefined || !(error instanceof ServerUnavailableError)) throw error
      logger.warn({ err: error }, 'the image server does not answer; serving what is known of the image')
      this.#rootId = storedId
      return
    }
    if (storedId !== undefined && storedId !== this.#rootId) {
      throw new ViewError(
        `this state directory stands on another image than ${image.name}: use another --state, or its own --base`,
      )
    }
    if (storedId === undefined) {
      const batch = new IndexBatch()
      batch.put(imageRootKey(), new FieldWriter(8).number(this.#rootId).finish(), true)
      await index.commit(batch, true)
    }
  }

  /** What a crash left over takes room until it is gone; a shadow server that does not answer now keeps it for later. */
  async #sweep(): Promise<void> {
    const { index, shadow, logger } = this.#options
    for (const [name, { number }] of this.#views) {
      try {
        const files = await sweepShadow(index, shadow, number)
        if (files > 0) logger.info({ view: name, files }, 'removed shadow files that a crash had left over')
      } catch (error) {
        if (!(error instanceof FsFault)) throw error
        logger.warn({ err: error, view: name }, 'could not look for what a crash left over')
      }
    }
  }

  #forgetAll(): void {
    this.#image?.forgetAll()
    for (const { served } of this.#views.values()) served?.view.forgetAll()
    // The index can be read again only when it has been reopened.
    const reload = () => {
      try {
        this.#numbers.reload()
      } catch {
        setTimeout(reload, 100)
      }
    }
    setTimeout(reload, 0)
  }

  names(): string[] {
    return [...this.#views.keys()].sort()
  }

  async list(): Promise<ViewSummary[]> {
    const summaries: ViewSummary[] = []
    for (const name of this.names()) summaries.push(await this.show(name))
    return summaries
  }

  async show(name: string): Promise<ViewSummary> {
    const { number, record } = this.#known(name)
    const { index } = this.#options
    let nodesChanged = 0
    let blocks = 0
    for await (const { key, payload } of index.range(kindPrefix(KIND.node, number))) {
      nodesChanged += 1
      if (payload instanceof DamageError) continue
      blocks += decodeNodeRecord(payload, `node ${nodeOfKey(key)} of view ${number}`).presentBlocks
    }
    let entriesChanged = 0
    for await (const _entry of index.range(kindPrefix(KIND.entry, number))) entriesChanged += 1
    const shadowBytes = blocks * BLOCK_SIZE_BYTES
    return {
      name,
      number,
      createdAtSeconds: record.createdAtSeconds,
      nodesChanged,
      entriesChanged,
      shadowBytes,
    }
  }

  #known(name: string): Known {
    const known = this.#views.get(name)
    if (known !== undefined) return known
    const all = this.names().join(', ') || 'none'
    throw new ViewError(`there is no view "${name}"; there are: ${all}`)
  }

  has(name: string): boolean {
    return this.#views.has(name)
  }

  async create(name: string): Promise<void> {
    const problem = viewNameProblem(name)
    if (problem !== undefined) throw new ViewError(problem)
    if (this.#views.has(name)) throw new ViewError(`there is a view "${name}" already`)
    const { index, clock, random } = this.#options
    if (index.findings.length > 0) {
      // A lost view's number could be given again, and its blocks with it.
      throw new ViewError(
        `no view is made while the index is damaged: ${index.findings[0]}; restore the state directory, or begin with a new one`,
      )
    }
    const stored = index.get(viewCounterKey())
    const number = stored === undefined ? 1 : new FieldReader(stored, 'the view counter').number()
    const fsid = Buffer.from(random.bytes(8)).readBigUInt64BE(0) | 1n
    const record = { name, createdAtSeconds: clock.now().seconds, fsid, removing: false }
    const batch = new IndexBatch()
    batch.put(viewCounterKey(), new FieldWriter(8).number(number + 1).finish(), stored === undefined)
    batch.put(viewKey(number), encodeViewRecord(record), true)
    await index.commit(batch, true)
    this.#views.set(name, { number, record, served: undefined })
  }

  /** The view as a file system, and its number for handles. */
  fileSystem(name: string): { readonly fileSystem: FileSystem; readonly number: number } {
    const known = this.#known(name)
    if (this.#image === undefined || this.#rootId === undefined)
      throw new ViewError('no image server is configured')
    if (known.served === undefined) {
      const { index, shadow, clock, random, logger } = this.#options
      const parts = { index, shadow, clock, random, logger, numbers: this.#numbers, window: this.#window }
      const view = new View(known.number, known.record.fsid, {
        ...parts,
        image: this.#image,
        counters: this.counters,
      })
      view.rootId = this.#rootId
      known.served = new OverlayFileSystem(view)
    }
    return { fileSystem: known.served, number: known.number }
  }

  async diff(name: string): Promise<ViewChange[]> {
    const known = this.#known(name)
    await this.#flush(known)
    const scan = await ViewScan.read(this.#options.index, known.number)
    if (scan.damage.length > 0)
      throw new ViewError(`${scan.damage[0]!.message}; run: rowfs view check ${name}`)
    return diffView(scan)
  }

  /** Gives one path and all below it back to the image. Throws ViewError when that cannot be. */
  async reset(name: string, path: Uint8Array): Promise<{ readonly entries: number; readonly nodes: number }> {
    const known = this.#known(name)
    const work = async () => {
      await this.#flush(known)
      const { index, shadow, clock } = this.#options
      const scan = await ViewScan.read(index, known.number)
      if (scan.damage.length > 0 && path.length > 0)
        throw new ViewError(`${scan.damage[0]!.message}; run: rowfs view check ${name}`)
      const plan = planReset(scan, known.number, trimmed(path), clock.now())
      if (plan.do === 'refuse') throw new ViewError(plan.why)
      await applyReset(index, shadow, known.number, plan)
      known.served?.view.forgetAll()
      return { entries: plan.entries.length, nodes: plan.drops.length + plan.puts.length }
    }
    return known.served === undefined ? work() : known.served.view.gate.alone(work)
  }

  /** Removes the view with all it changed. Its handles are stale from then on. */
  async remove(name: string): Promise<void> {
    const known = this.#known(name)
    const work = async () => {
      const batch = new IndexBatch()
      batch.put(viewKey(known.number), encodeViewRecord({ ...known.record, removing: true }), false)
      await this.#options.index.commit(batch, true)
      this.#views.delete(name)
      known.served?.view.forgetAll()
      await this.#erase(known.number)
    }
    await (known.served === undefined ? work() : known.served.view.gate.alone(work))
  }

  async #erase(number: number): Promise<void> {
    const { index, shadow } = this.#options
    await shadow.removeView(number)
    for (const kind of [
      KIND.page,
      KIND.overwriteMark,
      KIND.truncateIntent,
      KIND.entry,
      KIND.node,
      KIND.view,
    ]) {
      let batch = new IndexBatch()
      for await (const { key } of index.range(kindPrefix(kind, number))) {
        batch.delete(key)
        if (batch.deletes.length < DELETES_PER_BATCH) continue
        await index.commit(batch, false)
        batch = new IndexBatch()
      }
      await index.commit(batch, true)
    }
  }

  /** Verifies every record and block of the view. */
  async check(name: string): Promise<CheckReport> {
    const known = this.#known(name)
    const { index, shadow } = this.#options
    const work = async () => {
      await this.#flush(known)
      return new ViewCheck(index, shadow, known.number).run()
    }
    return known.served === undefined ? work() : known.served.view.gate.alone(work)
  }

  /** Makes everything stable that was written to any view. */
  async flush(): Promise<void> {
    for (const known of this.#views.values()) await this.#flush(known)
  }

  async #flush({ served }: Known): Promise<void> {
    if (served === undefined) return
    await flushView(served, 0)
    await this.#options.index.drain()
  }

  async #flushOld(): Promise<void> {
    for (const { served } of this.#views.values()) {
      try {
        if (served !== undefined) await flushView(served, FLUSH_INTERVAL_MS)
      } catch (error) {
        if (!(error instanceof FsFault)) throw error
        this.#options.logger.error(
          { err: error },
          'written data could not be made stable; clients are told to send it again',
        )
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#flushTimer)
    await this.flush()
    await this.#image?.close()
  }
}

/** "/a/b/" and "a/b" mean "/a/b"; "/" means "". */
function trimmed(path: Uint8Array): Uint8Array {
  let text = Buffer.from(path)
  while (text.length > 0 && text[text.length - 1] === 0x2f) text = text.subarray(0, -1)
  if (text.length > 0 && text[0] !== 0x2f) text = Buffer.concat([Buffer.from('/'), text])
  return text
}
