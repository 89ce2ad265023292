import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { GETATTR3args, GETATTR3res } from '../../protocols/nfs3/types.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3 } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

/** NFSPROC3_GETATTR (RFC 1813 section 3.3.1). */
export function getattr(call: Nfs3Call<GETATTR3res>, args: GETATTR3args): Awaitable<GETATTR3res> {
  return onTarget(call, args.object, undefined, ({ fs, caller, node }) =>
    whenReady(fs.getattr(caller, node), (result) =>
      result.ok ? succeed({ obj_attributes: toFattr3(result.value) }) : refuse(result.status),
    ),
  )
}
