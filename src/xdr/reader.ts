import { XdrError } from './errors.ts'
import { getQuantity64 } from './quantity.ts'

/**
 * Reads XDR (RFC 4506) from a range of bytes. Opaque data comes out as views into these bytes, not as copies: who
 * keeps it longer than the bytes live makes a copy. Every method throws XdrError when the range ends too early.
 */
export class XdrReader {
  #bytes: Uint8Array
  #view: DataView
  #position: number
  #end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#position = start
    this.#end = end
  }

  /** Starts again on another range: one reader serves all records of a connection. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = viewOf(bytes)
    }
    this.#position = start
    this.#end = end
  }

  /** The next byte's index in the bytes given. */
  get position(): number {
    return this.#position
  }

  get remainingBytes(): number {
    return this.#end - this.#position
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4))
  }

  /** unsigned hyper, exact. For identities. */
  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  /**
   * unsigned hyper as a number. Exact up to 2^53 - 1; what is greater comes out as some number greater than
   * Number.MAX_SAFE_INTEGER, so one comparison finds it.
   */
  quantity64(): number {
    return getQuantity64(this.#view, this.#take(8))
  }

  bool(): boolean {
    const value = this.uint32()
    if (value > 1) throw new XdrError(`bool of value ${value}`, this.#position - 4)
    return value === 1
  }

  /** opaque<maxBytes> as a view. */
  opaque(maxBytes: number): Uint8Array {
    const lengthBytes = this.uint32()
    if (lengthBytes > maxBytes) {
      throw new XdrError(`opaque of ${lengthBytes} bytes, at most ${maxBytes}`, this.#position - 4)
    }
    return this.fixedOpaque(lengthBytes)
  }

  /** opaque[lengthBytes] as a view. */
  fixedOpaque(lengthBytes: number): Uint8Array {
    // Padding must be zero (RFC 4506 section 4.9), but its value carries nothing and some clients leave rubbish
    // there: it is taken as it comes, as every other server does.
    const at = this.#take(paddedBytes(lengthBytes))
    return this.#bytes.subarray(at, at + lengthBytes)
  }

  /**
   * Takes bytes off the range and gives the index of the first: for hand-written codecs, which then read them with
   * `view`.
   */
  claim(lengthBytes: number): number {
    return this.#take(lengthBytes)
  }

  get view(): DataView {
    return this.#view
  }

  /** Throws if anything is left. */
  finish(): void {
    if (this.#position !== this.#end) {
      throw new XdrError(`${this.#end - this.#position} bytes too many`, this.#position)
    }
  }

  #take(lengthBytes: number): number {
    const at = this.#position
    if (lengthBytes > this.#end - at) {
      throw new XdrError(`${lengthBytes} bytes wanted, ${this.#end - at} left`, at)
    }
    this.#position = at + lengthBytes
    return at
  }
}

/** The length on the wire: up to the next multiple of four. */
export function paddedBytes(lengthBytes: number): number {
  return Math.ceil(lengthBytes / 4) * 4
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
