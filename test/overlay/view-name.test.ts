import { expect, test } from 'vitest'
import { VIEW_NAME_MAX_CHARACTERS, viewNameProblem } from '../../src/overlay/view-name.ts'

test.each(['default', 'a', '7', '_lab', 'Lab-2.b', 'v'.repeat(VIEW_NAME_MAX_CHARACTERS)])('%s', (name) => {
  expect(viewNameProblem(name)).toBeUndefined()
})

test.each(['', '.', '..', '.a', '-a', 'a/b', 'a b', 'ä', 'a\n', 'v'.repeat(VIEW_NAME_MAX_CHARACTERS + 1)])(
  '%j is none',
  (name) => {
    expect(viewNameProblem(name)).toContain('is no name for a view')
  },
)
