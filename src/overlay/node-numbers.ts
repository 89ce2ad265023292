import type { IndexBatch } from '../index/batch.ts'
import type { IndexStore } from '../index/index-store.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { FieldReader, FieldWriter } from './format/fields.ts'
import { numberCounterKey } from './format/keys.ts'

/** How many numbers are set aside by one counter record, so that not every new node writes it. */
const NUMBERS_PER_RESERVE = 8_192
const FIRST_NUMBER = 2

/**
 * Hands out node numbers, one counter for all views: never the same twice, also after a crash. Odd numbers are
 * objects of the image, even ones are made by a view: a number without its record is told apart by that.
 */
export class NodeNumbers {
  readonly #index: IndexStore
  #next = FIRST_NUMBER
  #reserved = FIRST_NUMBER
  #recorded = false

  constructor(index: IndexStore) {
    this.#index = index
    this.reload()
  }

  /** After a failed commit: what the index says is reserved, and no number twice. */
  reload(): void {
    const payload = this.#index.get(numberCounterKey())
    this.#recorded = payload !== undefined
    this.#reserved =
      payload === undefined ? FIRST_NUMBER : new FieldReader(payload, 'the node counter').number()
    this.#next = Math.max(this.#next, this.#reserved)
  }

  takeForImage(batch: IndexBatch): NodeId {
    return (this.#take(batch) + 1) as NodeId
  }

  takeForView(batch: IndexBatch): NodeId {
    return this.#take(batch) as NodeId
  }

  #take(batch: IndexBatch): number {
    const number = this.#next
    this.#next += 2
    if (this.#next > this.#reserved) {
      this.#reserved = this.#next + NUMBERS_PER_RESERVE
      batch.put(numberCounterKey(), new FieldWriter(8).number(this.#reserved).finish(), !this.#recorded)
      this.#recorded = true
    }
    return number
  }
}

/** Is this a number of an object of the image? */
export function isImageNumber(node: NodeId): boolean {
  return node % 2 === 1
}
