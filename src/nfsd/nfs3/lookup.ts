import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { LOOKUP3args, LOOKUP3res } from '../../protocols/nfs3/types.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { lookupNameRefusal } from './names.ts'
import { handleOf, onTarget, refuseHere } from './target.ts'

const NO_ATTRIBUTES = { dir_attributes: undefined }

/** NFSPROC3_LOOKUP (RFC 1813 section 3.3.3). */
export function lookup(call: Nfs3Call<LOOKUP3res>, { what }: LOOKUP3args): Awaitable<LOOKUP3res> {
  return onTarget(call, what.dir, NO_ATTRIBUTES, (target) => {
    const refusal = lookupNameRefusal(what.name)
    if (refusal !== undefined) {
      return refuseHere(target, refusal, (attributes) => ({ dir_attributes: toPostOpAttr(attributes) }))
    }
    const { fs, caller, node } = target
    return whenReady(fs.lookup(caller, node, what.name), (result): LOOKUP3res => {
      if (!result.ok) return refuse(result.status, { dir_attributes: toPostOpAttr(result.fail.attributes) })
      const { object, directory } = result.value
      return succeed({
        object: handleOf(call, target, object),
        obj_attributes: toFattr3(object.attributes),
        dir_attributes: toFattr3(directory),
      })
    })
  })
}
