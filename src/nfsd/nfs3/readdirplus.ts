import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { READDIRPLUS3args, READDIRPLUS3resfail } from '../../protocols/nfs3/types.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import { toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import type { ListingPlus } from './listing-codec.ts'
import { ENTRY_MIN_BYTES, FATTR3_BYTES, fittingPlusEntries } from './listing-size.ts'
import { afterCookie, entriesToAskFor, isTooSmall } from './readdir.ts'
import { onTarget } from './target.ts'

export type ReaddirplusRes = FsResult<ListingPlus, READDIRPLUS3resfail>

const NO_ATTRIBUTES = { dir_attributes: undefined }

/**
 * NFSPROC3_READDIRPLUS (RFC 1813 section 3.3.17). `maxcount` limits the whole answer, `dircount` only the names,
 * numbers and cookies in it. As with READDIR, the cookie verifier is not looked at.
 */
export function readdirplus(
  call: Nfs3Call<ReaddirplusRes>,
  args: READDIRPLUS3args,
): Awaitable<ReaddirplusRes> {
  const { handles } = call.context
  const maxBytes = Math.min(args.maxcount, dataMaxBytes(call.transport))
  const limits = { maxBytes, directoryBytes: args.dircount, handleBytes: handles.handleBytes }
  return onTarget(call, args.dir, NO_ATTRIBUTES, ({ fs, caller, node, served }) => {
    // Entries without attributes are smaller, but rare: the next call fetches what is left out.
    const plusBytes = ENTRY_MIN_BYTES + 4 + FATTR3_BYTES + 8 + handles.handleBytes
    const maxEntries = Math.min(
      entriesToAskFor(maxBytes, plusBytes),
      Math.max(1, Math.floor(args.dircount / ENTRY_MIN_BYTES)),
    )
    const options = { maxEntries, withAttributes: true }
    return whenReady(
      fs.readdir(caller, node, afterCookie(args.cookie), options),
      (result): ReaddirplusRes => {
        if (!result.ok) return refuse(result.status, { dir_attributes: toPostOpAttr(result.fail.attributes) })
        const { entries, eof, attributes } = result.value
        const count = fittingPlusEntries(entries, limits)
        if (isTooSmall(maxBytes, count, entries.length)) {
          return refuse('TOOSMALL', { dir_attributes: toPostOpAttr(attributes) })
        }
        const all = count === entries.length
        return succeed({
          directory: attributes,
          entries: all ? entries : entries.slice(0, count),
          eof: eof && all,
          view: served.view,
          handles,
        })
      },
    )
  })
}
