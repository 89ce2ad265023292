import { crc32 } from 'node:zlib'
import { type Awaitable, isPromise } from '../base/awaitable.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { XdrError } from '../xdr/errors.ts'
import { XdrReader } from '../xdr/reader.ts'
import type { RpcCredentials } from './auth-sys.ts'
import type { DuplicateEntry, DuplicateRequestCache } from './duplicate-request-cache.ts'
import type { DuplicateKey } from './duplicate-request-format.ts'
import { RPC_VERSION, RpcCallHeader, type RpcRefusal, writeRefusal, writeSuccess } from './message.ts'
import type { ProgramVersion, ServedProcedure } from './procedure.ts'
import type { RpcPeer } from './rpc-peer.ts'
import { ServerCall } from './server-call.ts'
import type { ServerLoad } from './server-load.ts'

/** Told of every call; on the fast path, so it must only count. */
export interface RpcObserver {
  /** A call was carried out (whatever its result says). Bytes are those of the RPC messages. */
  called(
    procedure: ServedProcedure,
    address: string,
    durationUs: number,
    bytesIn: number,
    bytesOut: number,
  ): void
  /** A call was not carried out. */
  refused(refusal: RpcRefusal, address: string): void
  /** A retransmitted call got the first one's reply. */
  replayed(procedure: ServedProcedure, address: string): void
}

export interface RpcServerOptions {
  readonly programs: readonly ProgramVersion[]
  readonly duplicates: DuplicateRequestCache
  readonly load: ServerLoad
  readonly clock: Clock
  readonly logger: Logger
  readonly observer: RpcObserver
}

interface ServedProgram {
  readonly lowestVersion: number
  readonly highestVersion: number
  readonly versions: ReadonlyMap<number, ProgramVersion>
}

/**
 * Carries out calls: an RPC message comes in, a reply goes to the peer it came from. Knows nothing of sockets. A
 * handler that returns a value has its reply written before `receive` returns.
 */
export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #programs: ReadonlyMap<number, ServedProgram>
  readonly #header = new RpcCallHeader()
  readonly #reader = new XdrReader(new Uint8Array(0))

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#programs = groupVersions(options.programs)
  }

  get load(): ServerLoad {
    return this.#options.load
  }

  /**
   * Takes one message: bytes `start` to `end`, which must not change before the returned value is there. False: it is
   * not an RPC message, and what comes after it on the same stream cannot be trusted.
   */
  receive(peer: RpcPeer, bytes: Uint8Array, start: number, end: number): Awaitable<boolean> {
    const header = this.#header
    const reader = this.#reader
    reader.reset(bytes, start, end)
    try {
      header.read(reader)
    } catch (error) {
      if (error instanceof XdrError) return false
      throw error
    }
    // A stray reply is nobody's call: dropped, as every server does.
    if (!header.isCall) return true
    const procedure = this.#findProcedure(peer, bytes)
    if (procedure === undefined) return true
    return procedure.procedure.spec.idempotent
      ? this.#carryOut(peer, procedure, undefined, end - start)
      : this.#carryOutOnce(peer, procedure, bytes, start, end)
  }

  /** What the header asks for and who asks; refuses the call and returns undefined if it cannot be served. */
  #findProcedure(peer: RpcPeer, bytes: Uint8Array): FoundProcedure | undefined {
    const header = this.#header
    if (header.rpcVersion !== RPC_VERSION) {
      this.#refuse(peer, header.xid, { stat: 'RPC_MISMATCH', low: RPC_VERSION, high: RPC_VERSION })
      return undefined
    }
    const credentials = peer.credentials.read(header, bytes)
    if (typeof credentials === 'string') {
      this.#refuse(peer, header.xid, { stat: 'AUTH_ERROR', why: credentials })
      return undefined
    }
    const program = this.#programs.get(header.program)
    if (program === undefined) {
      this.#refuse(peer, header.xid, { stat: 'PROG_UNAVAIL' })
      return undefined
    }
    const version = program.versions.get(header.version)
    if (version === undefined) {
      const { lowestVersion: low, highestVersion: high } = program
      this.#refuse(peer, header.xid, { stat: 'PROG_MISMATCH', low, high })
      return undefined
    }
    const procedure = version.procedures[header.procedure]
    if (procedure === undefined) {
      this.#refuse(peer, header.xid, { stat: 'PROC_UNAVAIL' })
      return undefined
    }
    return { procedure, credentials }
  }

  /** A call that must not be carried out twice. */
  #carryOutOnce(
    peer: RpcPeer,
    found: FoundProcedure,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Awaitable<boolean> {
    const { duplicates } = this.#options
    const key = this.#duplicateKey(peer, bytes, end)
    const known = duplicates.find(key)
    if (known === undefined) return this.#carryOut(peer, found, duplicates.begin(key), end - start)
    if (known.reply !== undefined) {
      this.#replay(peer, found.procedure, known.reply)
      return true
    }
    return this.#shareReply(peer, found.procedure, known)
  }

  async #shareReply(peer: RpcPeer, procedure: ServedProcedure, entry: DuplicateEntry): Promise<boolean> {
    const { load } = this.#options
    load.callStarted()
    const reply = await entry.wait()
    load.callFinished()
    if (reply === undefined) this.#refuse(peer, entry.key.xid, { stat: 'SYSTEM_ERR' })
    else this.#replay(peer, procedure, reply)
    return true
  }

  #duplicateKey(peer: RpcPeer, bytes: Uint8Array, end: number): DuplicateKey {
    const header = this.#header
    const args = bytes.subarray(this.#reader.position, end)
    return {
      address: peer.address,
      xid: header.xid,
      program: header.program,
      version: header.version,
      procedure: header.procedure,
      argsBytes: args.length,
      argsChecksum: crc32(args),
    }
  }

  #carryOut(
    peer: RpcPeer,
    { procedure, credentials }: FoundProcedure,
    entry: DuplicateEntry | undefined,
    bytesIn: number,
  ): Awaitable<boolean> {
    const { duplicates, load, clock } = this.#options
    const { xid } = this.#header
    const startedMs = clock.monotonicMs()
    const call = new ServerCall({
      procedure,
      peer,
      xid,
      credentials,
      bytesIn,
      startedMs,
      entry,
      duplicates,
      load,
    })
    try {
      const args = decodeArgs(procedure, this.#reader)
      if (args === GARBAGE) {
        this.#refuseGarbage(call)
        return true
      }
      const result = procedure.handler(call, args)
      if (isPromise(result)) return this.#replyLater(call, result)
      this.#reply(call, result)
    } catch (error) {
      this.#fail(call, error)
    }
    return true
  }

  async #replyLater(call: ServerCall, promise: Promise<unknown>): Promise<boolean> {
    const { load } = this.#options
    load.callStarted()
    try {
      const result = await promise
      this.#reply(call, result)
    } catch (error) {
      this.#fail(call, error)
    }
    load.callFinished()
    return true
  }

  #reply(call: ServerCall, result: unknown): void {
    let bytesOut = 0
    try {
      bytesOut =
        call.entry === undefined ? this.#send(call, result) : this.#sendKept(call, call.entry, result)
    } catch (error) {
      this.#fail(call, error)
      return
    }
    const { clock, observer } = this.#options
    const durationUs = (clock.monotonicMs() - call.startedMs) * 1000
    observer.called(call.procedure, call.peer.address, durationUs, call.bytesIn, bytesOut)
  }

  #send(call: ServerCall, result: unknown): number {
    const { peer } = call
    if (!peer.isOpen) {
      this.#giveBack(call)
      return 0
    }
    const writer = peer.beginReply()
    const before = writer.lengthBytes
    try {
      writeSuccess(writer, call.xid)
      call.procedure.spec.res.encode(writer, result)
    } catch (error) {
      peer.cancelReply()
      throw error
    }
    const bytesOut = writer.lengthBytes - before
    peer.endReply(call.takeDataBuffer())
    return bytesOut
  }

  /** Remembered first: the client may be gone and ask again on another connection. */
  #sendKept(call: ServerCall, entry: DuplicateEntry, result: unknown): number {
    const reply = call.encodeReply(result)
    const isFinal = call.procedure.spec.isFinal?.(result) ?? true
    this.#options.duplicates.finish(entry, reply, isFinal)
    this.#giveBack(call)
    sendBytes(call.peer, reply)
    return reply.length
  }

  #replay(peer: RpcPeer, procedure: ServedProcedure, reply: Uint8Array): void {
    this.#options.observer.replayed(procedure, peer.address)
    sendBytes(peer, reply)
  }

  #refuse(peer: RpcPeer, xid: number, refusal: RpcRefusal): void {
    this.#options.observer.refused(refusal, peer.address)
    if (!peer.isOpen) return
    writeRefusal(peer.beginReply(), xid, refusal)
    peer.endReply(undefined)
  }

  #refuseGarbage(call: ServerCall): void {
    if (call.entry !== undefined) this.#options.duplicates.abandon(call.entry)
    this.#refuse(call.peer, call.xid, { stat: 'GARBAGE_ARGS' })
  }

  /** The catch of last resort: whatever comes here is a bug, and must be seen. */
  #fail(call: ServerCall, error: unknown): void {
    this.#giveBack(call)
    if (call.entry !== undefined) this.#options.duplicates.abandon(call.entry)
    const { program, version, name } = call.procedure
    this.#options.logger.error({ err: error, program, version, procedure: name }, 'a call failed inside')
    this.#refuse(call.peer, call.xid, { stat: 'SYSTEM_ERR' })
  }

  #giveBack(call: ServerCall): void {
    const buffer = call.takeDataBuffer()
    if (buffer !== undefined) this.#options.load.giveBuffer(buffer)
  }
}

interface FoundProcedure {
  readonly procedure: ServedProcedure
  readonly credentials: RpcCredentials
}

/** No value of any type. */
const GARBAGE = Symbol('garbage')

/** Exactly the arguments: what is cut off or goes on is GARBAGE_ARGS. */
function decodeArgs(procedure: ServedProcedure, reader: XdrReader): unknown {
  try {
    const args = procedure.spec.args.decode(reader)
    reader.finish()
    return args
  } catch (error) {
    if (error instanceof XdrError) return GARBAGE
    throw error
  }
}

function sendBytes(peer: RpcPeer, reply: Uint8Array): void {
  if (!peer.isOpen) return
  peer.beginReply().append(reply)
  peer.endReply(undefined)
}

function groupVersions(programs: readonly ProgramVersion[]): ReadonlyMap<number, ServedProgram> {
  const grouped = new Map<number, ServedProgram>()
  for (const { program } of programs) {
    const versions = programs.filter((served) => served.program === program)
    const numbers = versions.map((served) => served.version)
    grouped.set(program, {
      lowestVersion: Math.min(...numbers),
      highestVersion: Math.max(...numbers),
      versions: new Map(versions.map((served) => [served.version, served])),
    })
  }
  return grouped
}
