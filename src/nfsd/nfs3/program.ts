import { type Handlers, type ProgramVersion, serveProgram } from '../../oncrpc/procedure.ts'
import { NFS3_PROCEDURES, NFS3_PROGRAM, NFS3_VERSION } from '../../protocols/nfs3/procedures.ts'
import { access } from './access.ts'
import type { Nfs3Context } from './call.ts'
import { commit } from './commit.ts'
import { create } from './create.ts'
import { fsinfo } from './fsinfo.ts'
import { fsstat } from './fsstat.ts'
import { getattr } from './getattr.ts'
import { link } from './link.ts'
import { lookup } from './lookup.ts'
import { mkdir } from './mkdir.ts'
import { mknod } from './mknod.ts'
import { nullProcedure } from './null.ts'
import { pathconf } from './pathconf.ts'
import { read } from './read.ts'
import { readdir } from './readdir.ts'
import { readdirplus } from './readdirplus.ts'
import { readlink } from './readlink.ts'
import { remove } from './remove.ts'
import { rename } from './rename.ts'
import { rmdir } from './rmdir.ts'
import { setattr } from './setattr.ts'
import { symlink } from './symlink.ts'
import { write } from './write.ts'

/** Leave a procedure out and this file does not compile. */
const HANDLERS: Handlers<Nfs3Context, typeof NFS3_PROCEDURES> = {
  NULL: nullProcedure,
  GETATTR: getattr,
  SETATTR: setattr,
  LOOKUP: lookup,
  ACCESS: access,
  READLINK: readlink,
  READ: read,
  WRITE: write,
  CREATE: create,
  MKDIR: mkdir,
  SYMLINK: symlink,
  MKNOD: mknod,
  REMOVE: remove,
  RMDIR: rmdir,
  RENAME: rename,
  LINK: link,
  READDIR: readdir,
  READDIRPLUS: readdirplus,
  FSSTAT: fsstat,
  FSINFO: fsinfo,
  PATHCONF: pathconf,
  COMMIT: commit,
}

/** NFSv3 over the exports of the context, for an RPC server. */
export function nfs3Program(context: Nfs3Context): ProgramVersion {
  return serveProgram({
    program: NFS3_PROGRAM,
    version: NFS3_VERSION,
    table: NFS3_PROCEDURES,
    handlers: HANDLERS,
    context,
  })
}
