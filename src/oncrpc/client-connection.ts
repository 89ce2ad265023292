import { connect, type Socket } from 'node:net'
import { XdrError } from '../xdr/errors.ts'
import { RecordAssembler, RecordMarkingError } from './record-marking.ts'

export interface ConnectionTarget {
  readonly host: string
  readonly port: number
}

export interface ConnectionSettings {
  readonly connectTimeoutMs: number
  /** The local port to come from; undefined: any. */
  readonly localPort: number | undefined
}

export interface ConnectionEvents {
  opened(): void
  /** Some bytes have arrived. */
  heard(): void
  /** One record; the bytes are written over after it returns. If it throws XdrError the connection is dropped. */
  record(bytes: Uint8Array, start: number, end: number): void
  /** Once, also when it never opened; the descriptor is closed. */
  closed(error: Error | undefined): void
}

/** Up to this many bytes of waiting requests go out as one buffer; beyond, copying costs more than writev. */
const JOIN_MAX_BYTES = 64 * 1024
/** Idle connections are probed by the kernel after this time, so that a server that vanished is noticed. */
const KEEP_ALIVE_MS = 30_000

/** A client has few connections, and a buffer is seldom replaced: no pool. */
const FRESH_BUFFERS = {
  takeBuffer: (minBytes: number) => Buffer.allocUnsafeSlow(minBytes),
  giveBuffer: () => {},
}

/** One TCP connection of an RPC client: opens at once, batches what is sent in one turn, dies on the first fault. */
export class ClientConnection {
  readonly #events: ConnectionEvents
  readonly #assembler = new RecordAssembler(FRESH_BUFFERS)
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  #unsent: Uint8Array[] = []
  #flushing = false
  #error: Error | undefined

  constructor(target: ConnectionTarget, settings: ConnectionSettings, events: ConnectionEvents) {
    this.#events = events
    this.#socket = connect({
      ...target,
      ...(settings.localPort === undefined ? {} : { localPort: settings.localPort }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: { buffer: () => this.#assembler.space(), callback: (countBytes) => this.#received(countBytes) },
    })
    this.#timer = setTimeout(() => {
      this.drop(new Error(`no connection within ${settings.connectTimeoutMs} ms`))
    }, settings.connectTimeoutMs)
    this.#socket.on('connect', () => {
      clearTimeout(this.#timer)
      events.opened()
    })
    this.#socket.on('error', (error) => {
      this.#error ??= error
    })
    this.#socket.on('end', () => this.drop(new Error('the server closed the connection')))
    this.#socket.on('close', () => {
      clearTimeout(this.#timer)
      events.closed(this.#error)
    })
  }

  /** Something that was given to `send` is still to be read from its buffers. */
  get holdsUnsent(): boolean {
    return this.#unsent.length > 0 || this.#socket.writableLength > 0
  }

  get bytesIn(): number {
    return this.#socket.bytesRead
  }

  get bytesOut(): number {
    return this.#socket.bytesWritten
  }

  /** Sends the parts, in order, at the end of this turn of the event loop. The parts are borrowed until then. */
  send(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#unsent.push(part)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  /** Ends it at once, as after a fault; nothing that was given to `send` is looked at any more. */
  drop(error?: Error): void {
    this.#error ??= error
    this.#unsent = []
    this.#socket.destroy()
  }

  #flush(): void {
    const parts = this.#unsent
    this.#unsent = []
    this.#flushing = false
    if (parts.length === 0) return
    let totalBytes = 0
    for (const part of parts) totalBytes += part.length
    if (totalBytes <= JOIN_MAX_BYTES) {
      this.#socket.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts, totalBytes))
      return
    }
    this.#socket.cork()
    for (const part of parts) this.#socket.write(part)
    this.#socket.uncork()
  }

  #received(countBytes: number): boolean {
    this.#events.heard()
    try {
      this.#assembler.received(countBytes)
      // Records behind the one that killed the connection belong to nobody.
      while (!this.#socket.destroyed && this.#assembler.next()) {
        const { bytes, recordStart, recordEnd } = this.#assembler
        this.#events.record(bytes, recordStart, recordEnd)
      }
    } catch (error) {
      if (!(error instanceof RecordMarkingError || error instanceof XdrError)) throw error
      this.drop(error)
    }
    return true
  }
}
