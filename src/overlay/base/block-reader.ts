import type { Awaitable } from '../../base/awaitable.ts'
import { FsFault, StorageError } from '../../vfs/faults.ts'
import type { NodeId } from '../../vfs/file-system.ts'
import { BLOCK_SIZE_BYTES, blockOf, blocksFor } from '../blocks.ts'
import { BlockCache } from './block-cache.ts'
import type { Image } from './image.ts'
import type { ImageObject } from './image-object.ts'

export interface ReadCounters {
  bytesFromImage: number
  bytesFromCache: number
  bytesFromShadow: number
}

/** Thrown when a file of the image turned out to be another version while it was read: the client asks again. */
export class ImageChangedError extends FsFault {
  override readonly name = 'ImageChangedError'
  readonly status = 'JUKEBOX'
}

interface Fetched {
  readonly firstBlock: number
  readonly data: Uint8Array
}

/** Reads image files through the block cache. Concurrent requests for a block share one fetch. */
export class BlockReader {
  readonly #image: Image
  readonly #counters: ReadCounters
  readonly #cache: BlockCache
  readonly #inFlight = new Map<NodeId, Map<number, Promise<Fetched>>>()

  constructor(image: Image, cacheBytes: number, counters: ReadCounters) {
    this.#image = image
    this.#cache = new BlockCache(cacheBytes)
    this.#counters = counters
  }

  get cachedBytes(): number {
    return this.#cache.sizeBytes
  }

  forget(file: NodeId): void {
    this.#cache.drop(file)
  }

  /**
   * Fills `into` with the image's bytes from `offsetBytes` on. Precondition: the range is within the file, as its
   * attributes say. Returns at once when every block is at hand.
   */
  read(file: ImageObject, offsetBytes: number, into: Uint8Array): Awaitable<void> {
    const first = blockOf(offsetBytes)
    const end = blocksFor(offsetBytes + into.length)
    if (file.attributes !== undefined) {
      let block = first
      while (block < end && this.#copyCached(file.node, block, offsetBytes, into)) block += 1
      if (block === end) return
      return this.#readMissing(file, block, end, offsetBytes, into)
    }
    return this.#readMissing(file, first, end, offsetBytes, into)
  }

  #copyCached(file: NodeId, block: number, offsetBytes: number, into: Uint8Array): boolean {
    const data = this.#cache.get(file, block)
    if (data === undefined) return false
    this.#counters.bytesFromCache += copyPart(data, block * BLOCK_SIZE_BYTES, offsetBytes, into)
    return true
  }

  async #readMissing(
    file: ImageObject,
    firstBlock: number,
    endBlock: number,
    offsetBytes: number,
    into: Uint8Array,
  ): Promise<void> {
    // To see that the file is still the version that the cached blocks belong to.
    const attributes = await this.#image.attributes(file)
    if (!attributes.ok)
      throw new StorageError(attributes.status, `image object ${file.node}: ${attributes.status}`)
    const waits: Promise<Fetched>[] = []
    let block = firstBlock
    while (block < endBlock) {
      const running = this.#inFlight.get(file.node)?.get(block)
      if (running !== undefined) {
        waits.push(running)
        while (block < endBlock && this.#inFlight.get(file.node)?.get(block) === running) block += 1
        continue
      }
      if (this.#copyCached(file.node, block, offsetBytes, into)) {
        block += 1
        continue
      }
      let runEnd = block + 1
      while (runEnd < endBlock && !this.#isKnown(file.node, runEnd)) runEnd += 1
      waits.push(this.#fetch(file, block, runEnd - block))
      block = runEnd
    }
    for (const { firstBlock: start, data } of await Promise.all(waits)) {
      copyPart(data, start * BLOCK_SIZE_BYTES, offsetBytes, into)
    }
  }

  #isKnown(file: NodeId, block: number): boolean {
    return this.#cache.has(file, block) || this.#inFlight.get(file)?.has(block) === true
  }

  #fetch(file: ImageObject, firstBlock: number, blockCount: number): Promise<Fetched> {
    let running = this.#inFlight.get(file.node)
    if (running === undefined) {
      running = new Map()
      this.#inFlight.set(file.node, running)
    }
    const blocks = running
    const fetched = this.#fetchNow(file, firstBlock, blockCount).finally(() => {
      for (let block = firstBlock; block < firstBlock + blockCount; block += 1) blocks.delete(block)
      if (blocks.size === 0 && this.#inFlight.get(file.node) === blocks) this.#inFlight.delete(file.node)
    })
    for (let block = firstBlock; block < firstBlock + blockCount; block += 1) blocks.set(block, fetched)
    return fetched
  }

  async #fetchNow(file: ImageObject, firstBlock: number, blockCount: number): Promise<Fetched> {
    const start = firstBlock * BLOCK_SIZE_BYTES
    const sizeBytes = file.attributes!.sizeBytes
    const countBytes = Math.min(blockCount * BLOCK_SIZE_BYTES, sizeBytes - start)
    const result = await this.#image.readBytes(file, start, countBytes)
    if (!result.ok)
      throw new StorageError(result.status, `the image server refuses to read: ${result.status}`)
    const { data, attributes } = result.value
    this.#counters.bytesFromImage += data.length
    if (attributes !== undefined && !this.#image.noteAttributes(file, attributes)) {
      throw new ImageChangedError(`image object ${file.node} changed while it was read`)
    }
    if (data.length < countBytes) {
      throw new StorageError(
        'IO',
        `the image server gave ${data.length} of ${countBytes} bytes of image object ${file.node}`,
      )
    }
    for (let at = 0; at < data.length; at += BLOCK_SIZE_BYTES) {
      this.#cache.put(file.node, firstBlock + at / BLOCK_SIZE_BYTES, data.subarray(at, at + BLOCK_SIZE_BYTES))
    }
    return { firstBlock, data }
  }
}

/** Copies what `data` (from `dataStart` of the file on) has of the wanted range. Returns the count. */
function copyPart(data: Uint8Array, dataStart: number, offsetBytes: number, into: Uint8Array): number {
  const from = Math.max(dataStart, offsetBytes)
  const to = Math.min(dataStart + data.length, offsetBytes + into.length)
  if (to <= from) return 0
  into.set(data.subarray(from - dataStart, to - dataStart), from - offsetBytes)
  return to - from
}
