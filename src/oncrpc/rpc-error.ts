import { FsFault } from '../vfs/faults.ts'
import type { FsStatus } from '../vfs/status.ts'
import type { RpcRefusal } from './message.ts'

/** Thrown when a server answers that it will not carry out a call (RFC 5531 section 9). */
export class RpcError extends FsFault {
  override readonly name = 'RpcError'
  readonly refusal: RpcRefusal
  constructor(server: string, call: string, refusal: RpcRefusal) {
    super(`${server} refuses ${call}: ${describeRefusal(refusal)}`)
    this.refusal = refusal
  }

  /** What a client of ours sees: the server does not believe our credentials, or it is not the server we need. */
  get status(): FsStatus {
    return this.refusal.stat === 'AUTH_ERROR' ? 'ACCES' : 'IO'
  }
}

/** Thrown when a server's reply to a call cannot be read, again and again. */
export class MalformedReplyError extends FsFault {
  override readonly name = 'MalformedReplyError'
  readonly status = 'IO'
  constructor(server: string, call: string, options: ErrorOptions) {
    super(`${server} answers ${call} with what is not an answer`, options)
  }
}

function describeRefusal(refusal: RpcRefusal): string {
  switch (refusal.stat) {
    case 'PROG_MISMATCH':
    case 'RPC_MISMATCH':
      return `${refusal.stat} (it speaks versions ${refusal.low} to ${refusal.high})`
    case 'AUTH_ERROR':
      return `AUTH_ERROR ${refusal.why} (does the export allow AUTH_SYS from this machine and port?)`
    default:
      return refusal.stat
  }
}
