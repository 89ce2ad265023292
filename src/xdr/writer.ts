import { AssertionError, assert } from '../base/assert.ts'
import { setQuantity64 } from './quantity.ts'
import { paddedBytes } from './reader.ts'

/**
 * From this size on, file data goes out as a chunk of its own (writev) instead of being copied: below, one copy
 * into one buffer is cheaper than the second chunk (measured: the two cross near 64 KiB).
 */
export const BORROW_MIN_BYTES = 64 * 1024

/** Up to this size a loop copies faster than a call into the engine: names and handles. */
const LOOP_COPY_MAX_BYTES = 64

interface BorrowedChunk {
  /** How much of the writer's own buffer comes before it. */
  readonly position: number
  readonly bytes: Uint8Array
}

/**
 * Writes XDR (RFC 4506) into one growing buffer. Large file data is not copied but remembered as a borrowed chunk
 * at its place; `parts` gives everything in order. Values that do not fit their type are bugs of the caller.
 */
export class XdrWriter {
  #bytes: Buffer
  #view: DataView
  #position = 0
  #borrowed: BorrowedChunk[] = []
  #borrowedBytes = 0

  constructor(buffer: Buffer | number) {
    this.#bytes = typeof buffer === 'number' ? Buffer.allocUnsafeSlow(buffer) : buffer
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength)
  }

  /** All bytes written so far, borrowed ones included. */
  get lengthBytes(): number {
    return this.#position + this.#borrowedBytes
  }

  /** How much its own buffer holds before it must grow. */
  get capacityBytes(): number {
    return this.#bytes.length
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw new AssertionError(`not a uint32: ${value}`)
    const at = this.claim(4)
    this.#view.setUint32(at, value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw new AssertionError(`not an int32: ${value}`)
    const at = this.claim(4)
    this.#view.setInt32(at, value)
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new AssertionError(`not a uint64: ${value}`)
    const at = this.claim(8)
    this.#view.setBigUint64(at, value)
  }

  /** unsigned hyper from a number; 2^64 and more (what a quantity near 2^64 is rounded to) is written as 2^64 - 1. */
  quantity64(value: number): void {
    if (!(value >= 0) || !Number.isInteger(value)) throw new AssertionError(`not a quantity: ${value}`)
    const at = this.claim(8)
    setQuantity64(this.#view, at, value)
  }

  bool(value: boolean): void {
    const at = this.claim(4)
    this.#view.setUint32(at, value ? 1 : 0)
  }

  /** opaque<>: length, bytes, padding. */
  opaque(bytes: Uint8Array): void {
    this.uint32(bytes.length)
    this.fixedOpaque(bytes)
  }

  /** opaque[n]: bytes and padding. */
  fixedOpaque(bytes: Uint8Array): void {
    this.place(this.claim(paddedBytes(bytes.length)), bytes)
  }

  /** opaque<> of file data: large data is borrowed and must not change until the parts have been sent. */
  data(bytes: Uint8Array): void {
    if (bytes.length < BORROW_MIN_BYTES) {
      this.opaque(bytes)
      return
    }
    this.uint32(bytes.length)
    this.#borrowed.push({ position: this.#position, bytes })
    this.#borrowedBytes += bytes.length
    const paddingBytes = paddedBytes(bytes.length) - bytes.length
    const at = this.claim(paddingBytes)
    for (let index = 0; index < paddingBytes; index += 1) this.#bytes[at + index] = 0
  }

  /** Bytes that are XDR already. */
  append(encoded: Uint8Array): void {
    const at = this.claim(encoded.length)
    this.#bytes.set(encoded, at)
  }

  /**
   * Makes room in its own buffer and gives the index of the first byte: for values that are known later
   * (`patchUint32`) and for hand-written codecs, which then write it with `view`. What is in the room is undefined.
   */
  claim(lengthBytes: number): number {
    const at = this.#position
    const end = at + lengthBytes
    if (end > this.#bytes.length) this.#grow(end)
    this.#position = end
    return at
  }

  /** Over its own buffer; another one after the buffer has grown, so ask for it after `claim`. */
  get view(): DataView {
    return this.#view
  }

  /** Puts bytes and their padding into claimed room; gives the index after them. */
  place(at: number, bytes: Uint8Array): number {
    const own = this.#bytes
    const lengthBytes = bytes.length
    if (lengthBytes > LOOP_COPY_MAX_BYTES) own.set(bytes, at)
    else for (let index = 0; index < lengthBytes; index += 1) own[at + index] = bytes[index]!
    const end = at + paddedBytes(lengthBytes)
    for (let index = at + lengthBytes; index < end; index += 1) own[index] = 0
    return end
  }

  patchUint32(at: number, value: number): void {
    assert(at + 4 <= this.#position, 'patch of a place not yet claimed')
    this.#view.setUint32(at, value)
  }

  /** Takes back everything written after a mark, as if it had never been written. */
  mark(): XdrMark {
    return { position: this.#position, borrowed: this.#borrowed.length }
  }

  rewind(mark: XdrMark): void {
    this.#position = mark.position
    for (const chunk of this.#borrowed.splice(mark.borrowed)) this.#borrowedBytes -= chunk.bytes.length
  }

  /** Forgets everything written; its buffer stays. */
  reset(): void {
    this.#position = 0
    if (this.#borrowed.length > 0) this.#borrowed = []
    this.#borrowedBytes = 0
  }

  /** Everything in order, as views into its own buffer and the borrowed chunks between them. */
  parts(): Uint8Array[] {
    if (this.#borrowed.length === 0) return [this.#bytes.subarray(0, this.#position)]
    const parts: Uint8Array[] = []
    let from = 0
    for (const chunk of this.#borrowed) {
      if (chunk.position > from) parts.push(this.#bytes.subarray(from, chunk.position))
      parts.push(chunk.bytes)
      from = chunk.position
    }
    if (this.#position > from) parts.push(this.#bytes.subarray(from, this.#position))
    return parts
  }

  /** A copy of everything that owns its memory. */
  toBytes(): Uint8Array {
    return Buffer.concat(this.parts())
  }

  #grow(neededBytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(neededBytes, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#position)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.byteLength)
  }
}

export interface XdrMark {
  readonly position: number
  readonly borrowed: number
}
