import { expect, test } from 'vitest'
import { MODEL_MODES } from '../model/modes.ts'
import { nightlySeconds, nightlySteps } from './nightly.ts'

test('no long run until one is asked for', () => {
  expect(nightlySeconds(undefined)).toBe(0)
  expect(nightlySeconds('')).toBe(0)
  expect(nightlySeconds('28800')).toBe(28_800)
  expect(() => nightlySeconds('8h')).toThrow('write a number of seconds')
})

test('every mode of the model test gets its part', () => {
  const steps = nightlySteps(100).map((step) => (step.kind === 'program' ? step.argv : []))
  expect(steps).toEqual(
    MODEL_MODES.map((mode) => ['node', 'test/model/main.ts', '--mode', mode, '--seconds', '25']),
  )
})
