import type { Awaitable } from '../../base/awaitable.ts'
import type { SETATTR3args, SETATTR3res } from '../../protocols/nfs3/types.ts'
import type { WccResult } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { NO_WCC, toAttributeChanges, toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget, refuseHere, sealing } from './target.ts'

/** NFSPROC3_SETATTR (RFC 1813 section 3.3.2). */
export function setattr(call: Nfs3Call<SETATTR3res>, args: SETATTR3args): Awaitable<SETATTR3res> {
  return onTarget(call, args.object, { obj_wcc: NO_WCC }, (target) => {
    const changes = toAttributeChanges(args.new_attributes)
    const refusal = !target.served.writable ? 'ROFS' : changes.ok ? undefined : changes.status
    if (refusal !== undefined || !changes.ok) {
      return refuseHere(target, refusal ?? 'INVAL', (attributes) => ({ obj_wcc: unchangedWcc(attributes) }))
    }
    const { fs, caller, node } = target
    return sealing(call, toRes, (seal) => fs.setattr(caller, node, changes.value, args.guard, seal))
  })
}

function toRes(result: WccResult): SETATTR3res {
  return result.ok
    ? succeed({ obj_wcc: toWccData(result.value.wcc) })
    : refuse(result.status, { obj_wcc: toWccData(result.fail.wcc) })
}
