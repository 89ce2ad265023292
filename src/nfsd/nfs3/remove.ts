import type { Awaitable } from '../../base/awaitable.ts'
import type { REMOVE3args, REMOVE3res } from '../../protocols/nfs3/types.ts'
import type { Nfs3Call } from './call.ts'
import { removeName } from './remove-name.ts'

/** NFSPROC3_REMOVE (RFC 1813 section 3.3.12). */
export function remove(call: Nfs3Call<REMOVE3res>, { object }: REMOVE3args): Awaitable<REMOVE3res> {
  return removeName(call, object, ({ fs, caller, node }, seal) => fs.remove(caller, node, object.name, seal))
}
