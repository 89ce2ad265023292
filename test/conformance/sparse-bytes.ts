const PAGE_BYTES = 4096

/** The content of a file in memory: pages that were never written read as zeros and take no room. */
export class SparseBytes {
  readonly #pages = new Map<number, Uint8Array>()
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get usedBytes(): number {
    return this.#pages.size * PAGE_BYTES
  }

  /** The number of bytes put at the start of `into`: less than its length only at the end. */
  read(offsetBytes: number, into: Uint8Array): number {
    const countBytes = Math.max(0, Math.min(into.length, this.#sizeBytes - offsetBytes))
    for (let done = 0; done < countBytes; ) {
      const at = offsetBytes + done
      const within = at % PAGE_BYTES
      const step = Math.min(PAGE_BYTES - within, countBytes - done)
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES))
      const target = into.subarray(done, done + step)
      if (page === undefined) target.fill(0)
      else target.set(page.subarray(within, within + step))
      done += step
    }
    return countBytes
  }

  write(offsetBytes: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const at = offsetBytes + done
      const within = at % PAGE_BYTES
      const step = Math.min(PAGE_BYTES - within, data.length - done)
      this.#pageAt(Math.floor(at / PAGE_BYTES)).set(data.subarray(done, done + step), within)
      done += step
    }
    if (data.length > 0) this.#sizeBytes = Math.max(this.#sizeBytes, offsetBytes + data.length)
  }

  /** What is cut off never comes back: a file that grows again has zeros there. */
  truncate(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) {
      const lastPage = Math.floor(sizeBytes / PAGE_BYTES)
      for (const page of this.#pages.keys()) if (page > lastPage) this.#pages.delete(page)
      const within = sizeBytes % PAGE_BYTES
      if (within === 0) this.#pages.delete(lastPage)
      else this.#pages.get(lastPage)?.fill(0, within)
    }
    this.#sizeBytes = sizeBytes
  }

  #pageAt(index: number): Uint8Array {
    let page = this.#pages.get(index)
    if (page === undefined) {
      page = new Uint8Array(PAGE_BYTES)
      this.#pages.set(index, page)
    }
    return page
  }
}
