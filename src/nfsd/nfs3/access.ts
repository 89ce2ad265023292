import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { ACCESS3args, ACCESS3res } from '../../protocols/nfs3/types.ts'
import { ACCESS_DELETE, ACCESS_EXTEND, ACCESS_MODIFY } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

const CHANGES = ACCESS_MODIFY | ACCESS_EXTEND | ACCESS_DELETE
const NO_ATTRIBUTES = { obj_attributes: undefined }

/** NFSPROC3_ACCESS (RFC 1813 section 3.3.4). What can only be refused with ROFS is not granted. */
export function access(call: Nfs3Call<ACCESS3res>, args: ACCESS3args): Awaitable<ACCESS3res> {
  return onTarget(call, args.object, NO_ATTRIBUTES, ({ fs, caller, node, served }) => {
    const wanted = served.writable ? args.access : args.access & ~CHANGES
    return whenReady(
      fs.access(caller, node, wanted),
      (result): ACCESS3res =>
        result.ok
          ? succeed({ obj_attributes: toFattr3(result.value.attributes), access: result.value.granted })
          : refuse(result.status, { obj_attributes: toPostOpAttr(result.fail.attributes) }),
    )
  })
}
