import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import { BORROW_MIN_BYTES, XdrWriter } from '../../src/xdr/writer.ts'

const hex = (writer: XdrWriter) => Buffer.from(writer.toBytes()).toString('hex')

describe('XdrWriter', () => {
  test('writes numbers as RFC 4506 says', () => {
    const writer = new XdrWriter(4)
    writer.uint32(0xffff_ffff)
    writer.int32(-2)
    writer.uint64(0xffff_ffff_ffff_ffffn)
    writer.quantity64(Number.MAX_SAFE_INTEGER)
    writer.bool(true)
    writer.bool(false)
    expect(hex(writer)).toBe('fffffffffffffffeffffffffffffffff001fffffffffffff0000000100000000')
  })

  test('a quantity that was rounded to 2^64 is written as the largest one', () => {
    const writer = new XdrWriter(8)
    writer.quantity64(2 ** 64)
    expect(hex(writer)).toBe('ffffffffffffffff')
  })

  test('values that do not fit are bugs', () => {
    const writer = new XdrWriter(64)
    expect(() => writer.uint32(-1)).toThrow(AssertionError)
    expect(() => writer.uint32(2 ** 32)).toThrow(AssertionError)
    expect(() => writer.uint32(0.5)).toThrow(AssertionError)
    expect(() => writer.int32(2 ** 31)).toThrow(AssertionError)
    expect(() => writer.uint64(-1n)).toThrow(AssertionError)
    expect(() => writer.uint64(1n << 64n)).toThrow(AssertionError)
    expect(() => writer.quantity64(-1)).toThrow(AssertionError)
    expect(() => writer.quantity64(Number.NaN)).toThrow(AssertionError)
    expect(() => writer.quantity64(1.5)).toThrow(AssertionError)
  })

  test('padding is zero, also where the buffer was not', () => {
    for (const lengthBytes of [1, 2, 3, 65, 66, 67]) {
      const writer = new XdrWriter(Buffer.alloc(256, 0xee))
      writer.fixedOpaque(Buffer.alloc(lengthBytes, 0x61))
      const written = Buffer.from(writer.toBytes())
      expect(written.length % 4).toBe(0)
      expect(written.subarray(lengthBytes).every((byte) => byte === 0)).toBe(true)
    }
  })

  test('grows and keeps what it has', () => {
    const writer = new XdrWriter(4)
    for (let value = 0; value < 1000; value += 1) writer.uint32(value)
    const written = Buffer.from(writer.toBytes())
    expect(written.readUInt32BE(4 * 999)).toBe(999)
    expect(written.readUInt32BE(4 * 17)).toBe(17)
  })

  test('file data is copied below the limit and borrowed at it', () => {
    const small = Buffer.alloc(BORROW_MIN_BYTES - 1, 1)
    const large = Buffer.alloc(BORROW_MIN_BYTES, 2)
    const writer = new XdrWriter(256)
    writer.data(small)
    expect(writer.parts()).toHaveLength(1)
    writer.data(large)
    writer.uint32(9)
    const parts = writer.parts()
    expect(parts).toHaveLength(3)
    expect(parts[1]).toBe(large)
    expect(writer.lengthBytes).toBe(4 + BORROW_MIN_BYTES + 4 + BORROW_MIN_BYTES + 4)
    expect(Buffer.concat(parts)).toEqual(Buffer.from(writer.toBytes()))
  })

  test('borrowed data is padded like any other', () => {
    const writer = new XdrWriter(256)
    writer.data(Buffer.alloc(BORROW_MIN_BYTES + 1, 7))
    writer.uint32(1)
    const written = Buffer.from(writer.toBytes())
    expect(written.length).toBe(4 + BORROW_MIN_BYTES + 4 + 4)
    expect(written.subarray(4 + BORROW_MIN_BYTES).toString('hex')).toBe('0700000000000001')
  })

  test('rewinding takes back everything after the mark, borrowed data too', () => {
    const writer = new XdrWriter(16)
    writer.uint32(1)
    const mark = writer.mark()
    writer.data(Buffer.alloc(BORROW_MIN_BYTES))
    writer.uint32(2)
    writer.rewind(mark)
    writer.uint32(3)
    expect(hex(writer)).toBe('0000000100000003')
    expect(writer.lengthBytes).toBe(8)
  })

  test('a place is patched after what follows it', () => {
    const writer = new XdrWriter(4)
    const at = writer.claim(4)
    writer.uint32(5)
    writer.patchUint32(at, 0x8000_0004)
    expect(hex(writer)).toBe('8000000400000005')
    expect(() => writer.patchUint32(8, 1)).toThrow(AssertionError)
  })

  test('starts again after a reset', () => {
    const writer = new XdrWriter(16)
    writer.data(Buffer.alloc(BORROW_MIN_BYTES))
    writer.reset()
    expect(writer.lengthBytes).toBe(0)
    writer.uint32(1)
    expect(hex(writer)).toBe('00000001')
  })
})
