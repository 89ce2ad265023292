import { Level } from 'level'
import type { Logger } from '../base/logger.ts'
import { DamageError, ServerUnavailableError, StorageError } from '../vfs/faults.ts'
import type { IndexBatch } from './batch.ts'
import { addKey, decodeTally, emptyTally, encodeTally, removeKey, type Tally } from './group-tally.ts'
import { loadJournal, sequencePayload } from './journal.ts'
import { groupOfKey, isCounted, keyAfterPrefix, OWN_KINDS, ownKey } from './keys.ts'
import { openRecord, sealRecord } from './record.ts'
import { checkTables } from './table-check.ts'

/** How many commits back a lost one is noticed: more than fit into one LevelDB log (4 MiB) at the least size. */
export const JOURNAL_SLOTS = 16_384
/** How many replies of the duplicate-request cache are kept on disk. */
export const RECEIPT_SLOTS = 4_096
/** How long to wait between tries to reopen after the disk was full. */
const REOPEN_INTERVAL_MS = 500
const RANGE_READ_COUNT = 512

type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }
interface Waiting {
  readonly batch: IndexBatch
  readonly durable: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface IndexEntry {
  readonly key: Buffer
  /** The record's payload, or the damage found in place of it. */
  readonly payload: Uint8Array | DamageError
}

/**
 * The embedded database: LevelDB with a checksum on every record, group commit, and the knowledge of how many
 * records there must be.
 *
 * Calls in flight share one batch and one sync. Batches become durable in the order of `commit` calls. When a
 * batch fails all that wait fail with it, `onFailure` is called (what is in memory and came from here must be
 * dropped) and the database is reopened: after a full disk LevelDB stays broken until then.
 */
export class IndexStore {
  /** Damage found when the index was opened, in words; empty when all is well. */
  readonly findings: string[] = []
  onFailure: () => void = () => {}
  /** Every batch up to this number is in the database (not necessarily synced). */
  writtenSequence = 0
  /** The number of the batch that was queued last. */
  queuedSequence = 0

  readonly #db: Level<Buffer, Buffer>
  readonly #directory: string
  readonly #logger: Logger
  readonly #tallies = new Map<number, Tally>()
  #waiting: Waiting[] = []
  #flushing = false
  #scheduled = false
  #journalSequence = 0
  #receiptCount = 0
  #failedSinceMs: number | undefined
  #closed = false

  private constructor(directory: string, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
    this.#db = new Level(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      // So that checkTables can read them.
      compression: false,
    })
  }

  /** Throws DamageError when a table is damaged, or LevelDB cannot be opened at all. `expectedSequence`: from the last clean close. */
  static async open(options: {
    directory: string
    logger: Logger
    expectedSequence?: number | undefined
  }): Promise<IndexStore> {
    // First: a Level opens itself as soon as it is made.
    checkTables(options.directory)
    const store = new IndexStore(options.directory, options.logger)
    try {
      await store.#db.open()
    } catch (error) {
      const cause = (error as { cause?: Error }).cause ?? (error as Error)
      throw new DamageError(`index ${options.directory}`, `cannot be opened: ${cause.message}`, {
        cause: error,
      })
    }
    await store.#load(options.expectedSequence)
    return store
  }

  /** The number of the last commit; kept by a clean close so that a lost end is noticed. */
  get sequence(): number {
    return this.#journalSequence
  }

  async #load(expectedSequence: number | undefined): Promise<void> {
    const journal = await loadJournal(this.range(Buffer.from([OWN_KINDS.journal])), JOURNAL_SLOTS)
    this.#journalSequence = journal.last
    this.findings.push(...journal.findings)
    if (expectedSequence !== undefined && journal.last < expectedSequence) {
      this.findings.push(
        `the index ends at commit ${journal.last}, but it was closed after commit ${expectedSequence}: the last ones are lost`,
      )
    }
    this.#tallies.clear()
    for await (const { key, payload } of this.range(Buffer.from([OWN_KINDS.group]))) {
      if (payload instanceof DamageError) this.findings.push(payload.message)
      else this.#tallies.set(groupOfKey(key), decodeTally(payload))
    }
  }

  /** The record's payload, or undefined. Throws DamageError; ServerUnavailableError while the index is reopened. */
  get(key: Uint8Array): Uint8Array | undefined {
    this.#requireOpen()
    let record: Buffer | undefined
    try {
      record = this.#db.getSync(key as Buffer)
    } catch (error) {
      throw this.#readFault(key, error)
    }
    return record === undefined ? undefined : openRecord(key, record)
  }

  /** All records whose keys start with the prefix, in key order, from `after` (exclusive) on. */
  async *range(prefix: Uint8Array, after?: Uint8Array): AsyncGenerator<IndexEntry> {
    this.#requireOpen()
    const lower = after === undefined ? { gte: Buffer.from(prefix) } : { gt: Buffer.from(after) }
    const iterator = this.#db.iterator({ ...lower, lt: keyAfterPrefix(prefix) })
    try {
      for (;;) {
        const page = await iterator.nextv(RANGE_READ_COUNT)
        if (page.length === 0) return
        for (const [key, record] of page) yield { key, payload: openOrDamage(key, record) }
      }
    } catch (error) {
      throw this.#readFault(prefix, error)
    } finally {
      await iterator.close()
    }
  }

  /**
   * Queues the batch; resolves when it is in the database, synced if `durable`. Its place in the order is that of
   * the call, not of the promise. Rejects with StorageError; then nothing of it is there.
   */
  commit(batch: IndexBatch, durable: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new StorageError('IO', 'the index is closed'))
    if (this.#failedSinceMs !== undefined) return Promise.reject(this.#unavailable())
    this.queuedSequence += 1
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, durable, resolve, reject })
      this.#schedule()
    })
  }

  /** What the group must hold, as of the last commit. */
  tally(group: number): Tally {
    return { ...(this.#tallies.get(group) ?? emptyTally()) }
  }

  /** The stored replies, oldest first. Damaged ones are left out: a lost reply is only a lost reply. */
  async receipts(): Promise<Uint8Array[]> {
    const found: { number: number; receipt: Uint8Array }[] = []
    for await (const { payload } of this.range(Buffer.from([OWN_KINDS.receipt]))) {
      if (payload instanceof DamageError) continue
      const bytes = Buffer.from(payload)
      found.push({ number: Number(bytes.readBigUInt64BE(0)), receipt: bytes.subarray(8) })
    }
    found.sort((a, b) => a.number - b.number)
    this.#receiptCount = (found.at(-1)?.number ?? -1) + 1
    return found.map((entry) => entry.receipt)
  }

  /** Resolves when everything queued so far is written. */
  async drain(): Promise<void> {
    while (this.#flushing || this.#waiting.length > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  async close(): Promise<void> {
    await this.drain()
    this.#closed = true
    await this.#db.close()
  }

  #schedule(): void {
    if (this.#flushing || this.#scheduled) return
    this.#scheduled = true
    // After all calls of one input chunk have run: they share the batch.
    queueMicrotask(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    this.#flushing = true
    while (this.#waiting.length > 0) {
      const taken = this.#waiting
      this.#waiting = []
      try {
        await this.#db.batch(this.#operations(taken) as never, {
          sync: taken.some((waiting) => waiting.durable),
        })
      } catch (error) {
        this.#fail(taken, error)
        break
      }
      this.writtenSequence += taken.length
      for (const waiting of taken) waiting.resolve()
    }
    this.#flushing = false
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** One LevelDB batch: the records, the tallies of the groups they change, the replies and the journal's slot. */
  #operations(taken: readonly Waiting[]): Operation[] {
    const operations: Operation[] = []
    const touched = new Set<number>()
    const put = (key: Uint8Array, payload: Uint8Array) =>
      operations.push({ type: 'put', key, value: sealRecord(key, payload) })
    for (const { batch } of taken) {
      for (const { key, payload, fresh } of batch.puts) {
        if (fresh && isCounted(key)) addKey(this.#tallyOf(groupOfKey(key), touched), key)
        put(key, payload)
      }
      for (const key of batch.deletes) {
        removeKey(this.#tallyOf(groupOfKey(key), touched), key)
        operations.push({ type: 'del', key })
      }
      if (batch.receipt !== undefined) this.#putReceipt(batch.receipt, put)
    }
    for (const group of touched) put(ownKey(OWN_KINDS.group, group), encodeTally(this.#tallies.get(group)!))
    this.#journalSequence += 1
    put(
      ownKey(OWN_KINDS.journal, this.#journalSequence % JOURNAL_SLOTS),
      sequencePayload(this.#journalSequence),
    )
    return operations
  }

  #tallyOf(group: number, touched: Set<number>): Tally {
    touched.add(group)
    let tally = this.#tallies.get(group)
    if (tally === undefined) {
      tally = emptyTally()
      this.#tallies.set(group, tally)
    }
    return tally
  }

  #putReceipt(receipt: Uint8Array, put: (key: Uint8Array, payload: Uint8Array) => void): void {
    const payload = Buffer.allocUnsafe(8 + receipt.length)
    payload.writeBigUInt64BE(BigInt(this.#receiptCount), 0)
    payload.set(receipt, 8)
    put(ownKey(OWN_KINDS.receipt, this.#receiptCount % RECEIPT_SLOTS), payload)
    this.#receiptCount += 1
  }

  #fail(taken: readonly Waiting[], error: unknown): void {
    const fault = storageFault(this.#directory, error)
    this.#logger.error({ err: error }, `index: a commit failed, reopening: ${fault.message}`)
    this.#failedSinceMs = performance.now()
    const all = [...taken, ...this.#waiting]
    this.#waiting = []
    this.queuedSequence = 0
    this.writtenSequence = 0
    this.onFailure()
    for (const waiting of all) waiting.reject(fault)
    void this.#reopen()
  }

  async #reopen(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#db.close()
        await this.#db.open()
        await this.#loadAfterFailure()
        this.#failedSinceMs = undefined
        this.#logger.info('index: open again')
        return
      } catch (error) {
        this.#logger.warn({ err: error }, 'index: cannot be reopened yet')
        await new Promise((resolve) => setTimeout(resolve, REOPEN_INTERVAL_MS))
      }
    }
  }

  async #loadAfterFailure(): Promise<void> {
    const failedSince = this.#failedSinceMs
    this.#failedSinceMs = undefined
    try {
      await this.#load(undefined)
    } catch (error) {
      this.#failedSinceMs = failedSince
      throw error
    }
  }

  #requireOpen(): void {
    if (this.#failedSinceMs !== undefined) throw this.#unavailable()
  }

  #unavailable(): ServerUnavailableError {
    return new ServerUnavailableError(
      `index ${this.#directory}`,
      performance.now() - (this.#failedSinceMs ?? 0),
    )
  }

  #readFault(key: Uint8Array, error: unknown): unknown {
    if (error instanceof DamageError || error instanceof ServerUnavailableError) return error
    const code = (error as { code?: string }).code
    if (code === 'LEVEL_DATABASE_NOT_OPEN') return this.#unavailable()
    return new DamageError(
      `index record ${Buffer.from(key).toString('hex')}`,
      `cannot be read: ${messageOf(error)}`,
    )
  }
}

function openOrDamage(key: Buffer, record: Buffer): Uint8Array | DamageError {
  try {
    return openRecord(key, record)
  } catch (error) {
    if (error instanceof DamageError) return error
    throw error
  }
}

/** LevelDB gives the operating system's words, not its numbers. */
function storageFault(directory: string, error: unknown): StorageError {
  const text = messageOf(error)
  if (/No space left/i.test(text)) return new StorageError('NOSPC', `index ${directory}: the disk is full`)
  if (/quota/i.test(text)) return new StorageError('DQUOT', `index ${directory}: the disk quota is used up`)
  return new StorageError('IO', `index ${directory}: ${text}`, { cause: error })
}

function messageOf(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause
  return `${(error as Error).message}${cause instanceof Error ? `: ${cause.message}` : ''}`
}
