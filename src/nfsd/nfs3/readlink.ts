import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { READLINK3args, READLINK3res } from '../../protocols/nfs3/types.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

const NO_ATTRIBUTES = { symlink_attributes: undefined }

/** NFSPROC3_READLINK (RFC 1813 section 3.3.5). */
export function readlink(call: Nfs3Call<READLINK3res>, args: READLINK3args): Awaitable<READLINK3res> {
  return onTarget(call, args.symlink, NO_ATTRIBUTES, ({ fs, caller, node }) =>
    whenReady(
      fs.readlink(caller, node),
      (result): READLINK3res =>
        result.ok
          ? succeed({ symlink_attributes: toFattr3(result.value.attributes), data: result.value.target })
          : refuse(result.status, { symlink_attributes: toPostOpAttr(result.fail.attributes) }),
    ),
  )
}
