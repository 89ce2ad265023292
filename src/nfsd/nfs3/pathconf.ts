import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { PATHCONF3args, PATHCONF3res } from '../../protocols/nfs3/types.ts'
import { FILE_NAME_MAX_BYTES, LINK_MAX } from '../../vfs/attributes.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3 } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

const NO_ATTRIBUTES = { obj_attributes: undefined }

/** NFSPROC3_PATHCONF (RFC 1813 section 3.3.20): names that are too long are refused, and only root gives away. */
export function pathconf(call: Nfs3Call<PATHCONF3res>, args: PATHCONF3args): Awaitable<PATHCONF3res> {
  return onTarget(call, args.object, NO_ATTRIBUTES, ({ fs, caller, node }) =>
    whenReady(fs.getattr(caller, node), (result): PATHCONF3res => {
      if (!result.ok) return refuse(result.status, NO_ATTRIBUTES)
      return succeed({
        obj_attributes: toFattr3(result.value),
        linkmax: LINK_MAX,
        name_max: FILE_NAME_MAX_BYTES,
        no_trunc: true,
        chown_restricted: true,
        case_insensitive: false,
        case_preserving: true,
      })
    }),
  )
}
