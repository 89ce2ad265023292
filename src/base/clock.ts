/** A point in time since 1970-01-01 UTC, as NFSv3 carries it (nfstime3, RFC 1813 section 2.5). */
export interface Timestamp {
  readonly seconds: number
  readonly nanoseconds: number
}

export interface Clock {
  /** Wall time. Strictly increasing: two calls never give the same value, so every change moves ctime. */
  now(): Timestamp
  /** Milliseconds since some fixed point; for durations and time-outs. */
  monotonicMs(): number
}

const NANOSECONDS_PER_SECOND = 1_000_000_000

/** The machine's clock. The only place in the program that asks for the time. */
export class SystemClock implements Clock {
  #lastSeconds = 0
  #lastNanoseconds = 0

  now(): Timestamp {
    const ms = performance.timeOrigin + performance.now()
    let seconds = Math.floor(ms / 1000)
    let nanoseconds = Math.floor((ms - seconds * 1000) * 1e6)
    const drift = Date.now() - ms
    // performance.now() does not follow a step of the wall clock; take the step when there was one.
    if (Math.abs(drift) > 1000) {
      seconds = Math.floor(Date.now() / 1000)
      nanoseconds = (Date.now() % 1000) * 1_000_000
    }
    if (
      seconds < this.#lastSeconds ||
      (seconds === this.#lastSeconds && nanoseconds <= this.#lastNanoseconds)
    ) {
      seconds = this.#lastSeconds
      nanoseconds = this.#lastNanoseconds + 1
      if (nanoseconds === NANOSECONDS_PER_SECOND) {
        seconds += 1
        nanoseconds = 0
      }
    }
    this.#lastSeconds = seconds
    this.#lastNanoseconds = nanoseconds
    return { seconds, nanoseconds }
  }

  monotonicMs(): number {
    return performance.now()
  }
}

export function sameTime(a: Timestamp, b: Timestamp): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds
}
