import { XdrWriter } from '../xdr/writer.ts'
import { BufferPool } from './buffer-pool.ts'
import { REPLY_BUFFER_BYTES, SERVER_BUFFERS_MAX_BYTES, SERVER_CALLS_MAX } from './limits.ts'

/** Reply buffers kept for the next call. */
const FREE_WRITERS_MAX = 16

export interface ServerLoadLimits {
  readonly callsMax: number
  readonly buffersMaxBytes: number
}

/**
 * What all connections of a process hold together: calls in flight and buffers. A connection that finds the server
 * overloaded stops reading and asks to be told when it no longer is.
 */
export class ServerLoad {
  readonly #limits: ServerLoadLimits
  readonly #buffers = new BufferPool()
  readonly #writers: XdrWriter[] = []
  readonly #waiting = new Set<() => void>()
  #calls = 0
  #writersUsedBytes = 0
  #reliefScheduled = false

  constructor(
    limits: ServerLoadLimits = { callsMax: SERVER_CALLS_MAX, buffersMaxBytes: SERVER_BUFFERS_MAX_BYTES },
  ) {
    this.#limits = limits
  }

  get callsInFlight(): number {
    return this.#calls
  }

  get buffersUsedBytes(): number {
    return this.#buffers.usedBytes + this.#writersUsedBytes
  }

  get isOverloaded(): boolean {
    return this.#calls >= this.#limits.callsMax || this.buffersUsedBytes >= this.#limits.buffersMaxBytes
  }

  callStarted(): void {
    this.#calls += 1
  }

  callFinished(): void {
    this.#calls -= 1
    this.#relieve()
  }

  takeBuffer(minBytes: number): Buffer {
    return this.#buffers.take(minBytes)
  }

  giveBuffer(buffer: Buffer): void {
    this.#buffers.give(buffer)
    this.#relieve()
  }

  /** An empty writer for replies. */
  takeWriter(): XdrWriter {
    this.#writersUsedBytes += REPLY_BUFFER_BYTES
    return this.#writers.pop() ?? new XdrWriter(REPLY_BUFFER_BYTES)
  }

  /** Gives back a writer whose bytes have all been sent. One that has grown is not kept. */
  giveWriter(writer: XdrWriter): void {
    this.#writersUsedBytes -= REPLY_BUFFER_BYTES
    if (this.#writers.length < FREE_WRITERS_MAX && writer.capacityBytes === REPLY_BUFFER_BYTES) {
      writer.reset()
      this.#writers.push(writer)
    }
    this.#relieve()
  }

  /** Calls back once, in a later turn, when the server is no longer overloaded. */
  whenRelieved(callback: () => void): void {
    this.#waiting.add(callback)
  }

  forget(callback: () => void): void {
    this.#waiting.delete(callback)
  }

  #relieve(): void {
    if (this.#waiting.size === 0 || this.#reliefScheduled || this.isOverloaded) return
    this.#reliefScheduled = true
    setImmediate(() => {
      this.#reliefScheduled = false
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const callback of waiting) callback()
    })
  }
}
