/**
 * One sync at a time. A call while one runs shares the *next* one: the running one may have started before the
 * caller's last write and must not count for it. When a sync fails, the calls waiting behind it fail too: what they
 * wanted stable may have been part of what was lost.
 */
export class SharedSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #waiting: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  get busy(): boolean {
    return this.#running !== undefined
  }

  run(): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting
    if (this.#running === undefined) return this.#start()
    this.#waiting = this.#running.then(
      () => this.#start(),
      (error: unknown) => {
        this.#waiting = undefined
        throw error
      },
    )
    return this.#waiting
  }

  #start(): Promise<void> {
    this.#waiting = undefined
    const running = this.#sync().finally(() => {
      this.#running = undefined
    })
    this.#running = running
    return running
  }
}
