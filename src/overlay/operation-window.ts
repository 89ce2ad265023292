/**
 * Which operations are under way. What an operation looked up stays in memory until it ends: a table may drop
 * only what was last used before the oldest operation under way began.
 */
export class OperationWindow {
  #current = 1
  readonly #active = new Set<number>()

  /** The stamp for "used now". */
  get current(): number {
    return this.#current
  }

  /** Everything last used before this stamp may be dropped. */
  get oldest(): number {
    for (const stamp of this.#active) return stamp
    return this.#current
  }

  /** Runs an operation that waits. Operations that never wait need no place in the window. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.#current += 1
    const stamp = this.#current
    this.#active.add(stamp)
    try {
      return await operation()
    } finally {
      this.#active.delete(stamp)
      this.#current += 1
    }
  }
}

/**
 * Drops what is not in use from the front of a map until it fits, giving what was used since a second chance at
 * the back. Looks at a bounded number of entries, so that a map full of busy ones costs little.
 */
export function evictUnused<K, V>(map: Map<K, V>, maxEntries: number, mayDrop: (value: V) => boolean): void {
  let looks = Math.min(map.size, 64 + (map.size - maxEntries) * 2)
  for (const [key, value] of map) {
    if (map.size <= maxEntries || looks <= 0) return
    looks -= 1
    map.delete(key)
    if (!mayDrop(value)) map.set(key, value)
  }
}
