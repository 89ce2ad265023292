import { XdrWriter } from '../xdr/writer.ts'
import type { RpcCredentials } from './auth-sys.ts'
import { encodeCredential, readReply, writeCall } from './message.ts'
import { OwningReader } from './owning-reader.ts'
import type { ProcedureSpec } from './procedure.ts'
import { RpcError } from './rpc-error.ts'

/** A program on a server, with the procedures that may be called: the table that the server reads too, or a part. */
export interface RemoteProgram<Table> {
  /** For messages and counters: "nfs", "mount". */
  readonly name: string
  readonly program: number
  readonly version: number
  readonly procedures: Table
}

export type ArgsOf<Spec> = Spec extends ProcedureSpec<infer Args, infer _Res> ? Args : never
export type ResOf<Spec> = Spec extends ProcedureSpec<infer _Args, infer Res> ? Res : never

const LAST_FRAGMENT = 0x8000_0000
const MARK_BYTES = 4
/** Fits every call without file data. */
const WRITER_BYTES = 2048

/** Writes calls; one writer serves all calls of a client. */
export class RequestEncoder {
  readonly #writer = new XdrWriter(WRITER_BYTES)
  readonly #credential: Uint8Array
  readonly #marked: boolean

  /** `marked`: with a record mark in front, for TCP. */
  constructor(credentials: RpcCredentials, options: { marked: boolean }) {
    const writer = new XdrWriter(WRITER_BYTES)
    encodeCredential(writer, credentials)
    this.#credential = writer.toBytes()
    this.#marked = options.marked
  }

  /** The call as it goes on the wire. Large file data in it is borrowed from `args`, everything else is copied. */
  encode<Args>(
    xid: number,
    remote: RemoteProgram<unknown>,
    spec: ProcedureSpec<Args, unknown>,
    args: Args,
  ): Uint8Array[] {
    const writer = this.#writer
    writer.reset()
    if (this.#marked) writer.claim(MARK_BYTES)
    const target = { program: remote.program, version: remote.version, procedure: spec.number }
    writeCall(writer, xid, target, this.#credential)
    spec.args.encode(writer, args)
    if (this.#marked) writer.patchUint32(0, (LAST_FRAGMENT | (writer.lengthBytes - MARK_BYTES)) >>> 0)
    const own = writer.view.buffer
    return writer.parts().map((part) => (part.buffer === own ? Buffer.from(part) : part))
  }
}

/** Reads replies; one reader serves all replies of a client. */
export class ReplyDecoder {
  readonly #server: string
  readonly #reader = new OwningReader(new Uint8Array(0))

  constructor(server: string) {
    this.#server = server
  }

  get reader(): OwningReader {
    return this.#reader
  }

  /**
   * The result of a reply whose xid has been read. Throws RpcError if the server refuses and
   * XdrError if this is not the procedure's reply.
   */
  result(remote: RemoteProgram<unknown>, name: string, spec: ProcedureSpec<unknown, unknown>): unknown {
    const refusal = readReply(this.#reader)
    if (refusal !== undefined) throw new RpcError(this.#server, `${remote.name} ${name}`, refusal)
    return spec.res.decode(this.#reader)
  }
}
