import { linkedList, struct, uint32, type XdrValue } from '../../xdr/codec.ts'

// The types of the port mapper, version 2 (RFC 1833 section 3.1), with its names.

export const PMAP_PORT = 111
/** Values of mapping.prot. */
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17

export const mapping = struct({ prog: uint32, vers: uint32, prot: uint32, port: uint32 })
export type mapping = XdrValue<typeof mapping>

export const pmaplist = linkedList(mapping)
export type pmaplist = XdrValue<typeof pmaplist>
