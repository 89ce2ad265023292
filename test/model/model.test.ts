import { expect, test } from 'vitest'
import { MemoryFileSystem } from '../conformance/memory-file-system.ts'
import { FileSystemView } from './file-system-view.ts'
import { populate } from './populate.ts'
import { runModel } from './run-model.ts'
import { seedTree } from './seed-tree.ts'
import type { Subject, SubjectView } from './subject.ts'

const SEED = 20_261_120
const OPERATIONS = 6000

/** Two file systems in memory that live through every restart: the model's own check, by a second opinion. */
class MemorySubject implements Subject {
  readonly #views = new Map<string, SubjectView>()

  async view(name: string): Promise<SubjectView> {
    return this.#views.get(name)!
  }

  add(name: string, view: SubjectView): void {
    this.#views.set(name, view)
  }

  async restart(): Promise<void> {}
  async problems(): Promise<readonly string[]> {
    return []
  }
  async close(): Promise<void> {}
}

test('the model agrees with the file system in memory that others wrote', async () => {
  const subject = new MemorySubject()
  const fs = new MemoryFileSystem()
  const tree = await populate(fs, seedTree(SEED))
  subject.add('e0a', new FileSystemView(fs))
  const summary = await runModel(subject, {
    seed: SEED,
    tree,
    operations: OPERATIONS,
    operationsPerEpisode: OPERATIONS,
    operationsPerBatch: 500,
    views: ['a'],
    events: { nothing: 1, clean: 0, kill: 0, across: 0 },
  })
  expect(summary.operations).toBeGreaterThanOrEqual(OPERATIONS * 0.95)
})
