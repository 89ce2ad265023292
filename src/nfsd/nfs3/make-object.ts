import type { Awaitable } from '../../base/awaitable.ts'
import { ownBytes } from '../../base/bytes.ts'
import type { diropargs3 } from '../../protocols/nfs3/basic-types.ts'
import type { CREATE3res } from '../../protocols/nfs3/types.ts'
import type { CreateResult, FileName, Seal } from '../../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import { NO_WCC, toFattr3, toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { newNameRefusal } from './names.ts'
import { handleOf, onTarget, refuseHere, sealing, type Target } from './target.ts'

/**
 * CREATE, MKDIR, SYMLINK and MKNOD: a new name in a directory, answered with the object's handle. `wanted` is what
 * the arguments ask for, or why that is impossible. The name is copied: what the file system keeps must not point
 * into the receive buffer.
 */
export function makeObject<Wanted>(
  call: Nfs3Call<CREATE3res>,
  where: diropargs3,
  wanted: FsResult<Wanted>,
  make: (target: Target, name: FileName, wanted: Wanted, seal: Seal<CreateResult>) => Awaitable<CreateResult>,
): Awaitable<CREATE3res> {
  return onTarget(call, where.dir, { dir_wcc: NO_WCC }, (target) => {
    const refusal = target.served.writable ? newNameRefusal(where.name) : 'ROFS'
    if (refusal !== undefined || !wanted.ok) {
      const status = refusal ?? (wanted.ok ? 'INVAL' : wanted.status)
      return refuseHere(target, status, (attributes) => ({ dir_wcc: unchangedWcc(attributes) }))
    }
    const toRes = (result: CreateResult): CREATE3res => toCreate3res(call, target, result)
    return sealing(call, toRes, (seal) => make(target, ownBytes(where.name), wanted.value, seal))
  })
}

function toCreate3res(call: Nfs3Call<CREATE3res>, target: Target, result: CreateResult): CREATE3res {
  if (!result.ok) return refuse(result.status, { dir_wcc: toWccData(result.fail.wcc) })
  const { object, wcc } = result.value
  return succeed({
    obj: handleOf(call, target, object),
    obj_attributes: toFattr3(object.attributes),
    dir_wcc: toWccData(wcc),
  })
}
