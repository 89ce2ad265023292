import type { RpcTransport } from '../../oncrpc/procedure.ts'
import { NFS3_DATA_MAX_BYTES } from '../../protocols/nfs3/types.ts'

/** Most file data in one call over UDP: a datagram ends at 64 KiB, and a lost fragment loses all of it. */
export const UDP_DATA_MAX_BYTES = 32 * 1024

/** Most bytes of file data, or of a directory listing, in one call. What FSINFO says as rtmax and wtmax. */
export function dataMaxBytes(transport: RpcTransport): number {
  return transport === 'udp' ? UDP_DATA_MAX_BYTES : NFS3_DATA_MAX_BYTES
}
