import { type Handlers, type ProgramVersion, serveProgram } from '../../oncrpc/procedure.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM, MOUNT3_VERSION } from '../../protocols/mount3/procedures.ts'
import type { exports, mountlist } from '../../protocols/mount3/types.ts'
import type { Mount3Call, Mount3Context } from './call.ts'
import { mnt } from './mnt.ts'
import { joinNames, pathNames } from './mount-path.ts'

/** RFC 1813 section 5.2. Leave a procedure out and this file does not compile. */
const HANDLERS: Handlers<Mount3Context, typeof MOUNT3_PROCEDURES> = {
  NULL: () => undefined,
  MNT: mnt,
  DUMP: dump,
  UMNT: umnt,
  UMNTALL: umntall,
  EXPORT: listExports,
}

function dump({ context }: Mount3Call<mountlist>): mountlist {
  return context.mounts
    .list()
    .map(({ address, path }) => ({ ml_hostname: Buffer.from(address), ml_directory: path }))
}

function umnt({ context, address }: Mount3Call<undefined>, path: Uint8Array): undefined {
  context.mounts.remove(address, joinNames(pathNames(path)))
}

function umntall({ context, address }: Mount3Call<undefined>): undefined {
  context.mounts.removeAll(address)
}

/** The allow list stands where `showmount -e` shows who may mount. */
function listExports({ context }: Mount3Call<exports>): exports {
  return context.exports.list().map(({ path, allow }) => ({
    ex_dir: path,
    ex_groups: allow.rules.map((rule) => Buffer.from(rule)),
  }))
}

/** MOUNT version 3 over the exports of the context, for an RPC server. */
export function mount3Program(context: Mount3Context): ProgramVersion {
  return serveProgram({
    program: MOUNT3_PROGRAM,
    version: MOUNT3_VERSION,
    table: MOUNT3_PROCEDURES,
    handlers: HANDLERS,
    context,
  })
}
