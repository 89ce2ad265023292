import type { Clock } from '../base/clock.ts'
import {
  type DuplicateKey,
  decodeDuplicateRecord,
  encodeDuplicateRecord,
  KEPT_REPLY_MAX_BYTES,
} from './duplicate-request-format.ts'

/** Replies kept at most; the oldest goes first. At 10,000 changes a second that is three seconds of them. */
export const DUPLICATE_ENTRIES_MAX = 32_768
/** How long a reply is kept: two of Linux's retransmissions over TCP (timeo=600 is 60 s). */
export const DUPLICATE_LIFETIME_MS = 120_000

/** A call that is not idempotent: being worked on, or replied to. */
export class DuplicateEntry {
  readonly key: DuplicateKey
  /** The whole RPC reply, once there is one. */
  reply: Uint8Array | undefined = undefined
  doneAtMs = 0
  #waiting: ((reply: Uint8Array | undefined) => void)[] = []

  constructor(key: DuplicateKey) {
    this.key = key
  }

  /** For a retransmit: the reply, now or when the first call has one. Undefined: the first call failed. */
  wait(): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  wake(): void {
    for (const resolve of this.#waiting) resolve(this.reply)
    this.#waiting = []
  }
}

/**
 * Remembers the replies of calls that must not be carried out twice, so that a client which has not got its reply
 * and calls again gets the same one. Replies of calls with an effect also go into a record that is made durable
 * together with the effect (`record`); with these records the next process goes on where this one stopped.
 */
export class DuplicateRequestCache {
  readonly #clock: Clock
  /** By xid and arguments, mixed into one number: hardly ever more than one call has it. */
  readonly #byHash = new Map<number, DuplicateEntry[]>()
  /** Entries with a reply, oldest first, from `#oldest` on. */
  #done: (DuplicateEntry | undefined)[] = []
  #oldest = 0

  /** `records`: what `record` has returned in this process's predecessors. Damaged and expired ones are ignored. */
  constructor(options: { readonly clock: Clock; readonly records?: Iterable<Uint8Array> }) {
    this.#clock = options.clock
    if (options.records !== undefined) this.#load(options.records)
  }

  /** Entries with a reply. */
  get size(): number {
    return this.#done.length - this.#oldest
  }

  /** The same call, if it was here before and is not too long ago. */
  find(key: DuplicateKey): DuplicateEntry | undefined {
    const entries = this.#byHash.get(hashOf(key))
    if (entries === undefined) return undefined
    const entry = entries.find((candidate) => isSameCall(candidate.key, key))
    if (entry === undefined || (entry.reply !== undefined && this.#isExpired(entry))) return undefined
    return entry
  }

  /** A call that is not here yet starts. It ends with `finish` or `abandon`. */
  begin(key: DuplicateKey): DuplicateEntry {
    this.#dropOld()
    const entry = new DuplicateEntry(key)
    this.#add(entry)
    return entry
  }

  /** The call's reply, for those who wait for it and, if it is final, for those who come later. */
  finish(entry: DuplicateEntry, reply: Uint8Array, isFinal = true): void {
    entry.reply = reply
    entry.wake()
    if (!isFinal || reply.length > KEPT_REPLY_MAX_BYTES) {
      this.#remove(entry)
      return
    }
    entry.doneAtMs = this.#clock.monotonicMs()
    this.#done.push(entry)
    this.#dropOld()
  }

  /** The call failed inside; the same call may be tried again. */
  abandon(entry: DuplicateEntry): void {
    this.#remove(entry)
    entry.wake()
  }

  /** The bytes to keep with the call's effect. */
  record(entry: DuplicateEntry, reply: Uint8Array): Uint8Array {
    return encodeDuplicateRecord({ key: entry.key, repliedAtSeconds: this.#clock.now().seconds, reply })
  }

  #load(records: Iterable<Uint8Array>): void {
    const nowSeconds = this.#clock.now().seconds
    const nowMs = this.#clock.monotonicMs()
    const loaded: DuplicateEntry[] = []
    for (const bytes of records) {
      const record = decodeDuplicateRecord(bytes)
      if (record === undefined) continue
      // A wall clock that was set back makes a record look young: it lives one lifetime from now at most.
      const ageMs = Math.max(0, nowSeconds - record.repliedAtSeconds) * 1000
      if (ageMs >= DUPLICATE_LIFETIME_MS) continue
      const entry = new DuplicateEntry(record.key)
      entry.reply = record.reply
      entry.doneAtMs = nowMs - ageMs
      loaded.push(entry)
    }
    loaded.sort((a, b) => a.doneAtMs - b.doneAtMs)
    for (const entry of loaded) {
      this.#add(entry)
      this.#done.push(entry)
    }
    this.#dropOld()
  }

  #isExpired(entry: DuplicateEntry): boolean {
    return this.#clock.monotonicMs() - entry.doneAtMs >= DUPLICATE_LIFETIME_MS
  }

  #add(entry: DuplicateEntry): void {
    const hash = hashOf(entry.key)
    const entries = this.#byHash.get(hash)
    if (entries === undefined) this.#byHash.set(hash, [entry])
    else entries.push(entry)
  }

  #remove(entry: DuplicateEntry): void {
    const hash = hashOf(entry.key)
    const others = this.#byHash.get(hash)?.filter((other) => other !== entry) ?? []
    if (others.length === 0) this.#byHash.delete(hash)
    else this.#byHash.set(hash, others)
  }

  #dropOld(): void {
    while (this.#oldest < this.#done.length) {
      const entry = this.#done[this.#oldest]!
      if (this.size <= DUPLICATE_ENTRIES_MAX && !this.#isExpired(entry)) break
      this.#remove(entry)
      this.#done[this.#oldest] = undefined
      this.#oldest += 1
    }
    // The emptied front is cut off now and then: cheaper than shifting the list for every entry.
    if (this.#oldest < 1024 || this.#oldest * 2 < this.#done.length) return
    this.#done = this.#done.slice(this.#oldest)
    this.#oldest = 0
  }
}

/** The arguments are in it for clients that use one xid for all their calls. */
function hashOf(key: DuplicateKey): number {
  return (key.xid ^ key.argsChecksum) >>> 0
}

function isSameCall(a: DuplicateKey, b: DuplicateKey): boolean {
  return (
    a.xid === b.xid &&
    a.argsChecksum === b.argsChecksum &&
    a.argsBytes === b.argsBytes &&
    a.procedure === b.procedure &&
    a.program === b.program &&
    a.version === b.version &&
    a.address === b.address
  )
}
