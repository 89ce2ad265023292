import { afterEach, beforeEach, expect, test } from 'vitest'
import type { OverlayFileSystem } from '../../src/overlay/overlay-file-system.ts'
import { StorageError } from '../../src/vfs/faults.ts'
import type { Caller, NodeId, Stability } from '../../src/vfs/file-system.ts'
import { okOf } from '../conformance/answers.ts'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import type { ShadowCall } from '../faults/faulty-shadow-store.ts'
import { seedTree } from '../model/seed-tree.ts'
import { OverlayRig } from './overlay-rig.ts'

const ROOT: Caller = { uid: 0, gid: 0, gids: [], address: '127.0.0.1' }

let rig: OverlayRig
let fs: OverlayFileSystem
let file: NodeId

beforeEach(async () => {
  rig = await OverlayRig.open(new MemoryLowerLayer(seedTree(3)))
  fs = rig.view()
  file = okOf(await fs.lookup(ROOT, fs.root, Buffer.from('README'))).object.node
})

afterEach(() => rig.remove())

async function write(offset: number, text: string, stability: Stability): Promise<void> {
  okOf(await fs.write(ROOT, file, offset, Buffer.from(text), stability))
}

async function text(offset: number, count: number): Promise<string> {
  const into = Buffer.alloc(count)
  okOf(await fs.read(ROOT, file, offset, into))
  return into.toString('latin1')
}

function failing(call: ShadowCall, status: 'NOSPC' | 'IO') {
  return (made: ShadowCall) => {
    if (made === call) throw new StorageError(status, 'provoked')
  }
}

const works = () => {}

test('a full disk is NOSPC, changes nothing, and is over when there is room again', async () => {
  const before = await text(0, 100)
  const attributes = okOf(await fs.getattr(ROOT, file))
  rig.shadow.before = failing('write', 'NOSPC')
  await expect(write(10, 'lost', 'file-sync')).rejects.toMatchObject({ status: 'NOSPC' })
  expect(await text(0, 100)).toBe(before)
  expect(okOf(await fs.getattr(ROOT, file))).toEqual(attributes)
  rig.shadow.before = works
  await write(10, 'kept', 'file-sync')
  expect(await text(10, 4)).toBe('kept')
})

test('an overwrite that failed half-way is no damage', async () => {
  await write(0, 'first', 'file-sync')
  rig.shadow.after = failing('write', 'IO')
  await expect(write(0, 'other', 'unstable')).rejects.toMatchObject({ status: 'IO' })
  rig.shadow.after = works
  expect(['first', 'other']).toContain(await text(0, 5))
  expect((await rig.catalog.check('default')).problems).toEqual([])
})

test('a failed sync is told, loses what was not stable, and changes the write verifier', async () => {
  await write(0, 'stable', 'file-sync')
  const before = okOf(await fs.getattr(ROOT, file))
  const verifier = Buffer.from(fs.writeVerifier)
  await write(8192, 'unstable', 'unstable')
  rig.shadow.before = failing('sync', 'IO')
  await expect(fs.commit(ROOT, file)).rejects.toMatchObject({ status: 'IO' })
  expect(Buffer.from(fs.writeVerifier).equals(verifier)).toBe(false)
  rig.shadow.before = works
  // It must not look as if a later sync had made it good.
  okOf(await fs.commit(ROOT, file))
  expect(okOf(await fs.getattr(ROOT, file)).sizeBytes).toBe(before.sizeBytes)
  expect(await text(0, 6)).toBe('stable')
  await write(8192, 'again', 'file-sync')
  await rig.restart()
  fs = rig.view()
  expect(await text(8192, 5)).toBe('again')
})

test('calls in flight share syncs, and none counts a write that came after it', async () => {
  const writes = Array.from({ length: 32 }, (_, block) => write(block * 4096, `block ${block}`, 'file-sync'))
  await Promise.all(writes)
  expect(rig.shadow.calls.sync).toBeLessThanOrEqual(3)
  await rig.restart()
  fs = rig.view()
  for (let block = 0; block < 32; block += 1)
    expect(await text(block * 4096, 7)).toBe(`block ${block}`.slice(0, 7))
})

test.each(['restarted', 'going on'])(
  'a cut that failed is done again (%s): old bytes do not come back',
  async (how) => {
    await write(0, 'x'.repeat(8192), 'file-sync')
    rig.shadow.before = failing('truncate', 'IO')
    await expect(fs.setattr(ROOT, file, { sizeBytes: 100 }, undefined)).rejects.toMatchObject({
      status: 'IO',
    })
    rig.shadow.before = works
    if (how === 'restarted') await rig.restart()
    fs = rig.view()
    expect(okOf(await fs.getattr(ROOT, file)).sizeBytes).toBe(100)
    okOf(await fs.setattr(ROOT, file, { sizeBytes: 300 }, undefined))
    expect(await text(0, 300)).toBe('x'.repeat(100) + '\0'.repeat(200))
    expect((await rig.catalog.check('default')).problems).toEqual([])
  },
)
