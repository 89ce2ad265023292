import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { FSSTAT3args, FSSTAT3res } from '../../protocols/nfs3/types.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

const NO_ATTRIBUTES = { obj_attributes: undefined }

/** NFSPROC3_FSSTAT (RFC 1813 section 3.3.18). Other clients share the space, so the figures last no time at all. */
export function fsstat(call: Nfs3Call<FSSTAT3res>, args: FSSTAT3args): Awaitable<FSSTAT3res> {
  return onTarget(call, args.fsroot, NO_ATTRIBUTES, ({ fs, caller, node }) =>
    whenReady(fs.fsstat(caller, node), (result): FSSTAT3res => {
      if (!result.ok) return refuse(result.status, { obj_attributes: toPostOpAttr(result.fail.attributes) })
      const { space, attributes } = result.value
      return succeed({
        obj_attributes: toFattr3(attributes),
        tbytes: space.totalBytes,
        fbytes: space.freeBytes,
        abytes: space.availableBytes,
        tfiles: space.totalFiles,
        ffiles: space.freeFiles,
        afiles: space.availableFiles,
        invarsec: 0,
      })
    }),
  )
}
