import { sameBytes } from '../../src/base/bytes.ts'
import type { SparseBytes } from './sparse-bytes.ts'

const BLOCK_BYTES = 4096

export interface Piece {
  readonly offsetBytes: number
  readonly data: Uint8Array
  /** Who wrote it: who sends it again. */
  readonly caller: number
}

/**
 * What a crash may take from one file: the writes that were answered UNSTABLE since they were last committed, over
 * the content that is stable. The client of this file keeps them, as every NFSv3 client does, and sends them again.
 */
export class UnstableWrites {
  readonly #stable: SparseBytes
  #stableSizeBytes: number
  #pieces: Piece[] = []

  constructor(content: SparseBytes, sizeBytes: number) {
    this.#stable = content.copy()
    this.#stableSizeBytes = sizeBytes
  }

  get pieces(): readonly Piece[] {
    return this.#pieces
  }

  write(piece: Piece): void {
    this.#pieces.push(piece)
  }

  /** These bytes are stable now, whatever was unstable below them. */
  settle(offsetBytes: number, data: Uint8Array): void {
    this.#stable.write(offsetBytes, data)
    if (data.length > 0) this.#stableSizeBytes = Math.max(this.#stableSizeBytes, offsetBytes + data.length)
    this.#pieces = this.#pieces.flatMap((piece) => outside(piece, offsetBytes, offsetBytes + data.length))
  }

  /** A SETATTR of the size: stable at once; nothing written before survives past it. */
  resize(sizeBytes: number): void {
    this.#stable.cut(sizeBytes)
    this.#stableSizeBytes = sizeBytes
    this.#pieces = this.#pieces.flatMap((piece) => outside(piece, sizeBytes, Number.POSITIVE_INFINITY))
  }

  /** The sizes that the file may have after a crash. */
  possibleSizes(): number[] {
    const ends = this.#pieces.map(({ offsetBytes, data }) => offsetBytes + data.length)
    return [this.#stableSizeBytes, ...ends.filter((end) => end > this.#stableSizeBytes)]
  }

  /**
   * After a crash: is every part of these bytes wholly old or wholly new? A part is what lies in one 4 KiB block
   * and was written by the same calls. What is wrong, or undefined.
   */
  checkAfterCrash(offsetBytes: number, seen: Uint8Array): string | undefined {
    for (const { from, to } of this.#parts(offsetBytes, offsetBytes + seen.length)) {
      const got = seen.subarray(from - offsetBytes, to - offsetBytes)
      const stable = this.#stable.read(from, to - from)
      if (sameBytes(got, stable)) continue
      const covering = this.#pieces.filter(
        ({ offsetBytes: start, data }) => start <= from && to <= start + data.length,
      )
      const known = covering.some(({ offsetBytes: start, data }) =>
        sameBytes(got, data.subarray(from - start, to - start)),
      )
      if (!known) return `bytes ${from} to ${to} are neither old nor new (${covering.length} unstable writes)`
    }
    return undefined
  }

  #parts(from: number, to: number): { from: number; to: number }[] {
    const cuts = new Set([from, to])
    for (let at = Math.ceil(from / BLOCK_BYTES) * BLOCK_BYTES; at < to; at += BLOCK_BYTES) cuts.add(at)
    for (const { offsetBytes, data } of this.#pieces) {
      for (const cut of [offsetBytes, offsetBytes + data.length]) if (cut > from && cut < to) cuts.add(cut)
    }
    const sorted = [...cuts].sort((a, b) => a - b)
    return sorted.slice(1).map((end, index) => ({ from: sorted[index]!, to: end }))
  }
}

/** What of the piece lies before `from` and what at or after `to`. */
function outside(piece: Piece, from: number, to: number): Piece[] {
  const { offsetBytes, data } = piece
  const end = offsetBytes + data.length
  if (end <= from || offsetBytes >= to) return [piece]
  const out: Piece[] = []
  if (offsetBytes < from) out.push({ ...piece, data: data.subarray(0, from - offsetBytes) })
  if (end > to) out.push({ ...piece, offsetBytes: to, data: data.subarray(to - offsetBytes) })
  return out
}
