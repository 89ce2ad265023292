import type { FileName, NodeId } from '../vfs/file-system.ts'
import { type NodeRecord, NodeShelf } from './node-shelf.ts'

/** Objects on one of the table's two shelves; both full: 1.5 million objects in about 90 MB. */
export const SHELF_NODES_MAX = 786_432

/**
 * Where each object of a tree was last seen, bounded. What is not in it is found again by a walk (TreeSearch).
 *
 * Two shelves make a cheap approximation of "least recently used": everything new or asked for is on the young one;
 * when that is full it becomes the old one, and what was only on the old one is forgotten. The directories above an
 * object go to the young shelf with it, so that a path to the root never breaks in the middle.
 */
export class NodeTable {
  readonly #root: NodeId
  readonly #shelfNodesMax: number
  #young: NodeShelf
  #old: NodeShelf

  constructor(root: NodeId, shelfNodesMax: number = SHELF_NODES_MAX) {
    this.#root = root
    this.#shelfNodesMax = shelfNodesMax
    this.#young = new NodeShelf(shelfNodesMax)
    this.#old = new NodeShelf(shelfNodesMax)
  }

  /** The record; its name is borrowed until the next change. The root has none. */
  get(node: NodeId): NodeRecord | undefined {
    const young = this.#young.get(node)
    if (young !== undefined) return young
    const old = this.#old.get(node)
    if (old === undefined) return undefined
    this.#takeUp(node, old)
    return this.#young.get(node)
  }

  generationOf(node: NodeId): number | undefined {
    return this.#young.generationOf(node) ?? this.#old.generationOf(node)
  }

  set(node: NodeId, parent: NodeId, name: FileName, generation: number): void {
    if (node !== this.#root) this.#takeUp(node, { parent, name, generation })
  }

  delete(node: NodeId): void {
    this.#young.delete(node)
    this.#old.delete(node)
  }

  /** Puts the record and the directories above it on the young shelf. */
  #takeUp(node: NodeId, record: NodeRecord): void {
    if (this.#climb(node, record)) return
    this.#old = this.#young
    this.#young = new NodeShelf(this.#shelfNodesMax)
    // A tree deeper than a whole shelf keeps what fits; the rest is on the old shelf or found by a walk.
    this.#climb(node, record)
  }

  /** False: the young shelf is full. */
  #climb(node: NodeId, record: NodeRecord): boolean {
    if (!this.#young.put(node, record.parent, record.name, record.generation)) return false
    let at = record.parent
    while (at !== this.#root && !this.#young.has(at)) {
      const above = this.#old.get(at)
      if (above === undefined) return true
      if (!this.#young.put(at, above.parent, above.name, above.generation)) return false
      at = above.parent
    }
    return true
  }
}
