import { IndexBatch } from '../index/batch.ts'
import { overwriteMarkKey } from './format/keys.ts'
import type { OverlayFileSystem } from './overlay-file-system.ts'

/**
 * Makes stable what was written at least `ageMs` ago and takes the overwrite marks of files that are at rest, so
 * that their checksums count again after a crash.
 */
export async function flushView(fileSystem: OverlayFileSystem, ageMs: number): Promise<void> {
  const { view, data } = fileSystem
  const { index, clock } = view.parts
  for (const node of [...view.written]) {
    if (node.removed) {
      view.written.delete(node)
      continue
    }
    if (node.dataLock.isHeld || clock.monotonicMs() - node.writtenAtMs < ageMs) continue
    if (node.isDirty) await data.stabilise(node)
    if (node.isDirty || node.dataLock.isHeld || node.runningCommit !== undefined) continue
    if (node.marked && !node.untrusted) {
      const batch = new IndexBatch()
      batch.delete(overwriteMarkKey(view.number, node.id))
      node.marked = false
      await index.commit(batch, false)
      node.queuedSequence = index.queuedSequence
    }
    view.written.delete(node)
  }
}
