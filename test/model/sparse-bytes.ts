/** Not 4096 and no power of two, so that a mistake at a block's edge cannot be repeated here. */
const PAGE_BYTES = 1000

/**
 * The content of a file of the model: what was written, and zeros. Pages are never changed in place, so a copy is
 * as cheap as its list of pages.
 */
export class SparseBytes {
  readonly #pages: Map<number, Uint8Array>

  constructor(pages: Map<number, Uint8Array> = new Map()) {
    this.#pages = pages
  }

  copy(): SparseBytes {
    return new SparseBytes(new Map(this.#pages))
  }

  read(offsetBytes: number, countBytes: number): Uint8Array {
    const out = new Uint8Array(countBytes)
    for (const piece of pieces(offsetBytes, countBytes)) {
      const page = this.#pages.get(piece.page)
      if (page !== undefined) out.set(page.subarray(piece.from, piece.to), piece.at)
    }
    return out
  }

  write(offsetBytes: number, data: Uint8Array): void {
    for (const piece of pieces(offsetBytes, data.length)) {
      const page = new Uint8Array(PAGE_BYTES)
      page.set(this.#pages.get(piece.page) ?? [])
      page.set(data.subarray(piece.at, piece.at + piece.to - piece.from), piece.from)
      this.#pages.set(piece.page, page)
    }
  }

  /** Everything from here on is zero. */
  cut(sizeBytes: number): void {
    for (const [index, page] of [...this.#pages]) {
      const start = index * PAGE_BYTES
      if (start >= sizeBytes) this.#pages.delete(index)
      else if (start + PAGE_BYTES > sizeBytes) {
        const kept = new Uint8Array(PAGE_BYTES)
        kept.set(page.subarray(0, sizeBytes - start))
        this.#pages.set(index, kept)
      }
    }
  }

  /** Where something was written, in order; everything else is zero. */
  ranges(): { offsetBytes: number; countBytes: number }[] {
    const out: { offsetBytes: number; countBytes: number }[] = []
    for (const index of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const last = out.at(-1)
      if (last !== undefined && last.offsetBytes + last.countBytes === index * PAGE_BYTES)
        last.countBytes += PAGE_BYTES
      else out.push({ offsetBytes: index * PAGE_BYTES, countBytes: PAGE_BYTES })
    }
    return out
  }
}

function* pieces(offsetBytes: number, countBytes: number) {
  let at = 0
  while (at < countBytes) {
    const page = Math.floor((offsetBytes + at) / PAGE_BYTES)
    const from = offsetBytes + at - page * PAGE_BYTES
    const to = Math.min(PAGE_BYTES, from + countBytes - at)
    yield { page, from, to, at }
    at += to - from
  }
}
