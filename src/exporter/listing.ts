import { compareBytes } from '../base/bytes.ts'
import { nameHash } from '../base/name-hash.ts'
import type { FileName } from '../vfs/file-system.ts'

export const DOT_COOKIE = 1
export const DOT_DOT_COOKIE = 2
/** Smallest cookie of a name. The largest is far enough below 2^53 for every probe. */
export const NAME_COOKIE_MIN = 3

/**
 * The names of one directory in cookie order, packed: 12 bytes a name, and the name.
 *
 * A cookie is the hash of the name, and where two names meet, the next free number in the order of the names. So it
 * needs no memory: it is the same after a restart, and untouched names keep theirs while the directory changes (but
 * for names whose 51 bits meet: one pair in a directory of a million names with a chance of 2 in 10,000).
 */
export class Listing {
  readonly length: number
  /** What it takes in memory. */
  readonly sizeBytes: number
  readonly #cookies: Float64Array
  readonly #ends: Uint32Array
  readonly #names: Buffer

  constructor(cookies: Float64Array, ends: Uint32Array, names: Buffer) {
    this.length = cookies.length
    this.sizeBytes = cookies.byteLength + ends.byteLength + names.length
    this.#cookies = cookies
    this.#ends = ends
    this.#names = names
  }

  /** The name at a place; borrowed from the listing. */
  nameAt(index: number): FileName {
    return this.#names.subarray(index === 0 ? 0 : this.#ends[index - 1]!, this.#ends[index]!)
  }

  cookieAt(index: number): number {
    return this.#cookies[index]!
  }

  /** The first place after a cookie, whether or not a name has that cookie. */
  indexAfter(cookie: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#cookies[middle]! <= cookie) low = middle + 1
      else high = middle
    }
    return low
  }
}

const NAMES_START_BYTES = 4096

/** Takes the names of a directory as they come and puts them in order. `hash` is replaced in tests. */
export class ListingBuilder {
  readonly #hash: (name: Uint8Array) => number
  #names = Buffer.allocUnsafe(NAMES_START_BYTES)
  #namesEnd = 0
  readonly #ends: number[] = []
  readonly #hashes: number[] = []

  constructor(hash: (name: Uint8Array) => number = nameHash) {
    this.#hash = hash
  }

  add(name: FileName): void {
    const end = this.#namesEnd + name.length
    if (end > this.#names.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#names.length * 2))
      larger.set(this.#names.subarray(0, this.#namesEnd))
      this.#names = larger
    }
    this.#names.set(name, this.#namesEnd)
    this.#namesEnd = end
    this.#ends.push(end)
    this.#hashes.push(this.#hash(name) + NAME_COOKIE_MIN)
  }

  finish(): Listing {
    const count = this.#ends.length
    const order = Uint32Array.from({ length: count }, (_, index) => index)
    order.sort((a, b) => this.#hashes[a]! - this.#hashes[b]! || compareBytes(this.#name(a), this.#name(b)))
    const cookies = new Float64Array(count)
    const ends = new Uint32Array(count)
    const names = Buffer.allocUnsafe(this.#namesEnd)
    let end = 0
    let last = 0
    for (let index = 0; index < count; index += 1) {
      const from = order[index]!
      last = Math.max(this.#hashes[from]!, last + 1)
      cookies[index] = last
      const name = this.#name(from)
      names.set(name, end)
      end += name.length
      ends[index] = end
    }
    return new Listing(cookies, ends, names)
  }

  #name(index: number): FileName {
    return this.#names.subarray(index === 0 ? 0 : this.#ends[index - 1]!, this.#ends[index]!)
  }
}
