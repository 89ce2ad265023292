import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fattr3, fattr3_table, type ftype3 } from '../../../src/protocols/nfs3/basic-types.ts'
import { FTYPE3 } from '../../../src/protocols/nfs3/ftype3.ts'
import { entryplus3Bytes, hot_entryplus3_list } from '../../../src/protocols/nfs3/hot-entryplus3.ts'
import { FATTR3_BYTES } from '../../../src/protocols/nfs3/hot-fattr3.ts'
import { entryplus3 } from '../../../src/protocols/nfs3/types.ts'
import { decodeXdr, encodeXdr, linkedList, type XdrCodec } from '../../../src/xdr/codec.ts'
import { XdrError } from '../../../src/xdr/errors.ts'

const uint = fc.integer({ min: 0, max: 0xffff_ffff })
const hyper = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const quantity = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 0xffff_ffff, 2 ** 32, Number.MAX_SAFE_INTEGER, 2 ** 63),
)
const time = fc.record({ seconds: uint, nanoseconds: uint })
const attributes: fc.Arbitrary<fattr3> = fc.record({
  type: fc.constantFrom(...(Object.keys(FTYPE3) as ftype3[])),
  mode: uint,
  nlink: uint,
  uid: uint,
  gid: uint,
  size: quantity,
  used: quantity,
  rdev: fc.record({ specdata1: uint, specdata2: uint }),
  fsid: hyper,
  fileid: hyper,
  atime: time,
  mtime: time,
  ctime: time,
})
const entries: fc.Arbitrary<entryplus3[]> = fc.array(
  fc.record({
    fileid: hyper,
    name: fc.uint8Array({ minLength: 1, maxLength: 255 }),
    cookie: hyper,
    name_attributes: fc.option(attributes, { nil: undefined }),
    name_handle: fc.option(fc.uint8Array({ maxLength: 64 }), { nil: undefined }),
  }),
)

/** What a codec makes of any bytes: a value, or that it is none. */
function outcome<T>(codec: XdrCodec<T>, bytes: Uint8Array): unknown {
  try {
    return decodeXdr(codec, bytes)
  } catch (error) {
    if (error instanceof XdrError) return 'XdrError'
    throw error
  }
}

function sameCodec<T>(hot: XdrCodec<T>, table: XdrCodec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const expected = encodeXdr(table, value)
      expect(encodeXdr(hot, value)).toEqual(expected)
      expect(decodeXdr(hot, expected)).toEqual(decodeXdr(table, expected))
    }),
  )
  // Any bytes, and valid ones with one byte changed or cut off.
  const damaged = fc
    .tuple(values, fc.nat(), fc.nat({ max: 255 }), fc.boolean())
    .map(([value, at, byte, isCut]) => {
      const bytes = Buffer.from(encodeXdr(table, value))
      if (isCut) return bytes.subarray(0, at % bytes.length)
      bytes[at % bytes.length] = byte
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      expect(outcome(hot, bytes)).toEqual(outcome(table, bytes))
    }),
    { numRuns: 1000 },
  )
}

describe('codecs by hand do what the tables say', () => {
  test('fattr3', () => sameCodec(fattr3, fattr3_table, attributes))

  test('the entries of READDIRPLUS', () => sameCodec(hot_entryplus3_list, linkedList(entryplus3), entries))

  test('lengths on the wire', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const lengths = list.map((entry) =>
          entryplus3Bytes(entry.name.length, entry.name_attributes !== undefined, entry.name_handle?.length),
        )
        const sumBytes = lengths.reduce((sum, length) => sum + length, 0)
        expect(encodeXdr(hot_entryplus3_list, list).length).toBe(sumBytes + 4)
      }),
    )
    fc.assert(
      fc.property(attributes, (value) => {
        expect(encodeXdr(fattr3_table, value).length).toBe(FATTR3_BYTES)
      }),
    )
  })
})
