import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { READDIR3args, READDIR3resfail } from '../../protocols/nfs3/types.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import { toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import type { Listing } from './listing-codec.ts'
import { ENTRY_MIN_BYTES, fittingEntries, LISTING_FIXED_BYTES } from './listing-size.ts'
import { onTarget } from './target.ts'

export type ReaddirRes = FsResult<Listing, READDIR3resfail>

const NO_ATTRIBUTES = { dir_attributes: undefined }

/**
 * NFSPROC3_READDIR (RFC 1813 section 3.3.16). The cookie verifier is not looked at: clients loop or give up on
 * BAD_COOKIE, and our cookies are good for ever.
 */
export function readdir(call: Nfs3Call<ReaddirRes>, args: READDIR3args): Awaitable<ReaddirRes> {
  const maxBytes = Math.min(args.count, dataMaxBytes(call.transport))
  return onTarget(call, args.dir, NO_ATTRIBUTES, ({ fs, caller, node }) => {
    const maxEntries = entriesToAskFor(maxBytes, ENTRY_MIN_BYTES)
    const options = { maxEntries, withAttributes: false }
    return whenReady(fs.readdir(caller, node, afterCookie(args.cookie), options), (result): ReaddirRes => {
      if (!result.ok) return refuse(result.status, { dir_attributes: toPostOpAttr(result.fail.attributes) })
      const { entries, eof, attributes } = result.value
      const count = fittingEntries(entries, maxBytes)
      if (isTooSmall(maxBytes, count, entries.length)) {
        return refuse('TOOSMALL', { dir_attributes: toPostOpAttr(attributes) })
      }
      const all = count === entries.length
      return succeed({
        directory: attributes,
        entries: all ? entries : entries.slice(0, count),
        eof: eof && all,
      })
    })
  })
}

/** As many as can fit, at least one: it is the file system that knows whether there are any. */
export function entriesToAskFor(maxBytes: number, bytesPerEntry: number): number {
  return Math.max(1, Math.floor((maxBytes - LISTING_FIXED_BYTES) / bytesPerEntry))
}

/** Not even an empty listing fits, or there are entries and not one of them does. */
export function isTooSmall(maxBytes: number, fitting: number, atHand: number): boolean {
  return maxBytes < LISTING_FIXED_BYTES || (fitting === 0 && atHand > 0)
}

/** Cookies of ours are exact numbers; what no number can be is beyond the last of them. */
export function afterCookie(cookie: bigint): number {
  return Math.min(Number(cookie), Number.MAX_SAFE_INTEGER)
}
