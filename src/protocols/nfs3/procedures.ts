import { procedure } from '../../oncrpc/procedure.ts'
import type { FsResult } from '../../vfs/result.ts'
import { nothing } from '../../xdr/codec.ts'
import * as t from './types.ts'

export const NFS3_PROGRAM = 100003
export const NFS3_VERSION = 3

const isFinal = (result: FsResult<unknown, unknown>) => result.ok || result.status !== 'JUKEBOX'
const ONCE = { idempotent: false, mutates: true, isFinal } as const

/** RFC 1813 section 3.3. What may be resent without harm is idempotent; what changes the file system mutates. */
export const NFS3_PROCEDURES = {
  NULL: procedure(0, nothing, nothing, { idempotent: true, mutates: false }),
  GETATTR: procedure(1, t.GETATTR3args, t.GETATTR3res, { idempotent: true, mutates: false }),
  // Not idempotent: with a guard the second time finds another ctime and says NOT_SYNC.
  SETATTR: procedure(2, t.SETATTR3args, t.SETATTR3res, ONCE),
  LOOKUP: procedure(3, t.LOOKUP3args, t.LOOKUP3res, { idempotent: true, mutates: false }),
  ACCESS: procedure(4, t.ACCESS3args, t.ACCESS3res, { idempotent: true, mutates: false }),
  READLINK: procedure(5, t.READLINK3args, t.READLINK3res, { idempotent: true, mutates: false }),
  READ: procedure(6, t.READ3args, t.READ3res, { idempotent: true, mutates: false }),
  WRITE: procedure(7, t.WRITE3args, t.WRITE3res, { idempotent: true, mutates: true }),
  CREATE: procedure(8, t.CREATE3args, t.CREATE3res, ONCE),
  MKDIR: procedure(9, t.MKDIR3args, t.MKDIR3res, ONCE),
  SYMLINK: procedure(10, t.SYMLINK3args, t.SYMLINK3res, ONCE),
  MKNOD: procedure(11, t.MKNOD3args, t.MKNOD3res, ONCE),
  REMOVE: procedure(12, t.REMOVE3args, t.REMOVE3res, ONCE),
  RMDIR: procedure(13, t.RMDIR3args, t.RMDIR3res, ONCE),
  RENAME: procedure(14, t.RENAME3args, t.RENAME3res, ONCE),
  LINK: procedure(15, t.LINK3args, t.LINK3res, ONCE),
  READDIR: procedure(16, t.READDIR3args, t.READDIR3res, { idempotent: true, mutates: false }),
  READDIRPLUS: procedure(17, t.READDIRPLUS3args, t.READDIRPLUS3res, { idempotent: true, mutates: false }),
  FSSTAT: procedure(18, t.FSSTAT3args, t.FSSTAT3res, { idempotent: true, mutates: false }),
  FSINFO: procedure(19, t.FSINFO3args, t.FSINFO3res, { idempotent: true, mutates: false }),
  PATHCONF: procedure(20, t.PATHCONF3args, t.PATHCONF3res, { idempotent: true, mutates: false }),
  // Not a mutation: on a read-only file system everything is committed already.
  COMMIT: procedure(21, t.COMMIT3args, t.COMMIT3res, { idempotent: true, mutates: false }),
} as const
