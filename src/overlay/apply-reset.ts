import { crashPoint } from '../base/crash-points.ts'
import { IndexBatch } from '../index/batch.ts'
import type { IndexStore } from '../index/index-store.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowStore } from '../vfs/shadow-store.ts'
import { entryKey, nodeKey, overwriteMarkKey, pagesPrefix, truncateIntentKey } from './format/keys.ts'
import { encodeNodeRecord } from './format/node-record.ts'
import type { ResetPlan } from './plan-reset.ts'

/**
 * One batch for all records, then the shadow files. Precondition: nobody else changes the view meanwhile; the
 * caller drops what it has in memory of the view.
 */
export async function applyReset(
  index: IndexStore,
  shadow: ShadowStore,
  view: number,
  plan: Extract<ResetPlan, { do: 'reset' }>,
): Promise<void> {
  const batch = new IndexBatch()
  for (const entry of plan.entries) batch.delete(entryKey(view, entry.directory, entry.name))
  const discards: NodeId[] = []
  for (const node of plan.drops) {
    batch.delete(nodeKey(view, node))
    discards.push(node)
  }
  for (const { node, record, discard } of plan.puts) {
    batch.put(nodeKey(view, node), encodeNodeRecord(record), false)
    if (discard) discards.push(node)
  }
  for (const node of discards) await dropDataRecords(index, batch, view, node)
  await index.commit(batch, true)
  crashPoint('reset.after-index')
  for (const node of discards) await shadow.remove({ view, node })
}

async function dropDataRecords(
  index: IndexStore,
  batch: IndexBatch,
  view: number,
  node: NodeId,
): Promise<void> {
  for await (const { key } of index.range(pagesPrefix(view, node))) batch.delete(key)
  for (const key of [overwriteMarkKey(view, node), truncateIntentKey(view, node)]) {
    if (index.get(key) !== undefined) batch.delete(key)
  }
}
