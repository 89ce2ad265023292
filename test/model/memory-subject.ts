import { MemoryFileSystem } from '../conformance/memory-file-system.ts'
import { FileSystemView } from './file-system-view.ts'
import { populate } from './populate.ts'
import type { ModelRun } from './run-model.ts'
import { type SeedTree, seedTree } from './seed-tree.ts'
import type { Subject, SubjectView } from './subject.ts'

/** The file system in memory that others wrote, as the model test's subject. It lives through every restart. */
export class MemorySubject implements Subject {
  readonly tree: SeedTree
  readonly fs: MemoryFileSystem

  private constructor(tree: SeedTree, fs: MemoryFileSystem) {
    this.tree = tree
    this.fs = fs
  }

  static async open(seed: number): Promise<MemorySubject> {
    const fs = new MemoryFileSystem()
    return new MemorySubject(await populate(fs, seedTree(seed)), fs)
  }

  run(seed: number, operations: number): ModelRun {
    return {
      seed,
      tree: this.tree,
      operations,
      operationsPerEpisode: operations,
      operationsPerBatch: 250,
      views: ['a'],
      events: { nothing: 1, clean: 1, kill: 1, across: 0 },
    }
  }

  async view(_name: string): Promise<SubjectView> {
    return new FileSystemView(this.fs)
  }

  /** Nothing is ever lost, but a client is told that it may be. */
  async restart(how: 'clean' | 'kill'): Promise<void> {
    if (how === 'kill') this.fs.writeVerifier[0]! += 1
  }

  async problems(_view: string): Promise<readonly string[]> {
    return []
  }

  async close(): Promise<void> {}
}
