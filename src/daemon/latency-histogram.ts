/** Buckets per doubling: a value is known to within 1/8. */
const STEPS_PER_DOUBLING = 8
/** Below this every microsecond has a bucket of its own. */
const EXACT_BELOW_US = 8
/** The last bucket takes everything from 2^32 us (71 minutes) on. */
const DOUBLINGS = 30
const BUCKETS = EXACT_BELOW_US + (DOUBLINGS - 1) * STEPS_PER_DOUBLING

/** How often which duration occurred, on a logarithmic scale: 960 bytes, a few nanoseconds to count one. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #total = 0

  get total(): number {
    return this.#total
  }

  record(durationUs: number): void {
    this.#counts[bucketOf(durationUs)]! += 1
    this.#total += 1
  }

  /** The duration that this share (0 to 1) of all did not exceed, rounded up to its bucket's end; 0 when empty. */
  quantileUs(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * share))
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket]!
      if (seen >= wanted) return endOf(bucket)
    }
    return 0
  }
}

function bucketOf(durationUs: number): number {
  const whole = Math.min(Math.max(0, Math.floor(durationUs)), 0xffff_ffff)
  if (whole < EXACT_BELOW_US) return whole
  const doubling = 31 - Math.clz32(whole)
  const step = (whole >>> (doubling - 3)) & (STEPS_PER_DOUBLING - 1)
  return EXACT_BELOW_US + (doubling - 3) * STEPS_PER_DOUBLING + step
}

/** The largest whole number of microseconds that falls into the bucket. */
function endOf(bucket: number): number {
  if (bucket < EXACT_BELOW_US) return bucket
  const doubling = 3 + Math.floor((bucket - EXACT_BELOW_US) / STEPS_PER_DOUBLING)
  const step = (bucket - EXACT_BELOW_US) % STEPS_PER_DOUBLING
  return 2 ** doubling + (step + 1) * 2 ** (doubling - 3) - 1
}
