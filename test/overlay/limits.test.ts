import { expect, test } from 'vitest'
import type { Timestamp } from '../../src/base/clock.ts'
import { BlockCache } from '../../src/overlay/base/block-cache.ts'
import { MISSES_BEFORE_LISTING } from '../../src/overlay/base/image.ts'
import { ImageObject, LOOKED_UP_NAMES_MAX } from '../../src/overlay/base/image-object.ts'
import { Listing } from '../../src/overlay/base/listing.ts'
import { BLOCK_SIZE_BYTES, BLOCKS_PER_PAGE } from '../../src/overlay/blocks.ts'
import { evictUnused, OperationWindow } from '../../src/overlay/operation-window.ts'
import { CLEAN_PAGES_MAX } from '../../src/overlay/presence-map.ts'
import { LINK_MAX } from '../../src/vfs/attributes.ts'
import type { Caller, NodeId } from '../../src/vfs/file-system.ts'
import type { LowerHandle } from '../../src/vfs/lower-layer.ts'
import { okOf } from '../conformance/answers.ts'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { seedTree } from '../model/seed-tree.ts'
import { OverlayRig } from './overlay-rig.ts'

const ROOT: Caller = { uid: 0, gid: 0, gids: [], address: '127.0.0.1' }
const PAGE_BYTES = BLOCK_SIZE_BYTES * BLOCKS_PER_PAGE

test('more pages than stay in memory are read again from the index', async () => {
  const rig = await OverlayRig.open(new MemoryLowerLayer(seedTree(3)))
  const fs = rig.view()
  const how = { mode: 'guarded', changes: { mode: 0o600 } } as const
  const { node } = okOf(await fs.create(ROOT, fs.root, Buffer.from('many pages'), how)).object
  const block = Buffer.alloc(BLOCK_SIZE_BYTES)
  for (let page = 0; page <= CLEAN_PAGES_MAX; page += 1) {
    block.writeUInt32BE(page)
    okOf(await fs.write(ROOT, node, page * PAGE_BYTES, block, 'unstable'))
  }
  okOf(await fs.commit(ROOT, node))
  const into = Buffer.alloc(4)
  for (const round of ['committed', 'restarted']) {
    const view = rig.view()
    for (let page = 0; page <= CLEAN_PAGES_MAX; page += 1) {
      okOf(await view.read(ROOT, node, page * PAGE_BYTES, into))
      if (into.readUInt32BE() !== page) expect.fail(`page ${page} is wrong, ${round}`)
    }
    await rig.restart()
  }
  await rig.remove()
})

test('names looked up one by one are forgotten over the limit, never wrong', () => {
  const object = imageDirectory()
  const name = (number: number) => Buffer.from(`name ${number}`)
  for (let number = 0; number < LOOKED_UP_NAMES_MAX; number += 1)
    object.learnName(name(number), (number * 2 + 1) as NodeId)
  expect(object.knownName(name(0))).toEqual({ found: 1 })
  object.learnName(name(LOOKED_UP_NAMES_MAX), undefined)
  expect(object.knownName(name(0))).toBeUndefined()
  expect(object.knownName(name(LOOKED_UP_NAMES_MAX))).toEqual({ found: undefined })
})

function imageDirectory(): ImageObject {
  const handle = Buffer.from('h') as unknown as LowerHandle
  const record = {
    fsid: 1n,
    fileid: 2n,
    type: 'directory',
    parent: 0 as NodeId,
    name: Buffer.from('d'),
    handle,
  } as const
  return new ImageObject(3 as NodeId, record)
}

test('after so many missing names the listing is read, and answers all others', async () => {
  const image = new MemoryLowerLayer(seedTree(3))
  const rig = await OverlayRig.open(image)
  const fs = rig.view()
  const miss = async (number: number) => {
    const answer = await fs.lookup(ROOT, fs.root, Buffer.from(`missing ${number}`))
    expect(answer).toMatchObject({ ok: false, status: 'NOENT' })
  }
  for (let number = 0; number < MISSES_BEFORE_LISTING; number += 1) await miss(number)
  expect(image.calls.lookup).toBe(MISSES_BEFORE_LISTING)
  expect(image.calls.list).toBe(0)
  await miss(-1)
  expect(image.calls.list).toBeGreaterThan(0)
  const { lookup } = image.calls
  for (let number = 100; number < 150; number += 1) await miss(number)
  expect(image.calls.lookup).toBe(lookup)
  await rig.remove()
})

test('the block cache holds what it may and no block more', () => {
  const cache = new BlockCache(4 * BLOCK_SIZE_BYTES)
  const file = 1 as NodeId
  for (let block = 0; block < 4; block += 1) cache.put(file, block, Buffer.alloc(BLOCK_SIZE_BYTES, block))
  expect([0, 1, 2, 3].every((block) => cache.has(file, block))).toBe(true)
  cache.get(file, 0)
  cache.put(file, 4, Buffer.from('short'))
  expect(cache.sizeBytes).toBe(4 * BLOCK_SIZE_BYTES)
  expect([0, 1, 2, 3, 4].filter((block) => cache.has(file, block))).toHaveLength(4)
  expect(cache.has(file, 0)).toBe(true)
  expect(Buffer.from(cache.get(file, 4)!).toString('latin1')).toBe('short'.padEnd(BLOCK_SIZE_BYTES, '\0'))
  cache.drop(file)
  expect(cache.has(file, 0)).toBe(false)
})

test('a table drops what no operation under way has used', async () => {
  const window = new OperationWindow()
  const map = new Map(Array.from({ length: 10 }, (_, number) => [number, { lastUse: window.current }]))
  let finish = () => {}
  const running = window.run(() => new Promise<void>((resolve) => (finish = resolve)))
  for (const number of [0, 1, 2]) map.get(number)!.lastUse = window.current
  const evict = (maxEntries: number) => evictUnused(map, maxEntries, (entry) => entry.lastUse < window.oldest)
  evict(10)
  expect(map.size).toBe(10)
  evict(5)
  expect([...map.keys()].sort()).toEqual([0, 1, 2, 8, 9])
  evict(1)
  expect([...map.keys()].sort()).toEqual([0, 1, 2])
  finish()
  await running
  evict(1)
  expect(map.size).toBe(1)
})

test('a listing finds every name and no other, also when hashes meet', () => {
  const entries = Array.from({ length: 5000 }, (_, number) => ({
    name: Buffer.from(`n${number}`),
    node: (number * 2 + 1) as NodeId,
  }))
  const listing = new Listing(entries)
  for (const { name, node } of entries) expect(listing.find(name)).toBe(node)
  expect(listing.find(Buffer.from('n5000'))).toBeUndefined()
  for (let at = 1; at < listing.length; at += 1)
    expect(listing.cookie(at)).toBeGreaterThan(listing.cookie(at - 1))
  expect(listing.after(listing.cookie(10))).toBe(11)
  expect(listing.cookie(0) % 2).toBe(0)
})

test('an image file with as many links as there may be gets no more', async () => {
  const image = new MemoryLowerLayer(seedTree(3))
  const now: Timestamp = { seconds: 1, nanoseconds: 1 }
  image.changeAttributes('/README', { nlink: LINK_MAX - 1, ctime: now })
  const rig = await OverlayRig.open(image)
  const fs = rig.view()
  const { node } = okOf(await fs.lookup(ROOT, fs.root, Buffer.from('README'))).object
  okOf(await fs.link(ROOT, node, fs.root, Buffer.from('last')))
  expect(await fs.link(ROOT, node, fs.root, Buffer.from('over'))).toMatchObject({
    ok: false,
    status: 'MLINK',
  })
  await rig.remove()
})
