import { createHash } from 'node:crypto'
import type { Logger } from '../../src/base/logger.ts'
import { DuplicateRequestCache } from '../../src/oncrpc/duplicate-request-cache.ts'
import type { RpcRefusal } from '../../src/oncrpc/message.ts'
import { type Handlers, procedure, serveProgram } from '../../src/oncrpc/procedure.ts'
import { type RpcObserver, RpcServer } from '../../src/oncrpc/rpc-server.ts'
import { ServerLoad, type ServerLoadLimits } from '../../src/oncrpc/server-load.ts'
import { fileData, nothing, opaque, struct, uint32 } from '../../src/xdr/codec.ts'
import { ManualClock } from '../exporter/manual-clock.ts'

export const SERVED_PROGRAM = 0x2000_0002
const DATA_MAX_BYTES = 1024 * 1024

/** ADD's "ask again". */
export const NOT_NOW = 0xffff_ffff

export const SERVED_PROCEDURES = {
  NULL: procedure(0, nothing, nothing, { idempotent: true, mutates: false }),
  ECHO: procedure(1, opaque(DATA_MAX_BYTES), opaque(DATA_MAX_BYTES), { idempotent: true, mutates: false }),
  /** Adds to a total and returns it: carried out twice, it shows. */
  ADD: procedure(2, uint32, uint32, { idempotent: false, mutates: true, isFinal: (sum) => sum !== NOT_NOW }),
  /** The same, answered when the test says so. */
  ADD_LATER: procedure(3, uint32, uint32, { idempotent: false, mutates: true }),
  /** Comes back with what it was given, when the test says so. */
  HOLD: procedure(4, opaque(DATA_MAX_BYTES), opaque(DATA_MAX_BYTES), { idempotent: true, mutates: false }),
  /** So many bytes of data: each is the count's lowest byte. */
  DATA: procedure(5, uint32, fileData(DATA_MAX_BYTES), { idempotent: true, mutates: false }),
  THROW: procedure(6, nothing, nothing, { idempotent: true, mutates: false }),
  THROW_LATER: procedure(7, nothing, nothing, { idempotent: false, mutates: true }),
  /** Its handler returns what its type does not allow. */
  MISTAKE: procedure(8, nothing, opaque(1), { idempotent: true, mutates: false }),
  WHO: procedure(9, nothing, struct({ uid: uint32, gids: uint32 }), { idempotent: true, mutates: false }),
  /** Number 10 is left out: PROC_UNAVAIL. */
  SHA1: procedure(11, opaque(DATA_MAX_BYTES), opaque(20), { idempotent: true, mutates: false }),
} as const

interface HeldCall {
  readonly release: () => void
}

/** A program whose calls a test can hold, count and make fail, with everything around it but sockets. */
export class ServedProgram {
  readonly clock = new ManualClock()
  readonly load: ServerLoad
  readonly duplicates: DuplicateRequestCache
  readonly server: RpcServer
  readonly held: HeldCall[] = []
  /** Records that `seal` returned. */
  readonly sealed: Uint8Array[] = []
  readonly refusals: RpcRefusal[] = []
  readonly logged: unknown[] = []
  calls = 0
  replays = 0
  bytesIn = 0
  bytesOut = 0
  total = 0
  /** Set: ADD seals one result and then answers another, as when its effect could not be made durable. */
  failAfterSeal = false
  /** Set: ADD says "ask again". */
  isBusy = false

  constructor(options: { readonly records?: Iterable<Uint8Array>; readonly limits?: ServerLoadLimits } = {}) {
    const { records = [], limits } = options
    this.load = new ServerLoad(limits)
    this.duplicates = new DuplicateRequestCache({ clock: this.clock, records })
    this.server = new RpcServer({
      programs: [2, 4].map((version) =>
        serveProgram({
          program: SERVED_PROGRAM,
          version,
          table: SERVED_PROCEDURES,
          handlers: HANDLERS,
          context: this,
        }),
      ),
      duplicates: this.duplicates,
      load: this.load,
      clock: this.clock,
      logger: this.logger,
      observer: this.observer,
    })
  }

  readonly logger = {
    error: (...args: unknown[]) => this.logged.push(args),
    warn: (...args: unknown[]) => this.logged.push(args),
    info: (...args: unknown[]) => this.logged.push(args),
  } as unknown as Logger

  private get observer(): RpcObserver {
    return {
      called: (_procedure, _address, _durationUs, bytesIn, bytesOut) => {
        this.calls += 1
        this.bytesIn += bytesIn
        this.bytesOut += bytesOut
      },
      refused: (refusal) => this.refusals.push(refusal),
      replayed: () => {
        this.replays += 1
      },
    }
  }

  hold<T>(result: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.held.push({
        release: () => {
          try {
            resolve(result())
          } catch (error) {
            reject(error)
          }
        },
      })
    })
  }

  releaseAll(): void {
    for (const held of this.held.splice(0)) held.release()
  }
}

const HANDLERS: Handlers<ServedProgram, typeof SERVED_PROCEDURES> = {
  NULL: () => undefined,
  ECHO: (_call, data) => data,
  ADD(call, amount) {
    const program = call.context
    if (program.isBusy) return NOT_NOW
    const result = program.total + amount
    const record = call.seal(result)
    if (program.failAfterSeal) return 0xdead
    program.total = result
    if (record !== undefined) program.sealed.push(record)
    return result
  },
  ADD_LATER(call, amount) {
    const program = call.context
    return program.hold(() => {
      program.total += amount
      return program.total
    })
  },
  HOLD: (call, data) => call.context.hold(() => data),
  DATA(call, countBytes) {
    return call.dataBuffer(countBytes).fill(countBytes & 0xff)
  },
  THROW() {
    throw new Error('thrown at once')
  },
  THROW_LATER: (call) =>
    call.context.hold(() => {
      throw new Error('thrown later')
    }),
  MISTAKE: () => new Uint8Array(2),
  WHO({ credentials }) {
    if (credentials.flavor === 'none') return { uid: 0xffff_ffff, gids: 0 }
    return { uid: credentials.uid, gids: credentials.gids.length }
  },
  SHA1: async (_call, data) => {
    // Late, so that a buffer that is used again too early shows.
    await new Promise((resolve) => setImmediate(resolve))
    return createHash('sha1').update(data).digest()
  },
}
