import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toFattr3 } from '../../../src/nfsd/nfs3/attributes.ts'
import {
  entryBytes,
  fittingEntries,
  fittingPlusEntries,
  LISTING_FIXED_BYTES,
} from '../../../src/nfsd/nfs3/listing-size.ts'
import { READDIR3resok, READDIRPLUS3resok } from '../../../src/protocols/nfs3/types.ts'
import type { Attributes, NodeType } from '../../../src/vfs/attributes.ts'
import type { DirectoryEntry, NodeId } from '../../../src/vfs/file-system.ts'
import { encodeXdr } from '../../../src/xdr/codec.ts'

const uint32 = fc.nat({ max: 0xffff_ffff })
const exact = fc.maxSafeNat()
const time = fc.record({ seconds: uint32, nanoseconds: fc.nat({ max: 999_999_999 }) })
const types: NodeType[] = ['file', 'directory', 'block', 'character', 'symlink', 'socket', 'fifo']
const attributes: fc.Arbitrary<Attributes> = fc.record({
  type: fc.constantFrom(...types),
  mode: fc.nat({ max: 0o7777 }),
  nlink: uint32,
  uid: uint32,
  gid: uint32,
  sizeBytes: exact,
  usedBytes: exact,
  rdevMajor: uint32,
  rdevMinor: uint32,
  fsid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fileid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  atime: time,
  mtime: time,
  ctime: time,
})
const entry: fc.Arbitrary<DirectoryEntry> = fc.record({
  name: fc.uint8Array({ minLength: 1, maxLength: 255 }),
  node: exact.map((node) => node as NodeId),
  generation: uint32,
  cookie: exact,
  attributes: fc.option(attributes, { nil: undefined }),
})
const page = fc.record({
  directory: attributes,
  entries: fc.array(entry, { maxLength: 12 }),
  eof: fc.boolean(),
})
const handleBytes = 36
const cookieverf = new Uint8Array(8)

describe('what fits', () => {
  test('READDIR3resok: all of it into exactly its length, one less into one byte less', () => {
    fc.assert(
      fc.property(page, ({ directory, entries, eof }) => {
        const encoded = encodeXdr(READDIR3resok, {
          dir_attributes: toFattr3(directory),
          cookieverf,
          reply: {
            entries: entries.map(({ node, name, cookie }) => ({
              fileid: BigInt(node),
              name,
              cookie: BigInt(cookie),
            })),
            eof,
          },
        })
        expect(fittingEntries(entries, encoded.length)).toBe(entries.length)
        expect(fittingEntries(entries, encoded.length - 1)).toBe(Math.max(0, entries.length - 1))
        if (entries.length === 0) expect(encoded.length).toBe(LISTING_FIXED_BYTES)
      }),
    )
  })

  test('READDIRPLUS3resok: the same', () => {
    fc.assert(
      fc.property(page, ({ directory, entries, eof }) => {
        const encoded = encodeXdr(READDIRPLUS3resok, {
          dir_attributes: toFattr3(directory),
          cookieverf,
          reply: {
            entries: entries.map(({ node, name, cookie, attributes: own }) => ({
              fileid: BigInt(node),
              name,
              cookie: BigInt(cookie),
              name_attributes: own && toFattr3(own),
              name_handle: new Uint8Array(handleBytes),
            })),
            eof,
          },
        })
        const limits = { maxBytes: encoded.length, directoryBytes: 1 << 20, handleBytes }
        expect(fittingPlusEntries(entries, limits)).toBe(entries.length)
        const oneLess = { ...limits, maxBytes: encoded.length - 1 }
        expect(fittingPlusEntries(entries, oneLess)).toBe(Math.max(0, entries.length - 1))
      }),
    )
  })

  test('dircount counts names, numbers and cookies alone, and always lets one entry pass', () => {
    const [first] = fc.sample(entry, 1)
    const entries = Array.from({ length: 10 }, () => first!)
    const limits = { maxBytes: 1 << 20, handleBytes }
    const each = entryBytes(first!)
    for (const [directoryBytes, count] of [
      [0, 1],
      [each - 1, 1],
      [each, 1],
      [2 * each - 1, 1],
      [2 * each, 2],
      [9 * each, 9],
    ] as const) {
      expect(fittingPlusEntries(entries, { ...limits, directoryBytes })).toBe(count)
    }
  })
})
