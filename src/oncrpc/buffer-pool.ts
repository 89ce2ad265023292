import { FREE_BUFFERS_MAX_BYTES, LARGE_RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_BYTES } from './limits.ts'

/** Small reads, first receive buffers, the largest record or read. */
const SIZES_BYTES = [64 * 1024, RECEIVE_BUFFER_BYTES, LARGE_RECEIVE_BUFFER_BYTES] as const

/**
 * Large buffers, used again and again: a fresh one costs a page fault for every 4 KiB. The last one given back is the
 * next one taken, because it is still in the processor's cache.
 */
export class BufferPool {
  readonly #free: Buffer[][] = SIZES_BYTES.map(() => [])
  #freeBytes = 0
  #usedBytes = 0

  /** What has been taken and not given back. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** A buffer of at least this size; its content is undefined. */
  take(minBytes: number): Buffer {
    const sizeClass = SIZES_BYTES.findIndex((sizeBytes) => sizeBytes >= minBytes)
    const buffer = this.#free[sizeClass]?.pop()
    if (buffer !== undefined) {
      this.#freeBytes -= buffer.length
      this.#usedBytes += buffer.length
      return buffer
    }
    const sizeBytes = SIZES_BYTES[sizeClass] ?? minBytes
    this.#usedBytes += sizeBytes
    return Buffer.allocUnsafeSlow(sizeBytes)
  }

  /** Gives back a buffer that `take` returned: nobody reads or writes it any more. */
  give(buffer: Buffer): void {
    this.#usedBytes -= buffer.length
    const sizeClass = SIZES_BYTES.indexOf(buffer.length as (typeof SIZES_BYTES)[number])
    if (sizeClass === -1 || this.#freeBytes + buffer.length > FREE_BUFFERS_MAX_BYTES) return
    this.#free[sizeClass]!.push(buffer)
    this.#freeBytes += buffer.length
  }
}
