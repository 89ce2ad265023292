import type { Awaitable } from '../../base/awaitable.ts'
import { ownBytes } from '../../base/bytes.ts'
import type { SYMLINK3args, SYMLINK3res, symlinkdata3 } from '../../protocols/nfs3/types.ts'
import { type AttributeChanges, SYMLINK_MAX_BYTES } from '../../vfs/attributes.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import { toAttributeChanges } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { makeObject } from './make-object.ts'

/** NFSPROC3_SYMLINK (RFC 1813 section 3.3.10). */
export function symlink(call: Nfs3Call<SYMLINK3res>, args: SYMLINK3args): Awaitable<SYMLINK3res> {
  const wanted = toLink(args.symlink)
  return makeObject(call, args.where, wanted, ({ fs, caller, node }, name, { text, changes }, seal) =>
    fs.symlink(caller, node, name, text, changes, seal),
  )
}

/** Any text of 1 to SYMLINK_MAX_BYTES is a link's, but no path has a NUL. */
function toLink({
  symlink_attributes,
  symlink_data,
}: symlinkdata3): FsResult<{ readonly text: Uint8Array; readonly changes: AttributeChanges }> {
  if (symlink_data.length > SYMLINK_MAX_BYTES) return refuse('NAMETOOLONG')
  if (symlink_data.length === 0 || symlink_data.includes(0)) return refuse('INVAL')
  const changes = toAttributeChanges(symlink_attributes)
  return changes.ok ? succeed({ text: ownBytes(symlink_data), changes: changes.value }) : changes
}
