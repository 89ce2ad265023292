import type { Timestamp } from '../../base/clock.ts'
import type { NodeType } from '../../vfs/attributes.ts'
import { DamageError } from '../../vfs/faults.ts'
import { putNumber, takeNumber } from './keys.ts'

const TYPES: readonly NodeType[] = ['file', 'directory', 'symlink', 'block', 'character', 'socket', 'fifo']

/** Writes the fields of a record one after the other, big endian. */
export class FieldWriter {
  #bytes: Buffer
  #at = 0

  constructor(sizeHintBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeHintBytes)
  }

  #room(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe((at + count) * 2)
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    this.#at = at + count
    return at
  }

  u8(value: number): this {
    const at = this.#room(1)
    this.#bytes[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.#room(2)
    this.#bytes.writeUInt16BE(value, at)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#bytes.writeUInt32BE(value >>> 0, at)
    return this
  }

  /** u64 of a number below 2^53. */
  number(value: number): this {
    const at = this.#room(8)
    putNumber(this.#bytes, value, at)
    return this
  }

  u64(value: bigint): this {
    const at = this.#room(8)
    this.#bytes.writeBigUInt64BE(value, at)
    return this
  }

  /** Length u16, then the bytes. */
  bytes(value: Uint8Array): this {
    this.u16(value.length)
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    return this
  }

  time(value: Timestamp): this {
    return this.u32(value.seconds).u32(value.nanoseconds)
  }

  type(value: NodeType): this {
    return this.u8(TYPES.indexOf(value))
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }
}

/** Reads what FieldWriter wrote. Throws DamageError, naming the object, when the record is too short or odd. */
export class FieldReader {
  readonly #bytes: Buffer
  readonly #object: string
  #at = 0

  constructor(payload: Uint8Array, object: string) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    this.#object = object
  }

  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw new DamageError(this.#object, 'the record is too short')
    this.#at = at + count
    return at
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  number(): number {
    return takeNumber(this.#bytes, this.#take(8))
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8))
  }

  /** A copy: records outlive the buffer they were read from. */
  bytes(): Uint8Array {
    const length = this.u16()
    const at = this.#take(length)
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }

  time(): Timestamp {
    return { seconds: this.u32(), nanoseconds: this.u32() }
  }

  type(): NodeType {
    const type = TYPES[this.u8()]
    if (type === undefined) throw new DamageError(this.#object, 'unknown type of node')
    return type
  }
}
