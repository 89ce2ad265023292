import { XdrError } from '../xdr/errors.ts'
import { paddedBytes, type XdrReader } from '../xdr/reader.ts'
import type { XdrWriter } from '../xdr/writer.ts'
import { AUTH_BODY_MAX_BYTES, AUTH_NONE, AUTH_SYS, encodeAuthSys, type RpcCredentials } from './auth-sys.ts'

// rpc_msg of RFC 5531 section 9. By hand: every call passes here twice.

export const RPC_VERSION = 2

const CALL = 0
const REPLY = 1
const MSG_ACCEPTED = 0
const MSG_DENIED = 1
const RPC_MISMATCH = 0
const AUTH_ERROR = 1

/** accept_stat without SUCCESS. */
export const ACCEPT_STAT = {
  PROG_UNAVAIL: 1,
  PROG_MISMATCH: 2,
  PROC_UNAVAIL: 3,
  GARBAGE_ARGS: 4,
  SYSTEM_ERR: 5,
} as const

/** auth_stat without AUTH_OK, of the flavors we speak. */
export const AUTH_STAT = {
  AUTH_BADCRED: 1,
  AUTH_REJECTEDCRED: 2,
  AUTH_BADVERF: 3,
  AUTH_REJECTEDVERF: 4,
  AUTH_TOOWEAK: 5,
  AUTH_INVALIDRESP: 6,
  AUTH_FAILED: 7,
} as const
export type AuthStat = keyof typeof AUTH_STAT

/** Every way in which a server says that it did not carry out a call. */
export type RpcRefusal =
  | { readonly stat: 'PROG_UNAVAIL' | 'PROC_UNAVAIL' | 'GARBAGE_ARGS' | 'SYSTEM_ERR' }
  | { readonly stat: 'PROG_MISMATCH' | 'RPC_MISMATCH'; readonly low: number; readonly high: number }
  | { readonly stat: 'AUTH_ERROR'; readonly why: AuthStat | number }

/**
 * The header of a call, filled in by `read` and used again for the next call (no garbage per call). The credential
 * stays where it is: a range of the reader's bytes.
 */
export class RpcCallHeader {
  xid = 0
  isCall = false
  rpcVersion = 0
  program = 0
  version = 0
  procedure = 0
  credentialFlavor = 0
  credentialStart = 0
  credentialBytes = 0
  verifierFlavor = 0
  /** Credential or verifier are too long or cut off: the call can be answered but not carried out. */
  authProblem: AuthStat | undefined = undefined

  /**
   * Reads up to the arguments. Stops after the message type when this is not a call, and after rpcvers when that is
   * not ours (another version's header may go on differently). XdrError: not an RPC message.
   */
  read(reader: XdrReader): void {
    this.xid = reader.uint32()
    this.isCall = reader.uint32() === CALL
    if (!this.isCall) return
    this.rpcVersion = reader.uint32()
    if (this.rpcVersion !== RPC_VERSION) return
    this.program = reader.uint32()
    this.version = reader.uint32()
    this.procedure = reader.uint32()
    this.authProblem = 'AUTH_BADCRED'
    if (reader.remainingBytes < 8) return
    this.credentialFlavor = reader.uint32()
    this.credentialBytes = reader.uint32()
    this.credentialStart = reader.position
    if (!skipAuthBody(reader, this.credentialBytes)) return
    this.authProblem = 'AUTH_BADVERF'
    if (reader.remainingBytes < 8) return
    this.verifierFlavor = reader.uint32()
    if (skipAuthBody(reader, reader.uint32())) this.authProblem = undefined
  }
}

function skipAuthBody(reader: XdrReader, lengthBytes: number): boolean {
  if (lengthBytes > AUTH_BODY_MAX_BYTES || paddedBytes(lengthBytes) > reader.remainingBytes) return false
  reader.claim(paddedBytes(lengthBytes))
  return true
}

/** A credential as opaque_auth, encoded once and put into every call (`writeCall`). */
export function encodeCredential(writer: XdrWriter, credentials: RpcCredentials): void {
  if (credentials.flavor === 'none') {
    writer.uint32(AUTH_NONE)
    writer.uint32(0)
    return
  }
  writer.uint32(AUTH_SYS)
  writer.opaque(encodeAuthSys(credentials))
}

export interface RpcCallTarget {
  readonly program: number
  readonly version: number
  readonly procedure: number
}

/** Everything of a call before its arguments. `credential`: what `encodeCredential` wrote. */
export function writeCall(
  writer: XdrWriter,
  xid: number,
  target: RpcCallTarget,
  credential: Uint8Array,
): void {
  writer.uint32(xid)
  writer.uint32(CALL)
  writer.uint32(RPC_VERSION)
  writer.uint32(target.program)
  writer.uint32(target.version)
  writer.uint32(target.procedure)
  writer.append(credential)
  writer.uint32(AUTH_NONE)
  writer.uint32(0)
}

/** Length of what `writeSuccess` writes. */
export const RPC_SUCCESS_BYTES = 24

/** Everything of a reply before its result. */
export function writeSuccess(writer: XdrWriter, xid: number): void {
  const at = writer.claim(RPC_SUCCESS_BYTES)
  const view = writer.view
  view.setUint32(at, xid)
  view.setUint32(at + 4, REPLY)
  view.setUint32(at + 8, MSG_ACCEPTED)
  view.setUint32(at + 12, AUTH_NONE)
  view.setUint32(at + 16, 0)
  view.setUint32(at + 20, 0)
}

/** A whole reply that says why the call was not carried out. */
export function writeRefusal(writer: XdrWriter, xid: number, refusal: RpcRefusal): void {
  writer.uint32(xid)
  writer.uint32(REPLY)
  if (refusal.stat === 'RPC_MISMATCH') {
    writer.uint32(MSG_DENIED)
    writer.uint32(RPC_MISMATCH)
    writer.uint32(refusal.low)
    writer.uint32(refusal.high)
    return
  }
  if (refusal.stat === 'AUTH_ERROR') {
    writer.uint32(MSG_DENIED)
    writer.uint32(AUTH_ERROR)
    writer.uint32(typeof refusal.why === 'number' ? refusal.why : AUTH_STAT[refusal.why])
    return
  }
  writer.uint32(MSG_ACCEPTED)
  writer.uint32(AUTH_NONE)
  writer.uint32(0)
  writer.uint32(ACCEPT_STAT[refusal.stat])
  if (refusal.stat !== 'PROG_MISMATCH') return
  writer.uint32(refusal.low)
  writer.uint32(refusal.high)
}

/**
 * For clients: reads a reply after its xid (`readReplyXid`), up to the result. Undefined: the call was carried out
 * and its result comes next. XdrError: not a reply.
 */
export function readReply(reader: XdrReader): RpcRefusal | undefined {
  const status = reader.uint32()
  if (status === MSG_DENIED) return readDenied(reader)
  if (status !== MSG_ACCEPTED)
    throw new XdrError(`reply_stat of unknown value ${status}`, reader.position - 4)
  reader.uint32()
  reader.opaque(AUTH_BODY_MAX_BYTES)
  const accepted = reader.uint32()
  switch (accepted) {
    case 0:
      return undefined
    case ACCEPT_STAT.PROG_UNAVAIL:
      return { stat: 'PROG_UNAVAIL' }
    case ACCEPT_STAT.PROG_MISMATCH:
      return { stat: 'PROG_MISMATCH', low: reader.uint32(), high: reader.uint32() }
    case ACCEPT_STAT.PROC_UNAVAIL:
      return { stat: 'PROC_UNAVAIL' }
    case ACCEPT_STAT.GARBAGE_ARGS:
      return { stat: 'GARBAGE_ARGS' }
    case ACCEPT_STAT.SYSTEM_ERR:
      return { stat: 'SYSTEM_ERR' }
    default:
      throw new XdrError(`accept_stat of unknown value ${accepted}`, reader.position - 4)
  }
}

function readDenied(reader: XdrReader): RpcRefusal {
  const why = reader.uint32()
  if (why === RPC_MISMATCH) {
    return { stat: 'RPC_MISMATCH', low: reader.uint32(), high: reader.uint32() }
  }
  if (why !== AUTH_ERROR) throw new XdrError(`reject_stat of unknown value ${why}`, reader.position - 4)
  const number = reader.uint32()
  return { stat: 'AUTH_ERROR', why: AUTH_STAT_NAMES.get(number) ?? number }
}

const AUTH_STAT_NAMES: ReadonlyMap<number, AuthStat> = new Map(
  (Object.keys(AUTH_STAT) as AuthStat[]).map((name) => [AUTH_STAT[name], name]),
)

/** For clients: the xid of a reply; undefined when the message is not a reply. */
export function readReplyXid(reader: XdrReader): number | undefined {
  const xid = reader.uint32()
  return reader.uint32() === REPLY ? xid : undefined
}
