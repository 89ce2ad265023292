/**
 * The numbers that were added lately: at least the last `halfMax`, at most twice as many. What was added before is
 * forgotten half by half.
 */
export class RecentSet {
  readonly #halfMax: number
  #young = new Set<number>()
  #old = new Set<number>()

  constructor(halfMax: number) {
    this.#halfMax = halfMax
  }

  has(value: number): boolean {
    return this.#young.has(value) || this.#old.has(value)
  }

  add(value: number): void {
    if (this.#young.size >= this.#halfMax) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(value)
  }
}
