import { describe, expect, test } from 'vitest'
import { XdrError } from '../../src/xdr/errors.ts'
import { paddedBytes, XdrReader } from '../../src/xdr/reader.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

describe('XdrReader', () => {
  test('reads numbers as RFC 4506 writes them', () => {
    const reader = new XdrReader(
      bytes('00000007 ffffffff 8000000000000001 001fffffffffffff 00000001 00000000'),
    )
    expect(reader.uint32()).toBe(7)
    expect(reader.int32()).toBe(-1)
    expect(reader.uint64()).toBe(0x8000_0000_0000_0001n)
    expect(reader.quantity64()).toBe(Number.MAX_SAFE_INTEGER)
    expect(reader.bool()).toBe(true)
    expect(reader.bool()).toBe(false)
    reader.finish()
  })

  test('a quantity over 2^53 - 1 is seen by one comparison', () => {
    for (const hex of ['0020000000000000', '0020000000000001', '8000000000000000', 'ffffffffffffffff']) {
      expect(new XdrReader(bytes(hex)).quantity64()).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
    }
  })

  test('a bool is 0 or 1', () => {
    expect(() => new XdrReader(bytes('00000002')).bool()).toThrow(XdrError)
  })

  test('opaque data is a view, at its limit and not one past it', () => {
    const source = bytes('00000005 68656c6c 6f000000')
    const reader = new XdrReader(source)
    const view = reader.opaque(5)
    expect(Buffer.from(view).toString()).toBe('hello')
    source[4] = 'j'.charCodeAt(0)
    expect(Buffer.from(view).toString()).toBe('jello')
    expect(() => new XdrReader(source).opaque(4)).toThrow('opaque of 5 bytes, at most 4')
  })

  test('a length that is not there is refused before anything is made of it', () => {
    expect(() => new XdrReader(bytes('ffffffff 00000000')).opaque(0xffff_ffff)).toThrow(XdrError)
    expect(() => new XdrReader(bytes('00000005 68656c6c 6f')).opaque(5)).toThrow(XdrError)
  })

  test('padding is taken as it comes', () => {
    const reader = new XdrReader(bytes('00000001 61ffffff'))
    expect(Buffer.from(reader.opaque(1)).toString()).toBe('a')
    reader.finish()
  })

  test('what is left over is an error', () => {
    const reader = new XdrReader(bytes('00000001 00000002'))
    reader.uint32()
    expect(() => reader.finish()).toThrow('4 bytes too many at byte 4')
  })

  test('stays inside its range, and starts again on another', () => {
    const reader = new XdrReader(bytes('00000001 00000002 00000003'), 4, 8)
    expect(reader.uint32()).toBe(2)
    expect(reader.remainingBytes).toBe(0)
    expect(() => reader.uint32()).toThrow(XdrError)
    reader.reset(bytes('00000009'), 0, 4)
    expect(reader.uint32()).toBe(9)
  })

  test('padded lengths', () => {
    expect([0, 1, 3, 4, 5, 0xffff_ffff].map(paddedBytes)).toEqual([0, 4, 4, 4, 8, 0x1_0000_0000])
  })
})
