import type { XdrWriter } from '../xdr/writer.ts'
import type { CredentialCache } from './credential-cache.ts'
import type { RpcTransport } from './procedure.ts'

/** Where a call came from and its reply goes to: a TCP connection, or the sender of a datagram. */
export interface RpcPeer {
  /** As text, without port; an IPv4 address as such also when it came over an IPv6 socket. */
  readonly address: string
  readonly port: number
  readonly transport: RpcTransport
  readonly credentials: CredentialCache
  /** False: nobody is there to take a reply. */
  readonly isOpen: boolean
  /** Where to write a reply. Exactly one of `endReply` and `cancelReply` follows, in the same turn. */
  beginReply(): XdrWriter
  /** The reply is complete. `dataBuffer` holds its file data; the peer gives it back when it has been sent. */
  endReply(dataBuffer: Buffer | undefined): void
  /** As if `beginReply` had not been called. */
  cancelReply(): void
}

/** "::ffff:127.0.0.1" is how an IPv6 socket shows an IPv4 client. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
