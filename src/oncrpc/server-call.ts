import { XdrWriter } from '../xdr/writer.ts'
import type { RpcCredentials } from './auth-sys.ts'
import type { DuplicateEntry, DuplicateRequestCache } from './duplicate-request-cache.ts'
import { writeSuccess } from './message.ts'
import type { RpcCall, RpcTransport, ServedProcedure } from './procedure.ts'
import type { RpcPeer } from './rpc-peer.ts'
import type { ServerLoad } from './server-load.ts'

/** Replies of calls that are not idempotent are small. */
const KEPT_REPLY_BYTES = 512

/** One call while it is worked on: what its handler sees, and what its reply needs. */
export class ServerCall implements RpcCall<unknown, unknown> {
  readonly procedure: ServedProcedure
  readonly peer: RpcPeer
  readonly xid: number
  readonly credentials: RpcCredentials
  readonly bytesIn: number
  readonly startedMs: number
  /** For procedures that are not idempotent. */
  readonly entry: DuplicateEntry | undefined
  readonly #duplicates: DuplicateRequestCache
  readonly #load: ServerLoad
  #sealedResult: unknown = undefined
  #sealedReply: Uint8Array | undefined = undefined
  #buffer: Buffer | undefined = undefined

  constructor(options: {
    readonly procedure: ServedProcedure
    readonly peer: RpcPeer
    readonly xid: number
    readonly credentials: RpcCredentials
    readonly bytesIn: number
    readonly startedMs: number
    readonly entry: DuplicateEntry | undefined
    readonly duplicates: DuplicateRequestCache
    readonly load: ServerLoad
  }) {
    this.procedure = options.procedure
    this.peer = options.peer
    this.xid = options.xid
    this.credentials = options.credentials
    this.bytesIn = options.bytesIn
    this.startedMs = options.startedMs
    this.entry = options.entry
    this.#duplicates = options.duplicates
    this.#load = options.load
  }

  get context(): unknown {
    return this.procedure.context
  }

  get address(): string {
    return this.peer.address
  }

  get port(): number {
    return this.peer.port
  }

  get transport(): RpcTransport {
    return this.peer.transport
  }

  seal(result: unknown): Uint8Array | undefined {
    if (this.entry === undefined) return undefined
    this.#sealedResult = result
    this.#sealedReply = this.#encode(result)
    return this.#duplicates.record(this.entry, this.#sealedReply)
  }

  dataBuffer(lengthBytes: number): Uint8Array {
    if (this.#buffer !== undefined && this.#buffer.length >= lengthBytes) {
      return this.#buffer.subarray(0, lengthBytes)
    }
    if (this.#buffer !== undefined) this.#load.giveBuffer(this.#buffer)
    this.#buffer = this.#load.takeBuffer(lengthBytes)
    return this.#buffer.subarray(0, lengthBytes)
  }

  /** The reply as bytes of its own: the sealed one if the result is the one that was sealed. */
  encodeReply(result: unknown): Uint8Array {
    if (this.#sealedReply !== undefined && this.#sealedResult === result) return this.#sealedReply
    return this.#encode(result)
  }

  /** The data buffer that the handler asked for, for who sends the reply to give back. */
  takeDataBuffer(): Buffer | undefined {
    const buffer = this.#buffer
    this.#buffer = undefined
    return buffer
  }

  #encode(result: unknown): Uint8Array {
    const writer = new XdrWriter(KEPT_REPLY_BYTES)
    writeSuccess(writer, this.xid)
    this.procedure.spec.res.encode(writer, result)
    return writer.toBytes()
  }
}
