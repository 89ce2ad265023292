import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../src/daemon/latency-histogram.ts'

function of(...durationsUs: number[]): LatencyHistogram {
  const histogram = new LatencyHistogram()
  for (const duration of durationsUs) histogram.record(duration)
  return histogram
}

test('an empty one has no latency', () => {
  expect(of().quantileUs(0.5)).toBe(0)
  expect(of().total).toBe(0)
})

test('half of the calls took at most p50, all but one in a hundred at most p99', () => {
  const histogram = of(...Array.from({ length: 100 }, (_, index) => (index < 99 ? 5 : 1000)))
  expect(histogram.quantileUs(0.5)).toBe(5)
  expect(histogram.quantileUs(0.99)).toBe(5)
  expect(histogram.quantileUs(1)).toBeGreaterThanOrEqual(1000)
  expect(histogram.total).toBe(100)
})

test('every duration is known to within an eighth, and never told shorter than it was', () => {
  for (let duration = 0; duration < 2 ** 32; duration = Math.floor(duration * 1.37) + 1) {
    const told = of(duration).quantileUs(0.5)
    expect(told).toBeGreaterThanOrEqual(duration)
    expect(told).toBeLessThanOrEqual(Math.max(duration, Math.ceil(duration * 1.125)))
  }
})

test('what is longer than the scale, negative or a fraction is counted at its end', () => {
  expect(of(2 ** 40).quantileUs(0.5)).toBe(2 ** 32 - 1)
  expect(of(-3).quantileUs(0.5)).toBe(0)
  expect(of(0.4).quantileUs(0.5)).toBe(0)
})
