import { entryplus3Bytes } from '../../protocols/nfs3/hot-entryplus3.ts'
import { FATTR3_BYTES } from '../../protocols/nfs3/hot-fattr3.ts'
import type { DirectoryEntry } from '../../vfs/file-system.ts'
import { paddedBytes } from '../../xdr/reader.ts'

// How many bytes the parts of READDIR3resok and READDIRPLUS3resok take (RFC 1813 sections 3.3.16 and 3.3.17, sizes
// by RFC 4506). The clients' limits count exactly these.

/** dir_attributes with its flag, cookieverf, the FALSE that ends the list, eof. */
export const LISTING_FIXED_BYTES = 4 + FATTR3_BYTES + 8 + 4 + 4
/** The TRUE before an entry, fileid, the length of the name, cookie. */
const ENTRY_FIXED_BYTES = 4 + 8 + 4 + 8
/** An entry with the shortest name. */
export const ENTRY_MIN_BYTES = ENTRY_FIXED_BYTES + 4

/** One entry3 of READDIR, and what of an entryplus3 counts as directory information. */
export function entryBytes(entry: DirectoryEntry): number {
  return ENTRY_FIXED_BYTES + paddedBytes(entry.name.length)
}

/** How many entries, from the first on, fit into `maxBytes` of READDIR3resok. */
export function fittingEntries(entries: readonly DirectoryEntry[], maxBytes: number): number {
  let leftBytes = maxBytes - LISTING_FIXED_BYTES
  let count = 0
  for (const entry of entries) {
    leftBytes -= entryBytes(entry)
    if (leftBytes < 0) break
    count += 1
  }
  return count
}

export interface PlusLimits {
  /** Of the whole READDIRPLUS3resok. */
  readonly maxBytes: number
  /** Of names, fileids and cookies alone: the client wants no more entries than would fill this by READDIR. */
  readonly directoryBytes: number
  readonly handleBytes: number
}

/**
 * How many entries, from the first on, fit into READDIRPLUS3resok. A `directoryBytes` that is too small for one
 * entry still gives one: a listing must go on, and only `maxBytes` is a buffer that could overflow.
 */
export function fittingPlusEntries(entries: readonly DirectoryEntry[], limits: PlusLimits): number {
  let leftBytes = limits.maxBytes - LISTING_FIXED_BYTES
  let leftDirectoryBytes = limits.directoryBytes
  let count = 0
  for (const entry of entries) {
    leftBytes -= entryplus3Bytes(entry.name.length, entry.attributes !== undefined, limits.handleBytes)
    leftDirectoryBytes -= entryBytes(entry)
    if (leftBytes < 0 || (leftDirectoryBytes < 0 && count > 0)) break
    count += 1
  }
  return count
}
