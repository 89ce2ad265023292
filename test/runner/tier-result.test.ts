import { expect, test } from 'vitest'
import { brokenTier, summaryLines, type TierResult } from './tier-result.ts'

const tier = (more: Partial<TierResult>): TierResult => ({
  tier: 'fast',
  passed: 1,
  failed: [],
  skipped: [],
  durationMs: 1500,
  ...more,
})

test('the last line is for machines', () => {
  expect(summaryLines([tier({ passed: 3 }), tier({ passed: 4 })], []).at(-1)).toBe('7 passed, 0 failed')
  expect(summaryLines([tier({ failed: ['a'] }), brokenTier('system', 'it crashed', 0)], []).at(-1)).toBe(
    '1 passed, 2 failed',
  )
  const skipped = [{ name: 'a', reason: 'needs root' }]
  expect(summaryLines([tier({ skipped })], []).at(-1)).toBe('1 passed, 0 failed, 1 skipped')
})

test('what failed is named, and what was skipped with its reason', () => {
  const lines = summaryLines(
    [
      tier({ failed: ['test/a.test.ts > case: expected 1 to be 2'] }),
      tier({
        tier: 'kernel',
        skipped: [
          { name: 'k > one', reason: 'needs root' },
          { name: 'k > two', reason: 'needs root' },
          { name: 'k > three', reason: 'needs linux.uml' },
        ],
      }),
    ],
    ['nightly'],
  )
  expect(lines.join('\n')).toBe(`
fast    1 passed · 1 failed in 1.5 s
kernel  1 passed · 0 failed · 3 skipped in 1.5 s
nightly not run, because an earlier tier failed

skipped: needs root
  k > one
  k > two

skipped: needs linux.uml
  k > three

failed:
  test/a.test.ts > case: expected 1 to be 2

2 passed, 1 failed, 3 skipped`)
})
