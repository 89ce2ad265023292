import { procedure } from '../../oncrpc/procedure.ts'
import { nothing } from '../../xdr/codec.ts'
import { dirpath, exports, mountlist, mountres3 } from './types.ts'

export const MOUNT3_PROGRAM = 100005
export const MOUNT3_VERSION = 3

/** RFC 1813 section 5.2. The list of mounts is advice only, so every call may be resent. */
export const MOUNT3_PROCEDURES = {
  NULL: procedure(0, nothing, nothing, { idempotent: true, mutates: false }),
  MNT: procedure(1, dirpath, mountres3, { idempotent: true, mutates: false }),
  DUMP: procedure(2, nothing, mountlist, { idempotent: true, mutates: false }),
  UMNT: procedure(3, dirpath, nothing, { idempotent: true, mutates: false }),
  UMNTALL: procedure(4, nothing, nothing, { idempotent: true, mutates: false }),
  EXPORT: procedure(5, nothing, exports, { idempotent: true, mutates: false }),
} as const
