import type { Attributes } from '../vfs/attributes.ts'
import type { Caller } from '../vfs/file-system.ts'

/** The bits of one rwx triple. There is no write: nothing here can be written. */
export const MAY_READ = 4
export const MAY_EXECUTE = 1

const ROOT_UID = 0
const ANY_EXECUTE = 0o111

/** Does the mode grant all of `wanted`? As Linux does: one triple decides, the owner's before the group's. */
export function mayDo(caller: Caller, attributes: Attributes, wanted: number): boolean {
  const { mode, type } = attributes
  if (caller.uid === ROOT_UID) {
    // CAP_DAC_OVERRIDE runs a file only if somebody may.
    return (wanted & MAY_EXECUTE) === 0 || type === 'directory' || (mode & ANY_EXECUTE) !== 0
  }
  const shift = caller.uid === attributes.uid ? 6 : isInGroup(caller, attributes.gid) ? 3 : 0
  return ((mode >> shift) & wanted) === wanted
}

/**
 * READ: NFS has no open, so a server cannot tell a read through a descriptor from a new one. Therefore the owner may
 * always read his file (he may have opened it before he took the bit away), and who may execute a file may read it
 * (the pages of a program come through READ). knfsd: NFSD_MAY_OWNER_OVERRIDE, NFSD_MAY_READ_IF_EXEC.
 */
export function mayReadData(caller: Caller, attributes: Attributes): boolean {
  if (caller.uid === attributes.uid) return true
  return mayDo(caller, attributes, MAY_READ) || mayDo(caller, attributes, MAY_EXECUTE)
}

function isInGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid)
}
