import type { Awaitable } from '../../base/awaitable.ts'
import { ownBytes } from '../../base/bytes.ts'
import type { CREATE3args, CREATE3res, createhow3 } from '../../protocols/nfs3/types.ts'
import type { CreateHow } from '../../vfs/file-system.ts'
import { type FsResult, succeed } from '../../vfs/result.ts'
import { toAttributeChanges } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { makeObject } from './make-object.ts'

/** NFSPROC3_CREATE (RFC 1813 section 3.3.8). */
export function create(call: Nfs3Call<CREATE3res>, { where, how }: CREATE3args): Awaitable<CREATE3res> {
  return makeObject(call, where, toCreateHow(how), ({ fs, caller, node }, name, wanted, seal) =>
    fs.create(caller, node, name, wanted, seal),
  )
}

function toCreateHow(how: createhow3): FsResult<CreateHow> {
  if (how.mode === 'EXCLUSIVE') return succeed({ mode: 'exclusive', verifier: ownBytes(how.verf) })
  const changes = toAttributeChanges(how.obj_attributes)
  if (!changes.ok) return changes
  return succeed({ mode: how.mode === 'GUARDED' ? 'guarded' : 'unchecked', changes: changes.value })
}
