import type { Awaitable } from '../../base/awaitable.ts'
import type { RMDIR3args, RMDIR3res } from '../../protocols/nfs3/types.ts'
import type { Nfs3Call } from './call.ts'
import { removeName } from './remove-name.ts'

/** NFSPROC3_RMDIR (RFC 1813 section 3.3.13). */
export function rmdir(call: Nfs3Call<RMDIR3res>, { object }: RMDIR3args): Awaitable<RMDIR3res> {
  return removeName(call, object, ({ fs, caller, node }, seal) => fs.rmdir(caller, node, object.name, seal))
}
