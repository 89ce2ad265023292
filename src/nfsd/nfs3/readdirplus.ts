import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import { entryplus3Bytes } from '../../protocols/nfs3/hot-entryplus3.ts'
import type { entryplus3, READDIRPLUS3args, READDIRPLUS3res } from '../../protocols/nfs3/types.ts'
import type { DirectoryEntry } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import { ENTRY_MIN_BYTES, fittingPlusEntries } from './listing-size.ts'
import { afterCookie, COOKIE_VERIFIER, entriesToAskFor, isTooSmall } from './readdir.ts'
import { handleOf, onTarget, type Target } from './target.ts'

const NO_ATTRIBUTES = { dir_attributes: undefined }

/**
 * NFSPROC3_READDIRPLUS (RFC 1813 section 3.3.17). `maxcount` limits the whole answer, `dircount` only the names,
 * numbers and cookies in it.
 */
export function readdirplus(
  call: Nfs3Call<READDIRPLUS3res>,
  args: READDIRPLUS3args,
): Awaitable<READDIRPLUS3res> {
  const { handleBytes } = call.context.handles
  const maxBytes = Math.min(args.maxcount, dataMaxBytes(call.transport))
  const limits = { maxBytes, directoryBytes: args.dircount, handleBytes }
  return onTarget(call, args.dir, NO_ATTRIBUTES, (target) => {
    const { fs, caller, node } = target
    const options = { maxEntries: entriesToAskForPlus(limits), withAttributes: true }
    return whenReady(
      fs.readdir(caller, node, afterCookie(args.cookie), options),
      (result): READDIRPLUS3res => {
        if (!result.ok) return refuse(result.status, { dir_attributes: toPostOpAttr(result.fail.attributes) })
        const { entries, eof, attributes } = result.value
        const count = fittingPlusEntries(entries, limits)
        if (isTooSmall(maxBytes, count, entries.length)) {
          return refuse('TOOSMALL', { dir_attributes: toFattr3(attributes) })
        }
        const plus = entries.slice(0, count).map((entry) => toEntryplus3(call, target, entry))
        return succeed({
          dir_attributes: toFattr3(attributes),
          cookieverf: COOKIE_VERIFIER,
          reply: { entries: plus, eof: eof && count === entries.length },
        })
      },
    )
  })
}

/** Entries without attributes are smaller, but rare: should more have fitted, the next call fetches them. */
function entriesToAskForPlus(limits: {
  readonly maxBytes: number
  readonly directoryBytes: number
  readonly handleBytes: number
}): number {
  const byAll = entriesToAskFor(limits.maxBytes, entryplus3Bytes(1, true, limits.handleBytes))
  return Math.min(byAll, Math.max(1, Math.floor(limits.directoryBytes / ENTRY_MIN_BYTES)))
}

function toEntryplus3(call: Nfs3Call<READDIRPLUS3res>, target: Target, entry: DirectoryEntry): entryplus3 {
  return {
    fileid: BigInt(entry.node),
    name: entry.name,
    cookie: BigInt(entry.cookie),
    name_attributes: toPostOpAttr(entry.attributes),
    name_handle: handleOf(call, target, entry),
  }
}
