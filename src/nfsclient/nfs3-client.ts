import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { CallOptions, RpcClient } from '../oncrpc/rpc-client.ts'
import type { ArgsOf, RemoteProgram, ResOf } from '../oncrpc/rpc-request.ts'
import { NFS3_PROCEDURES, NFS3_PROGRAM, NFS3_VERSION } from '../protocols/nfs3/procedures.ts'
import type { FsResult } from '../vfs/result.ts'

/** A client that may only read. COMMIT is not a read: on a read-only export nobody needs it. */
export const NFS3_READ_PROCEDURES = {
  NULL: NFS3_PROCEDURES.NULL,
  GETATTR: NFS3_PROCEDURES.GETATTR,
  LOOKUP: NFS3_PROCEDURES.LOOKUP,
  ACCESS: NFS3_PROCEDURES.ACCESS,
  READLINK: NFS3_PROCEDURES.READLINK,
  READ: NFS3_PROCEDURES.READ,
  READDIR: NFS3_PROCEDURES.READDIR,
  READDIRPLUS: NFS3_PROCEDURES.READDIRPLUS,
  FSSTAT: NFS3_PROCEDURES.FSSTAT,
  FSINFO: NFS3_PROCEDURES.FSINFO,
  PATHCONF: NFS3_PROCEDURES.PATHCONF,
} as const

export type Nfs3Procedures = typeof NFS3_PROCEDURES
export type Nfs3ReadProcedures = typeof NFS3_READ_PROCEDURES

/** A server that answers JUKEBOX is asked again after this time, then after twice as long, and so on. */
const JUKEBOX_PAUSE_MIN_MS = 100
const JUKEBOX_PAUSE_MAX_MS = 2_000

/**
 * NFSv3 calls by name (RFC 1813 section 3.3), with the types of the table the client was made from; a procedure that
 * is not in the table cannot be called. Throws ServerUnavailableError after the RPC client's bounded wait.
 */
export class Nfs3Client<Table extends Partial<Nfs3Procedures> = Nfs3Procedures> {
  readonly #rpc: RpcClient
  readonly #remote: RemoteProgram<Table>
  readonly #clock: Clock

  constructor(rpc: RpcClient, procedures: Table, clock: Clock) {
    this.#rpc = rpc
    this.#remote = { name: 'nfs', program: NFS3_PROGRAM, version: NFS3_VERSION, procedures }
    this.#clock = clock
  }

  get name(): string {
    return this.#rpc.name
  }

  /** Answered JUKEBOX ("not now, ask again"), it asks again until the bounded wait is over. */
  call<Name extends keyof Table & string>(
    procedure: Name,
    args: ArgsOf<Table[Name]>,
    options: CallOptions = {},
  ): Promise<ResOf<Table[Name]>> {
    this.#check(procedure)
    return this.#untilReady(() => this.#rpc.call(this.#remote, procedure, args, options))
  }

  /** As `call`, but bytes in the result are gone when `take` returns (RpcClient.callAndTake). */
  callAndTake<Name extends keyof Table & string, T extends FsResult<unknown, unknown>>(
    procedure: Name,
    args: ArgsOf<Table[Name]>,
    take: (result: ResOf<Table[Name]>) => T,
  ): Promise<T> {
    this.#check(procedure)
    return this.#untilReady(() => this.#rpc.callAndTake(this.#remote, procedure, args, take))
  }

  #check(procedure: string): void {
    assert(Object.hasOwn(this.#remote.procedures, procedure), `this client must not call ${procedure}`)
  }

  async #untilReady<T>(ask: () => Promise<T>): Promise<T> {
    let answer = await ask()
    if (!isJukebox(answer)) return answer
    // The longer wait that a call may have is for one that the server works on, not for one that it puts off.
    const endMs = this.#clock.monotonicMs() + this.#rpc.limits.waitMaxMs
    let pauseMs = JUKEBOX_PAUSE_MIN_MS
    while (isJukebox(answer) && this.#clock.monotonicMs() + pauseMs < endMs) {
      await sleep(pauseMs)
      pauseMs = Math.min(pauseMs * 2, JUKEBOX_PAUSE_MAX_MS)
      answer = await ask()
    }
    return answer
  }
}

function isJukebox(answer: unknown): boolean {
  const result = answer as FsResult<unknown, unknown> | undefined
  return result?.ok === false && result.status === 'JUKEBOX'
}
