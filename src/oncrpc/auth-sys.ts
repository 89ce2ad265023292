import { array, encodeXdr, string, struct, uint32, type XdrValue } from '../xdr/codec.ts'
import { XdrError } from '../xdr/errors.ts'
import { XdrReader } from '../xdr/reader.ts'

/** auth_flavor (RFC 5531 section 8.2). */
export const AUTH_NONE = 0
export const AUTH_SYS = 1

/** Longest body of a credential or verifier (RFC 5531 section 8.2). */
export const AUTH_BODY_MAX_BYTES = 400
/** Longest machinename (RFC 5531 appendix A). */
export const MACHINE_NAME_MAX_BYTES = 255
/** Most supplementary groups (RFC 5531 appendix A). */
export const AUTH_SYS_GIDS_MAX = 16

/** Who a call says it comes from. AUTH_SYS is believed or squashed by the program, never checked here. */
export type RpcCredentials = { readonly flavor: 'none' } | AuthSysCredentials

export interface AuthSysCredentials {
  readonly flavor: 'sys'
  readonly uid: number
  readonly gid: number
  /** Supplementary groups, at most AUTH_SYS_GIDS_MAX. */
  readonly gids: readonly number[]
  readonly machineName: Uint8Array
}

export const NO_CREDENTIALS: RpcCredentials = { flavor: 'none' }

/** RFC 5531 appendix A. */
export const authsys_parms = struct({
  stamp: uint32,
  machinename: string(MACHINE_NAME_MAX_BYTES),
  uid: uint32,
  gid: uint32,
  gids: array(uint32, AUTH_SYS_GIDS_MAX),
})
export type authsys_parms = XdrValue<typeof authsys_parms>

/** The credentials in an AUTH_SYS body, in memory of their own; XdrError if the body is not one. */
export function decodeAuthSys(body: Uint8Array): AuthSysCredentials {
  if (body.length > AUTH_BODY_MAX_BYTES) throw new XdrError(`credential of ${body.length} bytes`, 0)
  const reader = new XdrReader(body)
  const parms = authsys_parms.decode(reader)
  reader.finish()
  return {
    flavor: 'sys',
    uid: parms.uid,
    gid: parms.gid,
    gids: parms.gids,
    machineName: new Uint8Array(parms.machinename),
  }
}

/** The body of an AUTH_SYS credential. The stamp is arbitrary (RFC 5531 appendix A): 0. */
export function encodeAuthSys(credentials: AuthSysCredentials): Uint8Array {
  return encodeXdr(authsys_parms, {
    stamp: 0,
    machinename: credentials.machineName,
    uid: credentials.uid,
    gid: credentials.gid,
    gids: credentials.gids,
  })
}
