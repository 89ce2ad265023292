import { FILE_NAME_MAX_BYTES } from '../vfs/attributes.ts'
import type { FileName, NodeId } from '../vfs/file-system.ts'

/** Where an object was last seen: one of its names, and which object it was. */
export interface NodeRecord {
  readonly parent: NodeId
  readonly name: FileName
  readonly generation: number
}

const SLOTS_MIN = 256
/** Inode numbers start at 1, so 0 marks a slot that was never used. */
const EMPTY = 0
const DELETED = -1
/** A shelf's names may take this much per object; Linux trees have 12 to 16 bytes a name. */
export const NAME_BYTES_PER_NODE = 24

/**
 * A hash table from inode number to NodeRecord in five flat arrays, about 50 bytes an object: a JavaScript object
 * for each would take three times that, and the collector's time. Open addressing, linear probing.
 *
 * It only grows, up to its limits, and then is replaced as a whole (NodeTable): names that were overwritten or
 * deleted leave their bytes behind until then.
 */
export class NodeShelf {
  readonly #maxNodes: number
  #slots = SLOTS_MIN
  /** Slots that are not EMPTY. */
  #used = 0
  #nodes = new Float64Array(SLOTS_MIN)
  #parents = new Float64Array(SLOTS_MIN)
  #generations = new Uint32Array(SLOTS_MIN)
  #nameOffsets = new Uint32Array(SLOTS_MIN)
  /** Each name with its length before it, in one byte. */
  #names = Buffer.allocUnsafe(SLOTS_MIN * NAME_BYTES_PER_NODE)
  #namesEnd = 0

  /** maxNodes: 1 to 2^27, so that name offsets have 32 bits. */
  constructor(maxNodes: number) {
    this.#maxNodes = maxNodes
  }

  has(node: NodeId): boolean {
    return this.#find(node) >= 0
  }

  /** The record; its name is borrowed: it points into the shelf. */
  get(node: NodeId): NodeRecord | undefined {
    const slot = this.#find(node)
    if (slot < 0) return undefined
    const start = this.#nameOffsets[slot]!
    const name = this.#names.subarray(start + 1, start + 1 + this.#names[start]!)
    return { parent: this.#parents[slot]! as NodeId, name, generation: this.#generations[slot]! }
  }

  generationOf(node: NodeId): number | undefined {
    const slot = this.#find(node)
    return slot < 0 ? undefined : this.#generations[slot]
  }

  /** False: full, nothing was done. */
  put(node: NodeId, parent: NodeId, name: FileName, generation: number): boolean {
    let slot = this.#find(node)
    if (slot >= 0 && this.#isSame(slot, parent, name)) {
      this.#generations[slot] = generation
      return true
    }
    if (!this.#hasRoom(slot < 0, name.length)) return false
    if (slot < 0) {
      slot = this.#claim(node)
    }
    this.#parents[slot] = parent
    this.#generations[slot] = generation
    this.#nameOffsets[slot] = this.#namesEnd
    this.#names[this.#namesEnd] = name.length
    this.#names.set(name, this.#namesEnd + 1)
    this.#namesEnd += 1 + name.length
    return true
  }

  delete(node: NodeId): void {
    const slot = this.#find(node)
    if (slot >= 0) this.#nodes[slot] = DELETED
  }

  #find(node: NodeId): number {
    const mask = this.#slots - 1
    for (let slot = hashOf(node) & mask; ; slot = (slot + 1) & mask) {
      const held = this.#nodes[slot]!
      if (held === node) return slot
      if (held === EMPTY) return -1
    }
  }

  #isSame(slot: number, parent: NodeId, name: FileName): boolean {
    if (this.#parents[slot] !== parent) return false
    const start = this.#nameOffsets[slot]!
    if (this.#names[start] !== name.length) return false
    return this.#names.compare(name, 0, name.length, start + 1, start + 1 + name.length) === 0
  }

  #hasRoom(newNode: boolean, nameBytes: number): boolean {
    if (newNode && this.#used >= this.#maxNodes) return false
    const namesMax = Math.max(this.#maxNodes * NAME_BYTES_PER_NODE, 1 + FILE_NAME_MAX_BYTES)
    const needed = this.#namesEnd + 1 + nameBytes
    if (needed > namesMax) return false
    if (needed > this.#names.length)
      this.#growNames(Math.min(namesMax, Math.max(needed, this.#names.length * 2)))
    // Three quarters full at most: probing stays short.
    if (newNode && (this.#used + 1) * 4 > this.#slots * 3) this.#growSlots()
    return true
  }

  #claim(node: NodeId): number {
    const mask = this.#slots - 1
    let slot = hashOf(node) & mask
    while (this.#nodes[slot] !== EMPTY) slot = (slot + 1) & mask
    this.#nodes[slot] = node
    this.#used += 1
    return slot
  }

  #growNames(bytes: number): void {
    const larger = Buffer.allocUnsafe(bytes)
    larger.set(this.#names.subarray(0, this.#namesEnd))
    this.#names = larger
  }

  #growSlots(): void {
    const [nodes, parents, generations, nameOffsets] = [
      this.#nodes,
      this.#parents,
      this.#generations,
      this.#nameOffsets,
    ]
    this.#slots *= 2
    this.#used = 0
    this.#nodes = new Float64Array(this.#slots)
    this.#parents = new Float64Array(this.#slots)
    this.#generations = new Uint32Array(this.#slots)
    this.#nameOffsets = new Uint32Array(this.#slots)
    for (let old = 0; old < nodes.length; old += 1) {
      const node = nodes[old]!
      if (node === EMPTY || node === DELETED) continue
      const slot = this.#claim(node as NodeId)
      this.#parents[slot] = parents[old]!
      this.#generations[slot] = generations[old]!
      this.#nameOffsets[slot] = nameOffsets[old]!
    }
  }
}

function hashOf(node: number): number {
  const mixed = Math.imul((node >>> 0) ^ Math.imul((node / 2 ** 32) >>> 0, 0x85ebca6b), 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
