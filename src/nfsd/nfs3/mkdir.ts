import type { Awaitable } from '../../base/awaitable.ts'
import type { MKDIR3args, MKDIR3res } from '../../protocols/nfs3/types.ts'
import { toAttributeChanges } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { makeObject } from './make-object.ts'

/** NFSPROC3_MKDIR (RFC 1813 section 3.3.9). */
export function mkdir(call: Nfs3Call<MKDIR3res>, { where, attributes }: MKDIR3args): Awaitable<MKDIR3res> {
  const wanted = toAttributeChanges(attributes)
  return makeObject(call, where, wanted, ({ fs, caller, node }, name, changes, seal) =>
    fs.mkdir(caller, node, name, changes, seal),
  )
}
