import {
  LARGE_RECEIVE_BUFFER_BYTES,
  RECEIVE_BUFFER_BYTES,
  RPC_FRAGMENTS_MAX,
  RPC_RECORD_MAX_BYTES,
} from './limits.ts'

/** Length of a fragment's header (RFC 5531 section 11): the top bit says "last", the rest is the length. */
export const RECORD_MARK_BYTES = 4
export const LAST_FRAGMENT = 0x8000_0000

/** Below this much room a new buffer is used: many small reads cost more than a few large ones. */
const ROOM_MIN_BYTES = 16 * 1024
/** After so many records that fit a small buffer, a large one is given back. */
const SMALL_RECORDS_BEFORE_SHRINK = 1024

/** Thrown when a peer breaks a limit of the framing. The stream cannot be read any further: close it. */
export class RecordMarkingError extends Error {
  override readonly name = 'RecordMarkingError'
}

/** A buffer that is being read into, or whose records are still in use. */
export interface ReceiveBuffer {
  readonly bytes: Buffer
  readonly view: DataView
  pins: number
}

/** Where receive buffers come from and go back to. */
export interface ReceiveBufferSource {
  takeBuffer(minBytes: number): Buffer
  giveBuffer(buffer: Buffer): void
}

/**
 * Turns a TCP stream into records (RFC 5531 section 11), in place: the socket reads straight into `space()`, and a
 * record is a range of that buffer. Fragments of one record are moved together over the marks between them. A record
 * stays valid until the next call of `space()`, or for as long as its buffer is pinned.
 */
export class RecordAssembler {
  readonly #source: ReceiveBufferSource
  #current: ReceiveBuffer
  /** Where the next fragment's mark is or will be. */
  #scan = 0
  #filled = 0
  /** The part of a record that is together already; empty when start equals end. */
  #partStart = 0
  #partEnd = 0
  #fragments = 0
  #smallRecords = 0
  #pinnedBytes = 0

  /** The record that `next` found: a range of `bytes`. */
  recordStart = 0
  recordEnd = 0

  constructor(source: ReceiveBufferSource) {
    this.#source = source
    this.#current = newReceiveBuffer(source.takeBuffer(RECEIVE_BUFFER_BYTES))
  }

  get bytes(): Buffer {
    return this.#current.bytes
  }

  /** Bytes have come of a record that is not whole. */
  get hasPartialRecord(): boolean {
    return this.#fragments > 0 || this.#filled > this.#scan
  }

  /** Buffers that are no longer read into but still in use. */
  get pinnedBytes(): number {
    return this.#pinnedBytes
  }

  /** `countBytes` have been read into the start of what `space` returned last. */
  received(countBytes: number): void {
    this.#filled += countBytes
  }

  /** Goes to the next whole record; false when it has not all come yet. RecordMarkingError: close the stream. */
  next(): boolean {
    for (;;) {
      const availableBytes = this.#filled - this.#scan
      if (availableBytes < RECORD_MARK_BYTES) return false
      const mark = this.#current.view.getUint32(this.#scan)
      const lengthBytes = mark & 0x7fff_ffff
      this.#checkLimits(lengthBytes)
      if (availableBytes < RECORD_MARK_BYTES + lengthBytes) return false
      const start = this.#scan + RECORD_MARK_BYTES
      this.#scan = start + lengthBytes
      if (mark >= LAST_FRAGMENT && this.#fragments === 0) {
        this.recordStart = start
        this.recordEnd = this.#scan
        this.#countSize(lengthBytes)
        return true
      }
      this.#join(start, lengthBytes)
      if (mark >= LAST_FRAGMENT) {
        this.recordStart = this.#partStart
        this.recordEnd = this.#partEnd
        this.#fragments = 0
        this.#countSize(this.recordEnd - this.recordStart)
        return true
      }
    }
  }

  /**
   * Where the next bytes from the stream must go: never empty, and large enough for the record that has begun.
   * Until the next call, whatever is read goes exactly there.
   */
  space(): Uint8Array {
    const keepFrom = this.#fragments > 0 ? this.#partStart : this.#scan
    const isEmpty = keepFrom === this.#filled
    if (isEmpty && this.#current.pins === 0) {
      this.#startAgain()
      return this.#current.bytes
    }
    const wantedEnd = this.#filled + Math.max(ROOM_MIN_BYTES, this.#missingBytes())
    if (wantedEnd > this.#current.bytes.length) this.#moveKept(keepFrom, wantedEnd - keepFrom)
    return this.#current.bytes.subarray(this.#filled)
  }

  /** Keeps the buffer of the present record as it is until it is given to `unpin`. */
  pin(): ReceiveBuffer {
    this.#current.pins += 1
    return this.#current
  }

  unpin(buffer: ReceiveBuffer): void {
    buffer.pins -= 1
    if (buffer.pins > 0 || buffer === this.#current) return
    this.#pinnedBytes -= buffer.bytes.length
    this.#source.giveBuffer(buffer.bytes)
  }

  /** The stream has ended. Pinned buffers go back when they are unpinned. */
  close(): void {
    const last = this.#current
    this.#current = newReceiveBuffer(Buffer.alloc(0))
    this.#scan = 0
    this.#filled = 0
    this.#fragments = 0
    if (last.pins === 0) this.#source.giveBuffer(last.bytes)
    else this.#pinnedBytes += last.bytes.length
  }

  #checkLimits(lengthBytes: number): void {
    const partBytes = this.#fragments > 0 ? this.#partEnd - this.#partStart : 0
    if (partBytes + lengthBytes > RPC_RECORD_MAX_BYTES) {
      throw new RecordMarkingError(
        `record of ${partBytes + lengthBytes} bytes or more, at most ${RPC_RECORD_MAX_BYTES}`,
      )
    }
    if (this.#fragments >= RPC_FRAGMENTS_MAX) {
      throw new RecordMarkingError(`record of more than ${RPC_FRAGMENTS_MAX} fragments`)
    }
  }

  #join(start: number, lengthBytes: number): void {
    if (this.#fragments === 0) {
      this.#partStart = start
      this.#partEnd = start + lengthBytes
    } else {
      this.#current.bytes.copyWithin(this.#partEnd, start, start + lengthBytes)
      this.#partEnd += lengthBytes
    }
    this.#fragments += 1
  }

  /** How many bytes of the fragment that has begun are still to come. */
  #missingBytes(): number {
    const availableBytes = this.#filled - this.#scan
    if (availableBytes < RECORD_MARK_BYTES) return 0
    const lengthBytes = this.#current.view.getUint32(this.#scan) & 0x7fff_ffff
    return Math.max(0, RECORD_MARK_BYTES + lengthBytes - availableBytes)
  }

  #countSize(lengthBytes: number): void {
    this.#smallRecords = lengthBytes > RECEIVE_BUFFER_BYTES / 2 ? 0 : this.#smallRecords + 1
  }

  #startAgain(): void {
    this.#scan = 0
    this.#filled = 0
    const isLarge = this.#current.bytes.length > RECEIVE_BUFFER_BYTES
    if (!isLarge || this.#smallRecords < SMALL_RECORDS_BEFORE_SHRINK) return
    this.#source.giveBuffer(this.#current.bytes)
    this.#current = newReceiveBuffer(this.#source.takeBuffer(RECEIVE_BUFFER_BYTES))
  }

  /** Makes room by moving what is kept to the start, of this buffer if nobody uses it, or of another. */
  #moveKept(keepFrom: number, neededBytes: number): void {
    const from = this.#current
    if (from.pins === 0 && neededBytes <= from.bytes.length) {
      from.bytes.copyWithin(0, keepFrom, this.#filled)
    } else {
      const minBytes = neededBytes > RECEIVE_BUFFER_BYTES ? LARGE_RECEIVE_BUFFER_BYTES : RECEIVE_BUFFER_BYTES
      this.#current = newReceiveBuffer(this.#source.takeBuffer(Math.max(minBytes, neededBytes)))
      from.bytes.copy(this.#current.bytes, 0, keepFrom, this.#filled)
      if (from.pins === 0) this.#source.giveBuffer(from.bytes)
      else this.#pinnedBytes += from.bytes.length
    }
    this.#scan -= keepFrom
    this.#partStart -= keepFrom
    this.#partEnd -= keepFrom
    this.#filled -= keepFrom
  }
}

function newReceiveBuffer(bytes: Buffer): ReceiveBuffer {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), pins: 0 }
}
