/** One holder at a time, in the order of asking. Taking a free lock does not wait. */
export class Lock {
  #held = false
  readonly #queue: (() => void)[] = []

  get isHeld(): boolean {
    return this.#held
  }

  tryAcquire(): boolean {
    if (this.#held) return false
    this.#held = true
    return true
  }

  acquire(): Promise<void> {
    if (this.tryAcquire()) return Promise.resolve()
    return new Promise((resolve) => this.#queue.push(resolve))
  }

  release(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#held = false
    else next()
  }
}
