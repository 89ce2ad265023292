/** A stream of numbers that depends on its seed alone: the same seed makes the same run on every machine. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1 (splitmix32). */
  uint32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  /** 0 to limit - 1; limit up to 2^53. */
  below(limit: number): number {
    return Math.floor(((this.uint32() * 0x200000 + (this.uint32() >>> 11)) / 0x20000000000000) * limit)
  }

  /** from to to, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 0x100000000
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** One of the keys, as often as its weight says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as [Key, number][]
    let rest = this.below(entries.reduce((sum, [, weight]) => sum + weight, 0))
    for (const [key, weight] of entries) {
      if (rest < weight) return key
      rest -= weight
    }
    return entries[0]![0]
  }
}

/** Bytes that depend on their seed alone, so that a write can be written down as two numbers. Never all zero. */
export function patternBytes(seed: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes)
  let state = (seed ^ 0x6d2b79f5) >>> 0 || 1
  for (let at = 0; at < lengthBytes; at += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = (state & 0xff) | 1
  }
  return bytes
}
