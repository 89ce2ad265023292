import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { COMMIT3args, COMMIT3res } from '../../protocols/nfs3/types.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { NO_WCC, toWccData } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget } from './target.ts'

/**
 * NFSPROC3_COMMIT (RFC 1813 section 3.3.21). The whole file is committed, whatever the range. The verifier is read
 * after the work: if unstable data was lost until now, the client must see another one than its WRITEs got.
 */
export function commit(call: Nfs3Call<COMMIT3res>, args: COMMIT3args): Awaitable<COMMIT3res> {
  return onTarget(call, args.file, { file_wcc: NO_WCC }, ({ fs, caller, node }) =>
    whenReady(
      fs.commit(caller, node),
      (result): COMMIT3res =>
        result.ok
          ? succeed({ file_wcc: toWccData(result.value.wcc), verf: fs.writeVerifier })
          : refuse(result.status, { file_wcc: toWccData(result.fail.wcc) }),
    ),
  )
}
