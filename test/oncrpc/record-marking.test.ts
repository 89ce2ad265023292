import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RPC_FRAGMENTS_MAX, RPC_RECORD_MAX_BYTES } from '../../src/oncrpc/limits.ts'
import { RecordAssembler, RecordMarkingError } from '../../src/oncrpc/record-marking.ts'
import { fragment } from './raw-client.ts'

class CountingSource {
  outBytes = 0
  takeBuffer(minBytes: number): Buffer {
    this.outBytes += minBytes
    return Buffer.alloc(minBytes)
  }
  giveBuffer(buffer: Buffer): void {
    this.outBytes -= buffer.length
    // Whoever still looks at it sees rubbish.
    buffer.fill(0xee)
  }
}

/** Feeds a stream in pieces and gives all records, as a connection would get them. */
function records(
  stream: Buffer,
  pieceBytes: (index: number) => number,
  assembler = newAssembler(),
): Buffer[] {
  const found: Buffer[] = []
  let at = 0
  for (let index = 0; at < stream.length; index += 1) {
    const space = assembler.space()
    const piece = stream.subarray(at, at + Math.min(space.length, Math.max(1, pieceBytes(index))))
    space.set(piece)
    at += piece.length
    assembler.received(piece.length)
    while (assembler.next()) {
      found.push(Buffer.from(assembler.bytes.subarray(assembler.recordStart, assembler.recordEnd)))
    }
  }
  return found
}

const newAssembler = () => new RecordAssembler(new CountingSource())

describe('RecordAssembler', () => {
  test('gives the records that were sent, however the stream is cut', () => {
    const recordsOfFragments = fc.array(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 5 }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(
        recordsOfFragments,
        fc.infiniteStream(fc.integer({ min: 1, max: 4000 })),
        (sent, pieces) => {
          const stream = Buffer.concat(
            sent.flatMap((parts) => parts.map((part, index) => fragment(part, index === parts.length - 1))),
          )
          const expected = sent.map((parts) => Buffer.concat(parts))
          expect(records(stream, () => pieces.next().value)).toEqual(expected)
        },
      ),
    )
  })

  test('a record as long as allowed, and one byte more', () => {
    const longest = Buffer.alloc(RPC_RECORD_MAX_BYTES, 5)
    expect(records(fragment(longest), () => 100_000)).toEqual([longest])
    const tooLong = fragment(Buffer.alloc(RPC_RECORD_MAX_BYTES + 1))
    expect(() => records(tooLong, () => 100_000)).toThrow(RecordMarkingError)
  })

  test('a record too long in many fragments', () => {
    const half = Buffer.alloc(RPC_RECORD_MAX_BYTES / 2)
    const fits = Buffer.concat([fragment(half, false), fragment(half)])
    expect(records(fits, () => 65_536)[0]).toHaveLength(RPC_RECORD_MAX_BYTES)
    const tooLong = Buffer.concat([fragment(half, false), fragment(half, false), fragment(Buffer.alloc(1))])
    expect(() => records(tooLong, () => 65_536)).toThrow(RecordMarkingError)
  })

  test('an absurd length is refused by its four bytes', () => {
    const assembler = newAssembler()
    assembler.space().set(Buffer.from('ffffffff', 'hex'))
    assembler.received(4)
    expect(() => assembler.next()).toThrow(RecordMarkingError)
  })

  test('as many fragments as allowed, and one more', () => {
    const parts = (count: number) =>
      Buffer.concat(
        Array.from({ length: count }, (_, index) =>
          fragment(Buffer.from([index & 0xff]), index === count - 1),
        ),
      )
    expect(records(parts(RPC_FRAGMENTS_MAX), () => 1000)[0]).toHaveLength(RPC_FRAGMENTS_MAX)
    expect(() => records(parts(RPC_FRAGMENTS_MAX + 1), () => 1000)).toThrow(RecordMarkingError)
  })

  test('empty fragments are counted and add nothing', () => {
    const empty = fragment(Buffer.alloc(0), false)
    const stream = Buffer.concat([
      empty,
      fragment(Buffer.from('ab'), false),
      empty,
      fragment(Buffer.alloc(0)),
    ])
    expect(records(stream, () => 3)).toEqual([Buffer.from('ab')])
    const endless = Buffer.concat(Array(RPC_FRAGMENTS_MAX + 1).fill(empty))
    expect(() => records(endless, () => 1000)).toThrow(RecordMarkingError)
  })

  test('a pinned buffer stays as it is until it is let go', () => {
    const source = new CountingSource()
    const assembler = new RecordAssembler(source)
    const first = Buffer.alloc(1000, 1)
    assembler.space().set(fragment(first))
    assembler.received(1004)
    expect(assembler.next()).toBe(true)
    const view = assembler.bytes.subarray(assembler.recordStart, assembler.recordEnd)
    const pin = assembler.pin()
    // So much more that the buffer would have been used again many times.
    const later = Buffer.concat(Array(2000).fill(fragment(Buffer.alloc(1000, 2))))
    expect(records(later, () => 50_000, assembler)).toHaveLength(2000)
    expect(view.equals(first)).toBe(true)
    expect(assembler.pinnedBytes).toBe(pin.bytes.length)
    assembler.unpin(pin)
    expect(assembler.pinnedBytes).toBe(0)
    assembler.close()
    expect(source.outBytes).toBe(0)
  })

  test('an assembler that is closed gives its buffers back, pinned ones later', () => {
    const source = new CountingSource()
    const assembler = new RecordAssembler(source)
    assembler.space().set(fragment(Buffer.from('abcd')))
    assembler.received(8)
    assembler.next()
    const pin = assembler.pin()
    assembler.close()
    expect(source.outBytes).toBeGreaterThan(0)
    assembler.unpin(pin)
    expect(source.outBytes).toBe(0)
  })

  test('a large buffer is given back when only small records come', () => {
    const source = new CountingSource()
    const assembler = new RecordAssembler(source)
    const before = source.outBytes
    records(fragment(Buffer.alloc(1_000_000)), () => 60_000, assembler)
    expect(source.outBytes).toBeGreaterThan(before)
    records(Buffer.concat(Array(2000).fill(fragment(Buffer.alloc(100)))), () => 104, assembler)
    expect(source.outBytes).toBe(before)
  })

  test('knows when a record has begun', () => {
    const assembler = newAssembler()
    expect(assembler.hasPartialRecord).toBe(false)
    records(fragment(Buffer.alloc(8)).subarray(0, 6), () => 100, assembler)
    expect(assembler.hasPartialRecord).toBe(true)
    records(Buffer.alloc(6), () => 100, assembler)
    expect(assembler.hasPartialRecord).toBe(false)
    records(fragment(Buffer.alloc(8), false), () => 100, assembler)
    expect(assembler.hasPartialRecord).toBe(true)
  })
})
