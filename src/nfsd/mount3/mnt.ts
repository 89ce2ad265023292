import { type Awaitable, isPromise, whenReady } from '../../base/awaitable.ts'
import { AUTH_NONE, AUTH_SYS } from '../../oncrpc/auth-sys.ts'
import { MOUNTSTAT3, type MountStatus, type mountres3 } from '../../protocols/mount3/types.ts'
import { statusOfFault } from '../../vfs/faults.ts'
import type { Caller, NodeId } from '../../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import type { FsStatus } from '../../vfs/status.ts'
import type { Export, ExportTable } from '../exports.ts'
import { lookupNameRefusal } from '../nfs3/names.ts'
import type { Mount3Call } from './call.ts'
import { joinNames, pathNames } from './mount-path.ts'

/** AUTH_SYS first: clients take the first that they know. */
const AUTH_FLAVORS = [AUTH_SYS, AUTH_NONE]

/** Names of a path below an export that MNT follows. */
export const MOUNT_DEPTH_MAX = 64

interface FoundExport {
  readonly served: Export
  /** What comes after the export in the path. */
  readonly below: readonly Uint8Array[]
}

/**
 * MOUNTPROC3_MNT (RFC 1813 section 5.2.1). A directory inside an export can be mounted too. The walk to it is the
 * server's own, so it is made as root: the client could not list or search what it mounts otherwise.
 */
export function mnt(call: Mount3Call<mountres3>, path: Uint8Array): Awaitable<mountres3> {
  const names = pathNames(path)
  const found = findExport(call.context.exports, names)
  if (found === undefined) return refuseMount('NOENT')
  if (!found.served.admits(call)) return refuseMount('ACCES')
  if (found.below.length > MOUNT_DEPTH_MAX) return refuseMount('NAMETOOLONG')
  try {
    const walked = walk(found, { uid: 0, gid: 0, gids: [], address: call.address })
    const answer = whenReady(walked, (result) => toMountres3(call, found.served, names, result))
    return isPromise(answer) ? answer.catch(refusalOfFault) : answer
  } catch (error) {
    return refusalOfFault(error)
  }
}

/** The export with the longest path that the names begin with. */
function findExport(exports: ExportTable, names: readonly Uint8Array[]): FoundExport | undefined {
  for (let count = names.length; count > 0; count -= 1) {
    const served = exports.byPath(joinNames(names.slice(0, count)))
    if (served !== undefined) return { served, below: names.slice(count) }
  }
  return undefined
}

interface MountPoint {
  readonly node: NodeId
  readonly generation: number
}

function walk({ served, below }: FoundExport, caller: Caller): Awaitable<FsResult<MountPoint>> {
  const { fileSystem } = served
  const root = { node: fileSystem.root, generation: fileSystem.generationOf(fileSystem.root) }
  return below.length === 0 ? succeed(root) : walkDown(served, caller, root, below)
}

async function walkDown(
  { fileSystem }: Export,
  caller: Caller,
  root: MountPoint,
  names: readonly Uint8Array[],
): Promise<FsResult<MountPoint>> {
  let point = root
  for (const name of names) {
    const refusal = lookupNameRefusal(name)
    if (refusal !== undefined) return refuse(refusal)
    const found = await fileSystem.lookup(caller, point.node, name)
    if (!found.ok) return refuse(found.status)
    const { node, generation, attributes } = found.value.object
    if (attributes.type !== 'directory') return refuse('NOTDIR')
    point = { node, generation }
  }
  return succeed(point)
}

function toMountres3(
  { context, address }: Mount3Call<mountres3>,
  served: Export,
  names: readonly Uint8Array[],
  result: FsResult<MountPoint>,
): mountres3 {
  if (!result.ok) return refuseMount(result.status)
  context.mounts.add(address, joinNames(names))
  const { node, generation } = result.value
  const fhandle = context.handles.encode({ view: served.view, node, generation })
  return succeed({ fhandle, auth_flavors: AUTH_FLAVORS })
}

function refusalOfFault(error: unknown): mountres3 {
  return refuseMount(statusOfFault(error))
}

/** MOUNT has few statuses: what it has no name for (JUKEBOX) is SERVERFAULT. */
function refuseMount(status: FsStatus): mountres3 {
  const mountStatus = status in MOUNTSTAT3 ? (status as MountStatus) : 'SERVERFAULT'
  return { ok: false, status: mountStatus, fail: undefined }
}
