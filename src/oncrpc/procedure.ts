import type { Awaitable } from '../base/awaitable.ts'
import type { XdrCodec } from '../xdr/codec.ts'
import type { RpcCredentials } from './auth-sys.ts'

/** One procedure of a program: its number, its types, and what server and client must know of its behaviour. */
export interface ProcedureSpec<Args, Res> {
  readonly number: number
  readonly args: XdrCodec<Args>
  readonly res: XdrCodec<Res>
  /** False: a resent call must get the first one's reply (duplicate-request cache). */
  readonly idempotent: boolean
  /** True: it changes what the program serves. */
  readonly mutates: boolean
  /**
   * False for a result that says "not now, ask again": it had no effect, and if the same call comes again it is to be
   * carried out and not answered from the duplicate-request cache. Absent: every result is final.
   */
  isFinal?(result: Res): boolean
}

export function procedure<Args, Res>(
  number: number,
  args: XdrCodec<Args>,
  res: XdrCodec<Res>,
  behaviour: Pick<ProcedureSpec<Args, NoInfer<Res>>, 'idempotent' | 'mutates' | 'isFinal'>,
): ProcedureSpec<Args, Res> {
  return { number, args, res, ...behaviour }
}

/** What a handler gets: who calls, from where, and its program's context (whatever the program was made with). */
export interface RpcCall<Context, Res> {
  readonly context: Context
  readonly credentials: RpcCredentials
  /** The client's address as text, without port: "127.0.0.1", "fe80::1". */
  readonly address: string
  /** The client's port: below 1024 is a reserved one. */
  readonly port: number
  readonly transport: RpcTransport
  /**
   * For procedures that are not idempotent: encodes the result at the moment its effect is decided, and returns the
   * duplicate-request cache's record, to be made durable together with the effect (Seal in vfs/file-system.ts). The
   * handler then returns this same result. If making it durable fails, the handler returns another result (or
   * throws) and that one is the reply. Undefined for idempotent procedures: nothing needs to be stored.
   */
  seal(res: Res): Uint8Array | undefined
  /**
   * A buffer of `lengthBytes` to read file data into. It is the call's until the reply has been sent, then it goes back
   * to a pool: a result may carry a part of it as data, and nobody may keep it.
   */
  dataBuffer(lengthBytes: number): Uint8Array
}

export type RpcTransport = 'tcp' | 'udp'

/** One procedure's work. What it returns at once goes to the socket in the same turn; bytes in `args` are borrowed. */
export type Handler<Context, Args, Res> = (call: RpcCall<Context, Res>, args: Args) => Awaitable<Res>

/** A handler for every procedure of a table: leave one out and it does not compile. */
export type Handlers<Context, Table> = {
  readonly [Name in keyof Table]: Table[Name] extends ProcedureSpec<infer Args, infer Res>
    ? Handler<Context, Args, Res>
    : never
}

/** A procedure with its handler, its types forgotten: what the server calls by number. */
export interface ServedProcedure {
  readonly program: number
  readonly version: number
  readonly name: string
  readonly spec: ProcedureSpec<unknown, unknown>
  readonly handler: Handler<unknown, unknown, unknown>
  readonly context: unknown
}

export interface ProgramVersion {
  readonly program: number
  readonly version: number
  /** By procedure number; a number that is not served is a hole (PROC_UNAVAIL). */
  readonly procedures: readonly (ServedProcedure | undefined)[]
}

/** Joins a procedure table and its handlers. The one place where their types are forgotten: they fit by `Handlers`. */
export function serveProgram<Context, Table extends object>(options: {
  readonly program: number
  readonly version: number
  readonly table: Table
  readonly handlers: Handlers<Context, Table>
  readonly context: Context
}): ProgramVersion {
  const { program, version, table, handlers, context } = options
  const procedures: (ServedProcedure | undefined)[] = []
  for (const name of Object.keys(table) as (keyof Table & string)[]) {
    const spec = table[name] as ProcedureSpec<unknown, unknown>
    const handler = handlers[name] as Handler<unknown, unknown, unknown>
    procedures[spec.number] = { program, version, name, spec, handler, context }
  }
  return { program, version, procedures }
}
