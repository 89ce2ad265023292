import type { Timestamp } from '../../src/base/clock.ts'

/** Server times come from the same machine's clock; it may be stepped a little while a run is on. */
const CLOCK_TOLERANCE_MS = 1500

/**
 * A time as the model knows it: exact because somebody set it, or "the server's, later than the one before" until
 * it is seen for the first time, and exact from then on.
 */
export class ModelTime {
  #exact: Timestamp | undefined
  #laterThan: ModelTime | undefined
  readonly #notBeforeMs: number | undefined
  #isUntold = false

  private constructor(
    exact: Timestamp | undefined,
    laterThan: ModelTime | undefined,
    notBeforeMs: number | undefined,
  ) {
    this.#exact = exact
    this.#laterThan = laterThan
    this.#notBeforeMs = notBeforeMs
  }

  static exactly(time: Timestamp): ModelTime {
    return new ModelTime(time, undefined, undefined)
  }

  /** The server's clock at this moment; strictly later than `laterThan` (a ctime moves with every change). */
  static byServer(laterThan?: ModelTime): ModelTime {
    return new ModelTime(undefined, laterThan, Date.now())
  }

  /** The next time the server sets: later than this one if the server set this one too. */
  next(): ModelTime {
    return ModelTime.byServer(this.#notBeforeMs === undefined ? undefined : this)
  }

  /** Any time: a crash may have taken it. */
  static unsure(): ModelTime {
    return new ModelTime(undefined, undefined, undefined)
  }

  /** Any time, and another whenever it is looked at. */
  static untold(): ModelTime {
    const time = new ModelTime(undefined, undefined, undefined)
    time.#isUntold = true
    return time
  }

  get exact(): Timestamp | undefined {
    return this.#exact
  }

  /** Compares with what the server showed and remembers it. What is wrong with it, or undefined. */
  observe(seen: Timestamp): string | undefined {
    if (this.#isUntold) return undefined
    if (this.#exact !== undefined) {
      return compareTimes(seen, this.#exact) === 0
        ? undefined
        : `is ${text(seen)}, expected ${text(this.#exact)}`
    }
    const earlier = this.#lastKnown()
    this.#exact = seen
    this.#laterThan = undefined
    if (earlier !== undefined && compareTimes(seen, earlier) <= 0)
      return `is ${text(seen)}, expected later than ${text(earlier)}`
    if (this.#notBeforeMs === undefined) return undefined
    const ms = seen.seconds * 1000 + seen.nanoseconds / 1e6
    if (ms < this.#notBeforeMs - CLOCK_TOLERANCE_MS || ms > Date.now() + CLOCK_TOLERANCE_MS)
      return `is ${text(seen)}, expected the time of the call, ${this.#notBeforeMs} ms`
    return undefined
  }

  #lastKnown(): Timestamp | undefined {
    let time = this.#laterThan
    while (time !== undefined && time.#exact === undefined) time = time.#laterThan
    return time === undefined ? undefined : time.#exact
  }
}

export function compareTimes(a: Timestamp, b: Timestamp): number {
  return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds
}

function text(time: Timestamp): string {
  return `${time.seconds}.${String(time.nanoseconds).padStart(9, '0')}`
}
