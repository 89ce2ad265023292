import { procedure } from '../../oncrpc/procedure.ts'
import { bool, nothing, uint32 } from '../../xdr/codec.ts'
import { mapping, pmaplist } from './types.ts'

export const PORTMAP2_PROGRAM = 100000
export const PORTMAP2_VERSION = 2

/**
 * RFC 1833 section 3.2, without CALLIT: a server that forwards calls on behalf of strangers is a reflector, and no
 * NFS client needs it.
 */
export const PORTMAP2_PROCEDURES = {
  NULL: procedure(0, nothing, nothing, { idempotent: true, mutates: false }),
  SET: procedure(1, mapping, bool, { idempotent: true, mutates: true }),
  UNSET: procedure(2, mapping, bool, { idempotent: true, mutates: true }),
  /** The port, or 0 when the program is not registered. */
  GETPORT: procedure(3, mapping, uint32, { idempotent: true, mutates: false }),
  DUMP: procedure(4, nothing, pmaplist, { idempotent: true, mutates: false }),
} as const
