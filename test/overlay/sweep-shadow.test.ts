import { expect, test } from 'vitest'
import { sweepShadow } from '../../src/overlay/sweep-shadow.ts'
import type { Caller, NodeId } from '../../src/vfs/file-system.ts'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { seedTree } from '../model/seed-tree.ts'
import { OverlayRig } from './overlay-rig.ts'

const ROOT: Caller = { uid: 0, gid: 0, gids: [], address: '127.0.0.1' }
const VIEW = 1
const NOBODYS = [4_000_002, 4_000_001] as NodeId[]

async function filesOf(rig: OverlayRig): Promise<NodeId[]> {
  const nodes: NodeId[] = []
  for await (const node of rig.shadow.list(VIEW)) nodes.push(node)
  return nodes.sort((a, b) => a - b)
}

/** A view with one changed file of its own, one of the image, one of it removed again; and two files of nobody. */
async function leftOver(): Promise<{ rig: OverlayRig; kept: NodeId[]; removed: NodeId }> {
  const rig = await OverlayRig.open(new MemoryLowerLayer(seedTree(1)))
  const fs = rig.view()
  const made = await fs.create(ROOT, fs.root, Buffer.from('new'), { mode: 'guarded', changes: {} })
  const found = await fs.lookup(ROOT, fs.root, Buffer.from('odd'))
  const doomed = await fs.lookup(ROOT, fs.root, Buffer.from('large'))
  if (!made.ok || !found.ok || !doomed.ok) throw new Error('the view cannot be made')
  const kept = [made.value.object.node, found.value.object.node]
  const removed = doomed.value.object.node
  for (const node of [...kept, removed]) await fs.write(ROOT, node, 0, Buffer.from('x'), 'file-sync')
  await fs.remove(ROOT, fs.root, Buffer.from('large'))
  for (const node of [...NOBODYS, removed]) await rig.shadow.write({ view: VIEW, node }, 0, Buffer.from('y'))
  return { rig, kept: kept.sort((a, b) => a - b), removed }
}

test('files that no node has are gone after a restart, and no others', async () => {
  const { rig, kept, removed } = await leftOver()
  const { problems } = await rig.catalog.check('default')
  expect(problems.map(({ object }) => object).sort()).toEqual(
    [...NOBODYS, removed].map((node) => `shadow file of node ${node}`).sort(),
  )
  await rig.restart()
  expect(await filesOf(rig)).toEqual(kept)
  expect((await rig.catalog.check('default')).problems).toEqual([])
  await rig.remove()
})

test('nothing is removed while the index says that records are missing', async () => {
  const { rig } = await leftOver()
  const before = await filesOf(rig)
  rig.index.findings.push('a record is missing')
  expect(await sweepShadow(rig.index, rig.shadow, VIEW)).toBe(0)
  expect(await filesOf(rig)).toEqual(before)
  await rig.remove()
})
