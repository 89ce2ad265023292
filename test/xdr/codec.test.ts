import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import {
  array,
  bool,
  decodeXdr,
  encodeXdr,
  enumeration,
  fileData,
  fixedOpaque,
  int32,
  linkedList,
  nothing,
  opaque,
  optional,
  quantity64,
  string,
  struct,
  uint32,
  uint64,
  union,
  type XdrCodec,
} from '../../src/xdr/codec.ts'
import { XdrError } from '../../src/xdr/errors.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** The value and the bytes are each other. */
function same<T>(codec: XdrCodec<T>, value: T, hex: string): void {
  expect(Buffer.from(encodeXdr(codec, value)).toString('hex')).toBe(hex.replaceAll(' ', ''))
  expect(decodeXdr(codec, bytes(hex))).toEqual(value)
}

describe('XDR types', () => {
  test('the file of RFC 4506 section 7, byte for byte', () => {
    const filetype = union('kind', enumeration({ TEXT: 0, DATA: 1, EXEC: 2 }), {
      TEXT: struct({}),
      DATA: struct({ creator: string(32) }),
      EXEC: struct({ interpretor: string(32) }),
    })
    const file = struct({ filename: string(255), type: filetype, owner: string(32), data: opaque(65535) })
    same(
      file,
      {
        filename: Buffer.from('sillyprog'),
        type: { kind: 'EXEC', interpretor: Buffer.from('lisp') },
        owner: Buffer.from('john'),
        data: Buffer.from('(quit)'),
      },
      '00000009 73696c6c 7970726f 67000000 00000002 00000004 6c697370 00000004 6a6f686e 00000006 28717569 74290000',
    )
  })

  test('primitives', () => {
    same(uint32, 1, '00000001')
    same(int32, -1, 'ffffffff')
    same(uint64, 1n << 63n, '8000000000000000')
    same(quantity64, 2 ** 40, '0000010000000000')
    same(bool, true, '00000001')
    same(nothing, undefined, '')
    same(fixedOpaque(3), Buffer.from('abc'), '61626300')
    same(fileData(4), Buffer.from('ab'), '00000002 61620000')
  })

  test('optional, list and array', () => {
    same(optional(uint32), undefined, '00000000')
    same(optional(uint32), 5, '00000001 00000005')
    same(linkedList(uint32), [7, 8], '00000001 00000007 00000001 00000008 00000000')
    same(linkedList(uint32), [], '00000000')
    same(array(uint32, 2), [7, 8], '00000002 00000007 00000008')
  })

  test('limits, at them and one past them', () => {
    expect(decodeXdr(array(uint32, 1), bytes('00000001 00000000'))).toEqual([0])
    expect(() => decodeXdr(array(uint32, 1), bytes('00000002 00000000 00000000'))).toThrow(XdrError)
    expect(() => encodeXdr(array(uint32, 1), [1, 2])).toThrow(AssertionError)
    expect(() => decodeXdr(opaque(1), bytes('00000002 61610000'))).toThrow(XdrError)
    expect(() => encodeXdr(opaque(1), Buffer.alloc(2))).toThrow(AssertionError)
    expect(() => encodeXdr(fileData(1), Buffer.alloc(2))).toThrow(AssertionError)
    expect(() => encodeXdr(fixedOpaque(2), Buffer.alloc(1))).toThrow(AssertionError)
  })

  test('an enum has only the values it has', () => {
    const color = enumeration({ RED: 2, BLUE: 5 })
    same(color, 'BLUE', '00000005')
    expect(() => decodeXdr(color, bytes('00000003'))).toThrow('enum of unknown value 3 at byte 0')
  })

  test('a huge count of nothing costs nothing', () => {
    expect(() => decodeXdr(array(uint32, 0xffff_ffff), bytes('ffffffff'))).toThrow(XdrError)
  })

  test('every value comes back', () => {
    const everything = struct({
      a: uint32,
      b: optional(struct({ c: int32, d: uint64 })),
      e: linkedList(struct({ f: string(50), g: quantity64 })),
      h: array(bool, 20),
    })
    const values = fc.record({
      a: fc.integer({ min: 0, max: 0xffff_ffff }),
      b: fc.option(fc.record({ c: fc.integer(), d: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }), {
        nil: undefined,
      }),
      e: fc.array(fc.record({ f: fc.uint8Array({ maxLength: 50 }), g: fc.maxSafeNat() })),
      h: fc.array(fc.boolean(), { maxLength: 20 }),
    })
    fc.assert(
      fc.property(values, (value) => {
        const back = decodeXdr(everything, encodeXdr(everything, value))
        expect({ ...back, e: back.e.map((entry) => ({ ...entry, f: new Uint8Array(entry.f) })) }).toEqual(
          value,
        )
      }),
    )
  })
})
