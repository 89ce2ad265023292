import type { XdrCodec } from '../../xdr/codec.ts'
import { paddedBytes, type XdrReader } from '../../xdr/reader.ts'
import type { XdrWriter } from '../../xdr/writer.ts'
import { NFS3_FHSIZE, NFS3_TEXT_MAX_BYTES } from './basic-types.ts'
import { FATTR3_BYTES, getFattr3, setFattr3 } from './hot-fattr3.ts'
import type { entryplus3 } from './types.ts'

/** List flag, fileid, length of the name, cookie, flags of attributes and handle. */
const FIXED_BYTES = 4 + 8 + 4 + 8 + 4 + 4

/**
 * The entries of a READDIRPLUS reply (`entryplus3 *`) by hand. types.ts has the table that says what an entry must be,
 * and a test compares the two.
 */
export const hot_entryplus3_list: XdrCodec<readonly entryplus3[]> = {
  encode(writer, entries) {
    for (const entry of entries) encodeEntry(writer, entry)
    writer.uint32(0)
  },
  decode(reader) {
    const entries: entryplus3[] = []
    while (reader.bool()) entries.push(decodeEntry(reader))
    return entries
  },
}

/** Length on the wire of one entry in the list, for a server that counts what still fits. */
export function entryplus3Bytes(
  nameBytes: number,
  hasAttributes: boolean,
  handleBytes: number | undefined,
): number {
  const forHandle = handleBytes === undefined ? 0 : 4 + paddedBytes(handleBytes)
  return FIXED_BYTES + paddedBytes(nameBytes) + (hasAttributes ? FATTR3_BYTES : 0) + forHandle
}

function encodeEntry(writer: XdrWriter, entry: entryplus3): void {
  const { name, name_attributes, name_handle } = entry
  const lengthBytes = entryplus3Bytes(name.length, name_attributes !== undefined, name_handle?.length)
  let at = writer.claim(lengthBytes)
  const { view } = writer
  view.setUint32(at, 1)
  view.setBigUint64(at + 4, entry.fileid)
  view.setUint32(at + 12, name.length)
  at = writer.place(at + 16, name)
  view.setBigUint64(at, entry.cookie)
  view.setUint32(at + 8, name_attributes === undefined ? 0 : 1)
  at += 12
  if (name_attributes !== undefined) {
    setFattr3(view, at, name_attributes)
    at += FATTR3_BYTES
  }
  view.setUint32(at, name_handle === undefined ? 0 : 1)
  if (name_handle === undefined) return
  view.setUint32(at + 4, name_handle.length)
  writer.place(at + 8, name_handle)
}

function decodeEntry(reader: XdrReader): entryplus3 {
  const fileid = reader.uint64()
  const name = reader.opaque(NFS3_TEXT_MAX_BYTES)
  const cookie = reader.uint64()
  const name_attributes = reader.bool() ? getFattr3(reader.view, reader.claim(FATTR3_BYTES)) : undefined
  const name_handle = reader.bool() ? reader.opaque(NFS3_FHSIZE) : undefined
  return { fileid, name, cookie, name_attributes, name_handle }
}
