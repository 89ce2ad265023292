import type { Awaitable } from '../../base/awaitable.ts'
import type { MKNOD3args, MKNOD3res, mknoddata3 } from '../../protocols/nfs3/types.ts'
import type { AttributeChanges } from '../../vfs/attributes.ts'
import type { SpecialNode } from '../../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import { toAttributeChanges } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { makeObject } from './make-object.ts'

/** NFSPROC3_MKNOD (RFC 1813 section 3.3.11). */
export function mknod(call: Nfs3Call<MKNOD3res>, { where, what }: MKNOD3args): Awaitable<MKNOD3res> {
  const wanted = toSpecial(what)
  return makeObject(call, where, wanted, ({ fs, caller, node }, name, { special, changes }, seal) =>
    fs.mknod(caller, node, name, special, changes, seal),
  )
}

function toSpecial(
  what: mknoddata3,
): FsResult<{ readonly special: SpecialNode; readonly changes: AttributeChanges }> {
  switch (what.type) {
    case 'NF3CHR':
    case 'NF3BLK': {
      const type = what.type === 'NF3CHR' ? 'character' : 'block'
      const { specdata1, specdata2 } = what.spec
      const changes = toAttributeChanges(what.dev_attributes)
      if (!changes.ok) return changes
      return succeed({
        special: { type, rdevMajor: specdata1, rdevMinor: specdata2 },
        changes: changes.value,
      })
    }
    case 'NF3SOCK':
    case 'NF3FIFO': {
      const changes = toAttributeChanges(what.pipe_attributes)
      if (!changes.ok) return changes
      const type = what.type === 'NF3SOCK' ? 'socket' : 'fifo'
      return succeed({ special: { type }, changes: changes.value })
    }
    default:
      return refuse('BADTYPE')
  }
}
