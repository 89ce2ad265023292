import { type Clock, SystemClock, type Timestamp } from '../base/clock.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import { nothing } from '../xdr/codec.ts'
import { XdrError } from '../xdr/errors.ts'
import { NO_CREDENTIALS, type RpcCredentials } from './auth-sys.ts'
import { CallCounters, type ProcedureCount } from './call-counters.ts'
import { ClientConnection, type ConnectionTarget } from './client-connection.ts'
import { readReplyXid } from './message.ts'
import { type ProcedureSpec, procedure } from './procedure.ts'
import { ReservedPorts } from './reserved-port.ts'
import { MALFORMED_REPLIES_MAX, RPC_CLIENT_LIMITS, type RpcClientLimits } from './rpc-client-limits.ts'
import { MalformedReplyError, RpcError } from './rpc-error.ts'
import { type ArgsOf, type RemoteProgram, ReplyDecoder, RequestEncoder, type ResOf } from './rpc-request.ts'

/** How often waits are looked at: they are that exact. */
const TICK_PART = 20
const BACK_OFF_DOUBLINGS_MAX = 16

export interface RpcClientOptions {
  /** For messages: "nfs://host/path". */
  readonly name: string
  readonly credentials?: RpcCredentials
  /** Come from a port below 1024 if that can be had (default: when running as root). */
  readonly reservedPort?: boolean
  readonly limits?: Partial<RpcClientLimits>
  readonly clock?: Clock
  readonly random?: Random
}

/** What is known of the server: 'untried' before the first call; down from the first fault to the next answer. */
export type ServerState =
  | { readonly state: 'untried' | 'up' }
  | { readonly state: 'down'; readonly since: Timestamp; readonly reason: string }

export interface CallOptions {
  readonly waitMaxMs?: number
}

interface PendingCall {
  readonly xid: number
  readonly remote: RemoteProgram<unknown>
  readonly procedure: string
  readonly spec: ProcedureSpec<unknown, unknown>
  readonly parts: readonly Uint8Array[]
  readonly startedMs: number
  readonly waitMaxMs: number
  /** Uses up the result while its bytes are still in the receive buffer. */
  readonly take: ((result: unknown) => unknown) | undefined
  malformedReplies: number
  resolve(result: unknown): void
  reject(error: unknown): void
}

const NULL_PROCEDURE = procedure(0, nothing, nothing, { idempotent: true, mutates: false })

/**
 * An RPC client over one TCP connection (RFC 5531): many calls in flight, told apart by xid. A connection that is lost,
 * silent or garbled is made anew and all unanswered calls are sent again with the xids they had, so that a server
 * with a duplicate-request cache does nothing twice. Every call ends within a bounded time.
 *
 * Arguments with large file data are borrowed until the call has ended. Results own their memory.
 */
export class RpcClient {
  readonly name: string
  readonly limits: RpcClientLimits
  readonly #target: ConnectionTarget
  readonly #clock: Clock
  readonly #ports: ReservedPorts
  readonly #encoder: RequestEncoder
  readonly #decoder: ReplyDecoder
  readonly #counters = new CallCounters()
  readonly #inFlight = new Map<number, PendingCall>()
  readonly #waiting = new Map<number, PendingCall>()
  readonly #listeners: ((state: ServerState) => void)[] = []
  #nextXid: number
  #connection: ClientConnection | undefined
  #open = false
  #reconnect: NodeJS.Timeout | undefined
  /** Since the last answer. The next one is not made before #nextAttemptMs. */
  #attempts = 0
  #nextAttemptMs = 0
  #ticker: NodeJS.Timeout | undefined
  #tickedMs = 0
  #heardMs = 0
  #probed = false
  #state: ServerState = { state: 'untried' }
  #downMs: number | undefined
  #lastError: Error | undefined
  #closed: PromiseWithResolvers<void> | undefined
  #pastBytesIn = 0
  #pastBytesOut = 0

  constructor(target: ConnectionTarget, options: RpcClientOptions) {
    const random = options.random ?? systemRandom
    this.#target = target
    this.name = options.name
    this.limits = { ...RPC_CLIENT_LIMITS, ...options.limits }
    this.#clock = options.clock ?? new SystemClock()
    this.#ports = new ReservedPorts(random, { allowed: options.reservedPort ?? process.getuid?.() === 0 })
    this.#encoder = new RequestEncoder(options.credentials ?? NO_CREDENTIALS, { marked: true })
    this.#decoder = new ReplyDecoder(options.name)
    this.#nextXid = Buffer.from(random.bytes(4)).readUInt32BE(0)
  }

  get state(): ServerState {
    return this.#state
  }

  /** Called at every change from up to down and back. */
  onState(listener: (state: ServerState) => void): void {
    this.#listeners.push(listener)
  }

  counters(): {
    readonly procedures: readonly ProcedureCount[]
    readonly bytesIn: number
    readonly bytesOut: number
  } {
    return {
      procedures: this.#counters.snapshot(),
      bytesIn: this.#pastBytesIn + (this.#connection?.bytesIn ?? 0),
      bytesOut: this.#pastBytesOut + (this.#connection?.bytesOut ?? 0),
    }
  }

  /**
   * The result. Throws ServerUnavailableError after the bounded wait (`waitMaxMs`, default the client's limit; a longer one
   * holds only while the server is up), RpcError if the server refuses, MalformedReplyError if its answers cannot
   * be read.
   */
  call<Table, Name extends keyof Table & string>(
    remote: RemoteProgram<Table>,
    name: Name,
    args: ArgsOf<Table[Name]>,
    options: CallOptions = {},
  ): Promise<ResOf<Table[Name]>> {
    return this.#call(remote, name, args, options, undefined) as Promise<ResOf<Table[Name]>>
  }

  /**
   * As `call`, but the result goes to `take` in the moment it arrives, and what `take` returns is the value. Bytes in the
   * result are views that are gone when `take` returns: for file data that is copied to its place anyway.
   */
  callAndTake<Table, Name extends keyof Table & string, T>(
    remote: RemoteProgram<Table>,
    name: Name,
    args: ArgsOf<Table[Name]>,
    take: (result: ResOf<Table[Name]>) => T,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#call(remote, name, args, options, take as (result: unknown) => unknown) as Promise<T>
  }

  #call(
    remote: RemoteProgram<unknown>,
    name: string,
    args: unknown,
    options: CallOptions,
    take: ((result: unknown) => unknown) | undefined,
  ): Promise<unknown> {
    const procedures = remote.procedures as Readonly<Record<string, ProcedureSpec<unknown, unknown>>>
    const spec = procedures[name]!
    const xid = this.#takeXid()
    const parts = this.#encoder.encode(xid, remote, spec, args)
    const startedMs = this.#clock.monotonicMs()
    const waitMaxMs = options.waitMaxMs ?? this.limits.waitMaxMs
    return new Promise((resolve, reject) => {
      const call: PendingCall = {
        xid,
        remote,
        procedure: name,
        spec,
        parts,
        startedMs,
        waitMaxMs,
        take,
        malformedReplies: 0,
        resolve,
        reject,
      }
      if (this.#closed !== undefined) this.#fail(call)
      else this.#start(call)
    })
  }

  /** Ends the connection and fails every call under way. Resolves when the descriptor is closed. */
  async close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers()
      this.#lastError = new Error('the client was closed')
      clearTimeout(this.#reconnect)
      clearInterval(this.#ticker)
      for (const call of [...this.#inFlight.values(), ...this.#waiting.values()]) this.#fail(call)
      if (this.#connection === undefined) this.#closed.resolve()
      else this.#connection.drop()
    }
    await this.#closed.promise
  }

  #takeXid(): number {
    do this.#nextXid = (this.#nextXid + 1) >>> 0
    while (this.#inFlight.has(this.#nextXid) || this.#waiting.has(this.#nextXid))
    return this.#nextXid
  }

  #start(call: PendingCall): void {
    if (this.#ticker === undefined) {
      this.#tickedMs = this.#clock.monotonicMs()
      this.#ticker = setInterval(() => this.#tick(), this.limits.silenceMaxMs / TICK_PART)
    }
    if (this.#inFlight.size >= this.limits.inFlightMax) {
      this.#waiting.set(call.xid, call)
      return
    }
    if (this.#inFlight.size === 0) this.#heard(this.#clock.monotonicMs())
    this.#inFlight.set(call.xid, call)
    if (this.#open) this.#connection!.send(call.parts)
    else this.#connect()
  }

  /** Precondition: the call has ended and is in neither map. */
  #startWaiting(): void {
    for (const call of this.#waiting.values()) {
      if (this.#inFlight.size >= this.limits.inFlightMax) return
      this.#waiting.delete(call.xid)
      this.#start(call)
    }
    if (this.#inFlight.size > 0) return
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  #connect(): void {
    if (this.#connection !== undefined || this.#reconnect !== undefined || this.#closed !== undefined) return
    const delayMs = Math.max(0, this.#nextAttemptMs - this.#clock.monotonicMs())
    if (delayMs === 0) {
      this.#openConnection()
      return
    }
    this.#reconnect = setTimeout(() => {
      this.#reconnect = undefined
      if (this.#inFlight.size > 0) this.#connect()
    }, delayMs)
  }

  #openConnection(): void {
    const { connectTimeoutMs } = this.limits
    const backOffMs = this.limits.backOffMinMs * 2 ** Math.min(this.#attempts, BACK_OFF_DOUBLINGS_MAX)
    this.#attempts += 1
    this.#nextAttemptMs = this.#clock.monotonicMs() + Math.min(backOffMs, this.limits.backOffMaxMs)
    const settings = { connectTimeoutMs, localPort: this.#ports.port }
    this.#connection = new ClientConnection(this.#target, settings, {
      opened: () => this.#opened(),
      heard: () => this.#heard(this.#clock.monotonicMs()),
      record: (bytes, start, end) => this.#reply(bytes, start, end),
      closed: (error) => this.#lost(error),
    })
  }

  #opened(): void {
    this.#ports.connected()
    this.#open = true
    this.#heard(this.#clock.monotonicMs())
    for (const call of this.#inFlight.values()) this.#connection!.send(call.parts)
  }

  #heard(nowMs: number): void {
    this.#heardMs = nowMs
    this.#probed = false
  }

  #lost(error: Error | undefined): void {
    const wasOpen = this.#open
    this.#pastBytesIn += this.#connection!.bytesIn
    this.#pastBytesOut += this.#connection!.bytesOut
    this.#connection = undefined
    this.#open = false
    if (this.#closed !== undefined) {
      this.#closed.resolve()
      return
    }
    if (!wasOpen && this.#ports.refused(error)) {
      this.#nextAttemptMs = 0
      this.#connect()
      return
    }
    // A server may close an idle connection; only when somebody waits does it mean anything.
    if (this.#inFlight.size === 0) return
    this.#lastError = error
    this.#setDown(error)
    this.#connect()
  }

  #reply(bytes: Uint8Array, start: number, end: number): void {
    const { reader } = this.#decoder
    reader.reset(bytes, start, end)
    const xid = readReplyXid(reader)
    if (xid === undefined) throw new XdrError('a call where a reply should be', start)
    const call = this.#inFlight.get(xid)
    // Not known: a probe's, or one that was answered before it was sent again.
    if (call === undefined) return
    reader.lends = call.take !== undefined
    try {
      const result = this.#decoder.result(call.remote, call.procedure, call.spec)
      this.#answered(call)
      call.resolve(call.take === undefined ? result : call.take(result))
    } catch (error) {
      if (error instanceof RpcError) {
        this.#answered(call)
        call.reject(error)
      } else if (error instanceof XdrError) this.#malformed(call, error)
      else throw error
    }
    this.#startWaiting()
  }

  #answered(call: PendingCall): void {
    this.#inFlight.delete(call.xid)
    this.#attempts = 0
    this.#nextAttemptMs = 0
    this.#counters.answered(
      call.remote,
      call.procedure,
      call.spec,
      this.#clock.monotonicMs() - call.startedMs,
    )
    if (this.#state.state !== 'up') this.#setState({ state: 'up' })
    this.#downMs = undefined
  }

  /** The stream may be out of step, so the connection goes, too. */
  #malformed(call: PendingCall, error: XdrError): never {
    call.malformedReplies += 1
    if (call.malformedReplies >= MALFORMED_REPLIES_MAX) {
      this.#inFlight.delete(call.xid)
      this.#counters.failed(call.remote, call.procedure, call.spec)
      call.reject(
        new MalformedReplyError(this.name, `${call.remote.name} ${call.procedure}`, { cause: error }),
      )
    }
    throw error
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs()
    const stalled = nowMs - this.#tickedMs > this.limits.silenceMaxMs / 2
    this.#tickedMs = nowMs
    // It was us who did not listen (a stopped process, a machine that slept): first read what has come meanwhile.
    if (stalled) {
      this.#heard(nowMs)
      return
    }
    for (const calls of [this.#inFlight, this.#waiting]) {
      for (const call of calls.values()) if (nowMs >= this.#deadlineMs(call)) this.#fail(call)
    }
    this.#startWaiting()
    if (!this.#open || this.#inFlight.size === 0) return
    const silentMs = nowMs - this.#heardMs
    if (silentMs >= this.limits.silenceMaxMs) {
      this.#connection!.drop(new Error(`nothing heard for ${Math.round(silentMs)} ms`))
    } else if (silentMs >= this.limits.probeAfterMs && !this.#probed) {
      this.#probed = true
      const [call] = this.#inFlight.values()
      this.#connection!.send(this.#encoder.encode(this.#takeXid(), call!.remote, NULL_PROCEDURE, undefined))
    }
  }

  #deadlineMs(call: PendingCall): number {
    const deadlineMs = call.startedMs + call.waitMaxMs
    if (this.#downMs === undefined) return deadlineMs
    const downDeadlineMs = Math.max(
      this.#downMs + this.limits.waitMaxMs,
      call.startedMs + this.limits.waitMinMs,
    )
    return Math.min(deadlineMs, downDeadlineMs)
  }

  #fail(call: PendingCall): void {
    this.#inFlight.delete(call.xid)
    this.#waiting.delete(call.xid)
    this.#counters.failed(call.remote, call.procedure, call.spec)
    // Borrowed data goes back to its owner now, who may change it: nothing of it may still be sent after that.
    if (call.parts.length > 1 && this.#connection?.holdsUnsent === true) this.#connection.drop()
    const waitedMs = this.#clock.monotonicMs() - call.startedMs
    call.reject(new ServerUnavailableError(this.name, waitedMs, { cause: this.#lastError }))
  }

  #setDown(error: Error | undefined): void {
    this.#downMs ??= this.#clock.monotonicMs()
    if (this.#state.state === 'down') return
    this.#setState({ state: 'down', since: this.#clock.now(), reason: error?.message ?? 'connection lost' })
  }

  #setState(state: ServerState): void {
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }
}
