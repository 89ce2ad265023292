import { expect, test } from 'vitest'
import { MemorySubject } from './memory-subject.ts'
import { runModel } from './run-model.ts'
import { tryModel } from './try-model.ts'

const SEED = 20_261_120
const OPERATIONS = 6000
const OVERLAY_OPERATIONS = 3000

test('the model agrees with the file system in memory that others wrote', async () => {
  const subject = await MemorySubject.open(SEED)
  const summary = await runModel(subject, subject.run(SEED, OPERATIONS))
  expect(summary.operations).toBeGreaterThan(OPERATIONS * 0.95)
})

test('the overlay agrees with the model, through restarts and kills', async () => {
  const summary = await tryModel('in-process', SEED, OVERLAY_OPERATIONS)
  expect(summary.operations).toBeGreaterThan(OVERLAY_OPERATIONS * 0.95)
  expect(summary.kills).toBeGreaterThan(0)
})
