import { sameBytes } from '../base/bytes.ts'

/** One WRITE that a server has not yet promised to keep. */
export interface UncommittedWrite {
  /** The verifier it was answered with; undefined: none that a COMMIT could confirm. */
  verifier: Uint8Array | undefined
  /** Its place among all answers of the file, from 1; 0 while it is under way. */
  answered: number
}

export interface UncommittedPiece {
  readonly offsetBytes: number
  readonly data: Uint8Array
  readonly write: UncommittedWrite
}

/** A piece that is less than this part of its buffer gets a buffer of its own, so that counted bytes are real bytes. */
const COMPACT_BELOW_PART = 0.5

/**
 * The bytes of one file that were written to a server and that it may still lose (RFC 1813 section 3.3.7), kept so that
 * they can be written again. Pieces never overlap, the newest bytes of a place win: so they may be written again in
 * any order.
 */
export class UncommittedWrites {
  /** In order of their offsets. */
  #pieces: UncommittedPiece[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  /** The data is kept, not copied. True if it took the place of other kept bytes. */
  add(offsetBytes: number, data: Uint8Array, write: UncommittedWrite): boolean {
    const endBytes = offsetBytes + data.length
    const first = this.#firstEndingAfter(offsetBytes)
    let last = first
    const replacement: UncommittedPiece[] = []
    while (last < this.#pieces.length && this.#pieces[last]!.offsetBytes < endBytes) {
      const piece = this.#pieces[last]!
      if (piece.offsetBytes < offsetBytes) replacement.push(partOf(piece, piece.offsetBytes, offsetBytes))
      last += 1
    }
    const displaced = last > first
    replacement.push({ offsetBytes, data, write })
    const cut = this.#pieces[last - 1]
    if (displaced && endOf(cut!) > endBytes) replacement.push(partOf(cut!, endBytes, endOf(cut!)))
    this.#replace(first, last, replacement)
    return displaced
  }

  /** Forgets everything from there on. True if there was something. */
  cut(sizeBytes: number): boolean {
    const first = this.#firstEndingAfter(sizeBytes)
    if (first === this.#pieces.length) return false
    const piece = this.#pieces[first]!
    const kept = piece.offsetBytes < sizeBytes ? [partOf(piece, piece.offsetBytes, sizeBytes)] : []
    this.#replace(first, this.#pieces.length, kept)
    return true
  }

  clear(): void {
    this.#replace(0, this.#pieces.length, [])
  }

  /** Forgets what is left of one write. */
  forget(write: UncommittedWrite): void {
    this.#keep((piece) => piece.write !== write)
  }

  /** The server has answered a COMMIT, sent when `answered` was the last answer, with this verifier. */
  committed(answered: number, verifier: Uint8Array): void {
    this.#keep((piece) => !isCovered(piece.write, answered) || !hasVerifier(piece.write, verifier))
  }

  /** What such a COMMIT did not confirm: the server was restarted after it had answered these. */
  lost(answered: number, verifier: Uint8Array): UncommittedPiece[] {
    return this.#pieces.filter(({ write }) => isCovered(write, answered) && !hasVerifier(write, verifier))
  }

  /** The file is another one than the writes went to: nothing that was answered counts. */
  distrustAll(): void {
    for (const { write } of this.#pieces) write.verifier = undefined
  }

  hasAnswered(): boolean {
    return this.#pieces.some(({ write }) => write.answered > 0)
  }

  /** True if all bytes of the range are kept here. */
  covers(offsetBytes: number, countBytes: number): boolean {
    const endBytes = offsetBytes + countBytes
    let at = offsetBytes
    for (let index = this.#firstEndingAfter(offsetBytes); at < endBytes; index += 1) {
      const piece = this.#pieces[index]
      if (piece === undefined || piece.offsetBytes > at) return false
      at = endOf(piece)
    }
    return true
  }

  /**
   * Puts what is kept over what the server gave: `into` holds `countBytes` of the file from `offsetBytes` on. Returns how
   * many it holds now: the file may be longer than the server knows; what is between is zeros.
   */
  overlay(offsetBytes: number, into: Uint8Array, countBytes: number): number {
    const endBytes = offsetBytes + into.length
    let count = countBytes
    for (let index = this.#firstEndingAfter(offsetBytes); index < this.#pieces.length; index += 1) {
      const piece = this.#pieces[index]!
      if (piece.offsetBytes >= endBytes) break
      const part = partOf(piece, Math.max(piece.offsetBytes, offsetBytes), Math.min(endOf(piece), endBytes))
      const at = part.offsetBytes - offsetBytes
      if (at > count) into.fill(0, count, at)
      into.set(part.data, at)
      count = Math.max(count, at + part.data.length)
    }
    return count
  }

  #keep(wanted: (piece: UncommittedPiece) => boolean): void {
    this.#replace(0, this.#pieces.length, this.#pieces.filter(wanted))
  }

  #replace(first: number, end: number, pieces: readonly UncommittedPiece[]): void {
    for (let index = first; index < end; index += 1) this.#bytes -= this.#pieces[index]!.data.length
    for (const piece of pieces) this.#bytes += piece.data.length
    if (first === 0 && end === this.#pieces.length) this.#pieces = [...pieces]
    else this.#pieces.splice(first, end - first, ...pieces)
  }

  #firstEndingAfter(offsetBytes: number): number {
    let low = 0
    let high = this.#pieces.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (endOf(this.#pieces[middle]!) > offsetBytes) high = middle
      else low = middle + 1
    }
    return low
  }
}

function endOf(piece: UncommittedPiece): number {
  return piece.offsetBytes + piece.data.length
}

function partOf(piece: UncommittedPiece, fromBytes: number, toBytes: number): UncommittedPiece {
  const part = piece.data.subarray(fromBytes - piece.offsetBytes, toBytes - piece.offsetBytes)
  const data = part.length < part.buffer.byteLength * COMPACT_BELOW_PART ? part.slice() : part
  return { offsetBytes: fromBytes, data, write: piece.write }
}

function isCovered(write: UncommittedWrite, answered: number): boolean {
  return write.answered > 0 && write.answered <= answered
}

function hasVerifier(write: UncommittedWrite, verifier: Uint8Array): boolean {
  return write.verifier !== undefined && sameBytes(write.verifier, verifier)
}
