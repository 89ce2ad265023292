/** Lets operations through, counts those under way, and can be closed to have a view to oneself. */
export class Gate {
  #active = 0
  #frozen = false
  #waiting: (() => void)[] = []
  #idle: (() => void)[] = []

  get isFrozen(): boolean {
    return this.#frozen
  }

  opened(): Promise<void> {
    if (!this.#frozen) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  count<T>(operation: Promise<T>): Promise<T> {
    this.#active += 1
    return operation.finally(() => {
      this.#active -= 1
      if (this.#active > 0) return
      for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** Runs `work` while no operation is under way and none begins. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#frozen) await this.opened()
    this.#frozen = true
    try {
      while (this.#active > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
      return await work()
    } finally {
      this.#frozen = false
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }
}
