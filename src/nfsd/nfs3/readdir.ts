import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import { NFS3_COOKIEVERFSIZE } from '../../protocols/nfs3/basic-types.ts'
import type { entry3, READDIR3args, READDIR3res } from '../../protocols/nfs3/types.ts'
import type { DirectoryEntry } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import { ENTRY_MIN_BYTES, fittingEntries, LISTING_FIXED_BYTES } from './listing-size.ts'
import { onTarget } from './target.ts'

const NO_ATTRIBUTES = { dir_attributes: undefined }

/**
 * Cookies stay valid while the directory changes, so there is nothing to verify: the verifier is always zeros, and
 * what clients send is not looked at (they loop or give up on BAD_COOKIE).
 */
export const COOKIE_VERIFIER = new Uint8Array(NFS3_COOKIEVERFSIZE)

/** NFSPROC3_READDIR (RFC 1813 section 3.3.16). */
export function readdir(call: Nfs3Call<READDIR3res>, args: READDIR3args): Awaitable<READDIR3res> {
  const maxBytes = Math.min(args.count, dataMaxBytes(call.transport))
  return onTarget(call, args.dir, NO_ATTRIBUTES, ({ fs, caller, node }) => {
    const options = { maxEntries: entriesToAskFor(maxBytes, ENTRY_MIN_BYTES), withAttributes: false }
    return whenReady(fs.readdir(caller, node, afterCookie(args.cookie), options), (result): READDIR3res => {
      if (!result.ok) return refuse(result.status, { dir_attributes: toPostOpAttr(result.fail.attributes) })
      const { entries, eof, attributes } = result.value
      const count = fittingEntries(entries, maxBytes)
      if (isTooSmall(maxBytes, count, entries.length)) {
        return refuse('TOOSMALL', { dir_attributes: toFattr3(attributes) })
      }
      return succeed({
        dir_attributes: toFattr3(attributes),
        cookieverf: COOKIE_VERIFIER,
        reply: { entries: entries.slice(0, count).map(toEntry3), eof: eof && count === entries.length },
      })
    })
  })
}

function toEntry3({ node, name, cookie }: DirectoryEntry): entry3 {
  return { fileid: BigInt(node), name, cookie: BigInt(cookie) }
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
