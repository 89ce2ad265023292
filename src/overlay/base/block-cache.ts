import type { NodeId } from '../../vfs/file-system.ts'
import { BLOCK_SIZE_BYTES } from '../blocks.ts'

const SLAB_BLOCKS = 256

/**
 * Blocks of image files in memory, shared by all views, bounded. The oldest block not used since the hand
 * passed makes room (the clock algorithm). Memory is taken in slabs of 1 MiB as it is needed and never returned.
 */
export class BlockCache {
  readonly #capacityBlocks: number
  readonly #slabs: Buffer[] = []
  readonly #files = new Map<NodeId, Map<number, number>>()
  readonly #owners: Float64Array
  readonly #blocks: Float64Array
  readonly #used: Uint8Array
  #filled = 0
  #hand = 0

  constructor(capacityBytes: number) {
    this.#capacityBlocks = Math.max(1, Math.floor(capacityBytes / BLOCK_SIZE_BYTES))
    this.#owners = new Float64Array(this.#capacityBlocks)
    this.#blocks = new Float64Array(this.#capacityBlocks)
    this.#used = new Uint8Array(this.#capacityBlocks)
  }

  get sizeBytes(): number {
    return this.#filled * BLOCK_SIZE_BYTES
  }

  has(file: NodeId, block: number): boolean {
    return this.#files.get(file)?.has(block) ?? false
  }

  /** The block's 4,096 bytes (zeros past the end of the file), valid until the next `put`; or undefined. */
  get(file: NodeId, block: number): Uint8Array | undefined {
    const slot = this.#files.get(file)?.get(block)
    if (slot === undefined) return undefined
    this.#used[slot] = 1
    return this.#slot(slot)
  }

  /** `data` is a whole block, or less at the end of the file. */
  put(file: NodeId, block: number, data: Uint8Array): void {
    let blocks = this.#files.get(file)
    let slot = blocks?.get(block)
    if (slot === undefined) {
      slot = this.#free()
      // Making room may have dropped the file's last block and its map with it.
      blocks = this.#files.get(file)
      if (blocks === undefined) {
        blocks = new Map()
        this.#files.set(file, blocks)
      }
      blocks.set(block, slot)
      this.#owners[slot] = file
      this.#blocks[slot] = block
    }
    const target = this.#slot(slot)
    target.set(data)
    if (data.length < BLOCK_SIZE_BYTES) target.fill(0, data.length)
  }

  drop(file: NodeId): void {
    const blocks = this.#files.get(file)
    if (blocks === undefined) return
    for (const slot of blocks.values()) {
      this.#owners[slot] = 0
      this.#used[slot] = 0
    }
    this.#files.delete(file)
  }

  #slot(slot: number): Buffer {
    const slab = this.#slabs[Math.floor(slot / SLAB_BLOCKS)]!
    const at = (slot % SLAB_BLOCKS) * BLOCK_SIZE_BYTES
    return slab.subarray(at, at + BLOCK_SIZE_BYTES)
  }

  #free(): number {
    if (this.#filled < this.#capacityBlocks) {
      const slot = this.#filled
      if (slot % SLAB_BLOCKS === 0) {
        const blocks = Math.min(SLAB_BLOCKS, this.#capacityBlocks - slot)
        this.#slabs.push(Buffer.allocUnsafeSlow(blocks * BLOCK_SIZE_BYTES))
      }
      this.#filled += 1
      return slot
    }
    for (;;) {
      const slot = this.#hand
      this.#hand = (this.#hand + 1) % this.#capacityBlocks
      if (this.#used[slot] === 1) {
        this.#used[slot] = 0
        continue
      }
      const owner = this.#owners[slot]! as NodeId
      const blocks = this.#files.get(owner)
      if (blocks?.get(this.#blocks[slot]!) === slot) {
        blocks.delete(this.#blocks[slot]!)
        if (blocks.size === 0) this.#files.delete(owner)
      }
      return slot
    }
  }
}
