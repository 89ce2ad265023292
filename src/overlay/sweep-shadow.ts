import type { IndexStore } from '../index/index-store.ts'
import { DamageError } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowStore } from '../vfs/shadow-store.ts'
import { nodeKey } from './format/keys.ts'
import { decodeNodeRecord } from './format/node-record.ts'

/**
 * Removes the shadow files that no node has: what a crash left of removed files, of resets, and of first writes that
 * nobody made stable. Gives how many. Precondition: nobody uses the view yet, because a node of the image that is
 * written for the first time has a shadow file before it has a record.
 */
export async function sweepShadow(index: IndexStore, shadow: ShadowStore, view: number): Promise<number> {
  // A lost record must not take its blocks with it.
  if (index.findings.length > 0) return 0
  const orphans: NodeId[] = []
  for await (const node of shadow.list(view)) if (isOrphan(index, view, node)) orphans.push(node)
  for (const node of orphans) await shadow.remove({ view, node })
  return orphans.length
}

function isOrphan(index: IndexStore, view: number, node: NodeId): boolean {
  try {
    const payload = index.get(nodeKey(view, node))
    return payload === undefined || decodeNodeRecord(payload, `node ${node} of view ${view}`).removed
  } catch (error) {
    if (error instanceof DamageError) return false
    throw error
  }
}
