import { XdrError } from '../xdr/errors.ts'
import { AUTH_NONE, AUTH_SYS, decodeAuthSys, NO_CREDENTIALS, type RpcCredentials } from './auth-sys.ts'
import type { AuthStat, RpcCallHeader } from './message.ts'

/** Length of the stamp at the start of an AUTH_SYS body: it may change with every call and means nothing. */
const STAMP_BYTES = 4

/**
 * The credentials of one client's calls. Most calls carry the same ones as the call before: these are recognised by
 * their bytes, so that nothing is decoded and programs see the same object again.
 */
export class CredentialCache {
  #bytes: Buffer = Buffer.alloc(0)
  #credentials: RpcCredentials = NO_CREDENTIALS

  /** Who calls, or why that cannot be said. `bytes` are those that the header was read from. */
  read(header: RpcCallHeader, bytes: Uint8Array): RpcCredentials | AuthStat {
    if (header.authProblem !== undefined) return header.authProblem
    if (header.credentialFlavor !== AUTH_NONE && header.credentialFlavor !== AUTH_SYS)
      return 'AUTH_REJECTEDCRED'
    if (header.verifierFlavor !== AUTH_NONE) return 'AUTH_BADVERF'
    if (header.credentialFlavor === AUTH_NONE) return NO_CREDENTIALS
    return this.#readSys(bytes, header.credentialStart, header.credentialBytes)
  }

  #readSys(bytes: Uint8Array, start: number, lengthBytes: number): RpcCredentials | AuthStat {
    if (this.#isSame(bytes, start, lengthBytes)) return this.#credentials
    const body = bytes.subarray(start, start + lengthBytes)
    try {
      this.#credentials = decodeAuthSys(body)
    } catch (error) {
      if (error instanceof XdrError) return 'AUTH_BADCRED'
      throw error
    }
    this.#bytes = Buffer.from(body)
    return this.#credentials
  }

  #isSame(bytes: Uint8Array, start: number, lengthBytes: number): boolean {
    const known = this.#bytes
    if (lengthBytes !== known.length || lengthBytes === 0) return false
    for (let index = STAMP_BYTES; index < lengthBytes; index += 1) {
      if (bytes[start + index] !== known[index]) return false
    }
    return true
  }
}
