import type { Awaitable } from '../../base/awaitable.ts'
import type { diropargs3 } from '../../protocols/nfs3/basic-types.ts'
import type { REMOVE3res } from '../../protocols/nfs3/types.ts'
import type { Seal, WccResult } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { NO_WCC, toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { removalNameRefusal } from './names.ts'
import { onTarget, refuseHere, sealing, type Target } from './target.ts'

/** REMOVE and RMDIR. */
export function removeName(
  call: Nfs3Call<REMOVE3res>,
  { dir, name }: diropargs3,
  remove: (target: Target, seal: Seal<WccResult>) => Awaitable<WccResult>,
): Awaitable<REMOVE3res> {
  return onTarget(call, dir, { dir_wcc: NO_WCC }, (target) => {
    const refusal = target.served.writable ? removalNameRefusal(name) : 'ROFS'
    if (refusal !== undefined) {
      return refuseHere(target, refusal, (attributes) => ({ dir_wcc: unchangedWcc(attributes) }))
    }
    return sealing(call, toRes, (seal) => remove(target, seal))
  })
}

function toRes(result: WccResult): REMOVE3res {
  return result.ok
    ? succeed({ dir_wcc: toWccData(result.value.wcc) })
    : refuse(result.status, { dir_wcc: toWccData(result.fail.wcc) })
}
