import { AssertionError } from '../../base/assert.ts'
import { fattr3, post_op_attr } from '../../protocols/nfs3/basic-types.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import type { DirectoryEntry } from '../../vfs/file-system.ts'
import type { XdrCodec } from '../../xdr/codec.ts'
import type { XdrWriter } from '../../xdr/writer.ts'
import type { HandleCoder } from '../handle-coder.ts'
import { toFattr3 } from './attributes.ts'

/** READDIR3resok and READDIRPLUS3resok, still in the words of the file system. */
export interface Listing {
  readonly directory: Attributes
  readonly entries: readonly DirectoryEntry[]
  /** No entry comes after these. */
  readonly eof: boolean
}

/** What READDIRPLUS adds: handles. */
export interface ListingPlus extends Listing {
  readonly view: number
  readonly handles: HandleCoder
}

const TWO_TO_32 = 0x1_0000_0000

/**
 * READDIR3resok, written straight from the file system's entries. By hand, as is `listingPlus`: a page has a thousand
 * entries, and the table codec, with the objects it wants, takes 3 to 4 times as long. The cookie verifier is zeros:
 * cookies stay valid while the directory changes, so there is nothing to verify.
 */
export const listing: XdrCodec<Listing> = {
  encode(writer, value) {
    writeHead(writer, value.directory)
    for (const entry of value.entries) writeEntry(writer, entry)
    writeTail(writer, value.eof)
  },
  decode: onlyWritten,
}

/** READDIRPLUS3resok, written straight from the file system's entries. */
export const listingPlus: XdrCodec<ListingPlus> = {
  encode(writer, value) {
    writeHead(writer, value.directory)
    for (const entry of value.entries) {
      writeEntry(writer, entry)
      post_op_attr.encode(writer, entry.attributes && toFattr3(entry.attributes))
      const { node, generation } = entry
      writer.bool(true)
      writer.opaque(value.handles.encode({ view: value.view, node, generation }))
    }
    writeTail(writer, value.eof)
  },
  decode: onlyWritten,
}

function writeHead(writer: XdrWriter, directory: Attributes): void {
  writer.bool(true)
  fattr3.encode(writer, toFattr3(directory))
  const at = writer.claim(8)
  writer.view.setUint32(at, 0)
  writer.view.setUint32(at + 4, 0)
}

function writeEntry(writer: XdrWriter, { node, name, cookie }: DirectoryEntry): void {
  const at = writer.claim(16)
  const view = writer.view
  view.setUint32(at, 1)
  view.setUint32(at + 4, node / TWO_TO_32)
  view.setUint32(at + 8, node)
  view.setUint32(at + 12, name.length)
  writer.fixedOpaque(name)
  writer.quantity64(cookie)
}

function writeTail(writer: XdrWriter, eof: boolean): void {
  writer.bool(false)
  writer.bool(eof)
}

function onlyWritten(): never {
  throw new AssertionError('listings are read with the codecs in protocols/nfs3')
}
