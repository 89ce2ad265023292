import type { Clock, Timestamp } from '../../src/base/clock.ts'

/** Wall time is the machine's (it is compared with times of real files); durations pass when the test says so. */
export class ManualClock implements Clock {
  elapsedMs = 0
  /** Added to the wall time. */
  offsetSeconds = 0

  now(): Timestamp {
    const ms = Date.now()
    return { seconds: Math.floor(ms / 1000) + this.offsetSeconds, nanoseconds: (ms % 1000) * 1_000_000 }
  }

  monotonicMs(): number {
    return this.elapsedMs
  }
}
