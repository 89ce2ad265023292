import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { HANDLE_BYTES, HandleCodec, type VirtualHandle } from '../../src/handles/handle-codec.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'

const secret = Uint8Array.from({ length: 32 }, (_, index) => index)
const otherSecret = Uint8Array.from({ length: 32 }, (_, index) => index + 1)

function handle(view: number, node: number, generation: number): VirtualHandle {
  return { view, node: node as NodeId, generation }
}

const samples = [
  handle(1, 0, 0),
  handle(1, 1, 7),
  handle(2, 0xffff_ffff, 0xffff_ffff),
  handle(3, 0x1_0000_0000, 1),
  handle(0xffff_ffff, Number.MAX_SAFE_INTEGER, 0x8000_0000),
]

describe('HandleCodec', () => {
  test('writes the bytes of docs/formats/virtual-handle.md', () => {
    const bytes = new HandleCodec(secret).encode(handle(0x01020304, 0x0a_0b0c0d0e, 0xf1f2f3f4))
    const head = Buffer.from('01000000010203040000000a0b0c0d0ef1f2f3f4', 'hex')
    // The MAC by the other road: node:crypto's own HMAC.
    const mac = createHmac('sha256', secret).update(head).digest().subarray(0, 16)
    expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.concat([head, mac]).toString('hex'))
  })

  test('reads back what it wrote, cached or not', () => {
    const codec = new HandleCodec(secret)
    for (const sample of samples) {
      const bytes = codec.encode(sample)
      expect(codec.decode(bytes)).toEqual({ ok: true, value: sample })
      expect(new HandleCodec(secret).decode(bytes)).toEqual({ ok: true, value: sample })
    }
  })

  test('a cache of one slot forgets, and still answers right', () => {
    const codec = new HandleCodec(secret, 1)
    const bytes = samples.map((sample) => codec.encode(sample))
    expect(bytes.map((each) => codec.decode(each))).toEqual(samples.map((value) => ({ ok: true, value })))
  })

  test('any flipped bit is BADHANDLE, also when the true handle is cached', () => {
    const codec = new HandleCodec(secret)
    const bytes = codec.encode(handle(5, 77, 3))
    for (let bit = 0; bit < HANDLE_BYTES * 8; bit += 1) {
      const forged = Uint8Array.from(bytes)
      forged[bit >> 3]! ^= 1 << (bit & 7)
      expect(codec.decode(forged), `bit ${bit}`).toEqual({ ok: false, status: 'BADHANDLE', fail: undefined })
    }
  })

  test('one byte less, one more, none at all: BADHANDLE', () => {
    const codec = new HandleCodec(secret)
    const bytes = codec.encode(handle(1, 2, 3))
    const longer = new Uint8Array(HANDLE_BYTES + 1)
    longer.set(bytes)
    for (const wrong of [bytes.subarray(0, HANDLE_BYTES - 1), longer, new Uint8Array(0)]) {
      expect(codec.decode(wrong)).toMatchObject({ ok: false, status: 'BADHANDLE' })
    }
  })

  test('a handle of another secret or moved to another view is BADHANDLE', () => {
    const codec = new HandleCodec(secret)
    const foreign = new HandleCodec(otherSecret).encode(handle(1, 2, 3))
    expect(codec.decode(foreign)).toMatchObject({ status: 'BADHANDLE' })
    const moved = codec.encode(handle(1, 2, 3))
    moved.set(codec.encode(handle(2, 2, 3)).subarray(4, 8), 4)
    expect(codec.decode(moved)).toMatchObject({ status: 'BADHANDLE' })
  })

  test('a node of 2^53 and view 0 are BADHANDLE even under a right MAC', () => {
    const codec = new HandleCodec(secret)
    const head = (view: string, node: string) => Buffer.from(`01000000${view}${node}00000000`, 'hex')
    for (const bytes of [head('00000000', '0000000000000001'), head('00000001', '0020000000000000')]) {
      const mac = createHmac('sha256', secret).update(bytes).digest().subarray(0, 16)
      expect(codec.decode(Buffer.concat([bytes, mac]))).toMatchObject({ status: 'BADHANDLE' })
    }
  })

  test('decodes from any place in a receive buffer', () => {
    const codec = new HandleCodec(secret)
    const buffer = new Uint8Array(100)
    buffer.set(codec.encode(handle(9, 8, 7)), 13)
    expect(codec.decode(buffer.subarray(13, 13 + HANDLE_BYTES))).toEqual({ ok: true, value: handle(9, 8, 7) })
  })

  test('a secret of another length is a bug', () => {
    expect(() => new HandleCodec(new Uint8Array(31))).toThrow('32 bytes')
    expect(() => new HandleCodec(new Uint8Array(33))).toThrow('32 bytes')
  })
})
