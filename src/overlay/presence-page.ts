import { DamageError } from '../vfs/faults.ts'
import { BLOCKS_PER_PAGE } from './blocks.ts'

const HALF = 32
const BITS_BYTES = 8

function popcount(word: number): number {
  let count = 0
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) count += 1
  return count
}

/** 64 bits as two unsigned words. */
class Bits64 {
  low = 0
  high = 0

  has(index: number): boolean {
    return index < HALF ? ((this.low >>> index) & 1) === 1 : ((this.high >>> (index - HALF)) & 1) === 1
  }

  add(index: number): void {
    if (index < HALF) this.low = (this.low | (1 << index)) >>> 0
    else this.high = (this.high | (1 << (index - HALF))) >>> 0
  }

  remove(index: number): void {
    if (index < HALF) this.low = (this.low & ~(1 << index)) >>> 0
    else this.high = (this.high & ~(1 << (index - HALF))) >>> 0
  }

  get count(): number {
    return popcount(this.low) + popcount(this.high)
  }

  copyFrom(other: Bits64): void {
    this.low = other.low
    this.high = other.high
  }
}

/**
 * Which of 64 neighbouring blocks are ours, and the CRC-32 of each (4,096 bytes, zeros past the file's end).
 * `saved` is what the index has: a block that is saved is stable; overwriting it needs the overwrite mark first.
 */
export class PresencePage {
  readonly present = new Bits64()
  readonly saved = new Bits64()
  /** Blocks whose checksum was compared (or computed) since they came into this memory. */
  readonly verified = new Bits64()
  readonly checksums = new Uint32Array(BLOCKS_PER_PAGE)
  /** Differs from what the index has. */
  dirty = false
  /** How many commits that carry a copy of this page are under way: until then the index may have an older one. */
  committing = 0

  markPresent(index: number, checksum: number): void {
    this.present.add(index)
    this.verified.add(index)
    this.checksums[index] = checksum
    this.dirty = true
  }

  /** Forgets the blocks from `index` on. */
  cut(index: number): void {
    for (let at = index; at < BLOCKS_PER_PAGE; at += 1) {
      if (!this.present.has(at)) continue
      this.present.remove(at)
      this.verified.remove(at)
      this.dirty = true
    }
  }

  get isEmpty(): boolean {
    return this.present.low === 0 && this.present.high === 0
  }

  /** Bits (high word, low word), then one CRC-32 for each present block, in order. */
  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(BITS_BYTES + 4 * this.present.count)
    bytes.writeUInt32BE(this.present.high, 0)
    bytes.writeUInt32BE(this.present.low, 4)
    let at = BITS_BYTES
    for (let index = 0; index < BLOCKS_PER_PAGE; index += 1) {
      if (!this.present.has(index)) continue
      bytes.writeUInt32BE(this.checksums[index]!, at)
      at += 4
    }
    return bytes
  }

  static decode(payload: Uint8Array, object: string): PresencePage {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    if (bytes.length < BITS_BYTES) throw new DamageError(object, 'the presence page is too short')
    const page = new PresencePage()
    page.present.high = bytes.readUInt32BE(0)
    page.present.low = bytes.readUInt32BE(4)
    if (bytes.length !== BITS_BYTES + 4 * page.present.count) {
      throw new DamageError(object, 'the presence page has the wrong length')
    }
    let at = BITS_BYTES
    for (let index = 0; index < BLOCKS_PER_PAGE; index += 1) {
      if (!page.present.has(index)) continue
      page.checksums[index] = bytes.readUInt32BE(at)
      at += 4
    }
    page.saved.copyFrom(page.present)
    return page
  }
}
