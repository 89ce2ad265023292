import { expect, test } from 'vitest'
import { RecentSet } from '../../src/exporter/recent-set.ts'

test('the recent set knows at least the last half full, and at most two of them', () => {
  const recent = new RecentSet(10)
  for (let value = 0; value < 1000; value += 1) {
    recent.add(value)
    for (let back = 0; back < Math.min(10, value); back += 1) expect(recent.has(value - back)).toBe(true)
    expect(recent.has(value - 20)).toBe(false)
  }
})
