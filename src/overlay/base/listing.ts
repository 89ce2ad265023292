import { sameBytes } from '../../base/bytes.ts'
import type { FileName, NodeId } from '../../vfs/file-system.ts'
import { COOKIE_STEP, imageCookie } from '../name-cookie.ts'

/**
 * All names of one directory of the image, in cookie order, in a few flat arrays: about 20 bytes a name and the
 * name. Answers lookups, also of names that are not there. Cookies depend on the names alone.
 */
export class Listing {
  readonly #cookies: Float64Array
  readonly #nodes: Float64Array
  readonly #nameStarts: Uint32Array
  readonly #names: Buffer

  constructor(entries: readonly { readonly name: FileName; readonly node: NodeId }[]) {
    const hashed = entries.map((entry) => ({ entry, start: imageCookie(entry.name) }))
    hashed.sort((a, b) => a.start - b.start || Buffer.compare(a.entry.name, b.entry.name))
    this.#cookies = new Float64Array(hashed.length)
    this.#nodes = new Float64Array(hashed.length)
    this.#nameStarts = new Uint32Array(hashed.length + 1)
    let end = 0
    let previous = 0
    for (const [index, { entry, start }] of hashed.entries()) {
      previous = Math.max(start, index === 0 ? start : previous + COOKIE_STEP)
      this.#cookies[index] = previous
      this.#nodes[index] = entry.node
      end += entry.name.length
      this.#nameStarts[index + 1] = end
    }
    this.#names = Buffer.allocUnsafeSlow(end)
    for (const [index, { entry }] of hashed.entries()) this.#names.set(entry.name, this.#nameStarts[index]!)
  }

  get length(): number {
    return this.#cookies.length
  }

  get sizeBytes(): number {
    return this.#cookies.length * 20 + this.#names.length
  }

  cookie(index: number): number {
    return this.#cookies[index]!
  }

  node(index: number): NodeId {
    return this.#nodes[index]! as NodeId
  }

  /** A view: copy it to keep it. */
  name(index: number): FileName {
    return this.#names.subarray(this.#nameStarts[index]!, this.#nameStarts[index + 1]!)
  }

  /** The first entry whose cookie is greater. */
  after(cookie: number): number {
    let low = 0
    let high = this.#cookies.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#cookies[middle]! <= cookie) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The object of the name, or undefined: there is none. */
  find(name: FileName): NodeId | undefined {
    const start = imageCookie(name)
    let expected = start
    for (let index = this.after(start - 1); index < this.#cookies.length; index += 1) {
      if (this.#cookies[index]! > expected) return undefined
      if (sameBytes(this.name(index), name)) return this.node(index)
      expected = this.#cookies[index]! + COOKIE_STEP
    }
    return undefined
  }
}
