import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import type { Descriptor } from '../../src/exporter/descriptor-cache.ts'
import { HostError } from '../../src/exporter/host-error.ts'
import { HostTree } from '../../src/exporter/host-tree.ts'
import { ListingCache } from '../../src/exporter/listing-cache.ts'
import { GONE_TRUST_MS, type SearchLimits, TreeSearch } from '../../src/exporter/tree-search.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import { Look } from '../conformance/harness.ts'
import { serve, temporaryDirectory } from './host-directory.ts'
import { ManualClock } from './manual-clock.ts'

/** Counts how often a directory is listed, and fails where it is told to. */
class WatchedListings extends ListingCache {
  count = 0
  failWith: unknown
  failFor: NodeId | undefined

  override get(directory: Descriptor, ...rest: [Parameters<ListingCache['get']>[1], boolean]) {
    this.count += 1
    if (directory.node === this.failFor) throw this.failWith
    return super.get(directory, ...rest)
  }
}

const DIRECTORIES = 12
const FILES = 8

function plant(): string {
  const root = temporaryDirectory()
  for (let index = 0; index < DIRECTORIES; index += 1) {
    mkdirSync(join(root, `d${index}`))
    for (let file = 0; file < FILES; file += 1) writeFileSync(join(root, `d${index}/f${file}`), '')
  }
  return root
}

/** What a server that has been restarted has: a tree it knows nothing of. */
function searchIn(root: string, limits: Partial<SearchLimits> = {}) {
  const clock = new ManualClock()
  const tree = new HostTree({ path: root, clock, mayHoldMounts: false })
  const listings = new WatchedListings(clock)
  const search = new TreeSearch(tree, listings, createLogger('silent'), limits)
  return { search, listings, clock, tree }
}

async function objectsOf(root: string) {
  const look = new Look(serve(root).fs)
  const paths = Array.from({ length: DIRECTORIES * FILES }, (_, i) => `/d${i % DIRECTORIES}/f${i % FILES}`)
  return Promise.all(paths.map((path) => look.object(path)))
}

describe('a search', () => {
  test('is one walk for all who wait, and what it passes is known', async () => {
    const root = plant()
    const objects = await objectsOf(root)
    const { search, listings, tree } = searchIn(root)
    const found = await Promise.all(objects.map(({ node, generation }) => search.find(node, generation)))
    expect(new Set(found)).toEqual(new Set(['found']))
    // Each directory once to look at its names, and the root again for the way to each.
    expect(listings.count).toBeLessThanOrEqual(2 * DIRECTORIES + 1)
    for (const { node, generation } of objects) expect(tree.generationOf(node)).toBe(generation)
  })

  test('answers STALE for what is nowhere, and remembers it for a while', async () => {
    const root = plant()
    const [object] = await objectsOf(root)
    rmSync(join(root, 'd0/f0'))
    const { search, listings, clock } = searchIn(root)
    expect(await search.find(object!.node, object!.generation)).toBe('STALE')
    const afterWalk = listings.count
    expect(await search.find(object!.node, object!.generation)).toBe('STALE')
    clock.elapsedMs = GONE_TRUST_MS - 1
    expect(await search.find(object!.node, object!.generation)).toBe('STALE')
    expect(listings.count).toBe(afterWalk)
    clock.elapsedMs = GONE_TRUST_MS
    expect(await search.find(object!.node, object!.generation)).toBe('STALE')
    expect(listings.count).toBeGreaterThan(afterWalk)
  })

  test('remembers as many that are gone as its limit says', async () => {
    const root = plant()
    const { search, listings } = searchIn(root, { goneMax: 2 })
    const gone = [1, 2, 3].map((number) => (2 ** 52 + number) as NodeId)
    for (const node of gone) expect(await search.find(node, 1)).toBe('STALE')
    const before = listings.count
    expect(await search.find(gone[2]!, 1)).toBe('STALE')
    expect(await search.find(gone[1]!, 1)).toBe('STALE')
    expect(listings.count).toBe(before)
    expect(await search.find(gone[0]!, 1)).toBe('STALE')
    expect(listings.count).toBeGreaterThan(before)
  })

  test('answers STALE when another object has the number now', async () => {
    const root = plant()
    const [object] = await objectsOf(root)
    const { search } = searchIn(root)
    expect(await search.find(object!.node, object!.generation ^ 1)).toBe('STALE')
    expect(await search.find(object!.node, object!.generation)).toBe('found')
  })

  test('looks for two generations of one number at the same time', async () => {
    const root = plant()
    const [object] = await objectsOf(root)
    const { search } = searchIn(root)
    const both = [
      search.find(object!.node, object!.generation ^ 1),
      search.find(object!.node, object!.generation),
    ]
    expect(await Promise.all(both)).toEqual(['STALE', 'JUKEBOX'])
    expect(await search.find(object!.node, object!.generation)).toBe('found')
  })

  test('lets nobody wait longer than its limit, and goes on', async () => {
    const root = plant()
    const objects = await objectsOf(root)
    const last = objects.at(-1)!
    const { search, tree } = searchIn(root, { waitMs: 0 })
    const answers = new Set<string>()
    let answer = await search.find(last.node, last.generation)
    for (let tries = 0; tries < 1000 && answer !== 'found'; tries += 1) {
      answers.add(answer)
      if (tree.generationOf(last.node) !== undefined) break
      answer = await search.find(last.node, last.generation)
    }
    expect([...answers]).toEqual(['JUKEBOX'])
    expect(tree.generationOf(last.node)).toBe(last.generation)
  })

  test('looks for as many at a time as its limit says; one more is to ask again', async () => {
    const root = plant()
    const objects = await objectsOf(root)
    const { search } = searchIn(root, { wantedMax: 2 })
    const three = objects.slice(0, 3).map(({ node, generation }) => search.find(node, generation))
    expect(await Promise.all(three)).toEqual(['found', 'found', 'JUKEBOX'])
  })

  test('calls nothing gone while a directory cannot be read', async () => {
    const root = plant()
    const look = new Look(serve(root).fs)
    const [hidden, broken] = [await look.object('/d3/f3'), await look.node('/d3')]
    const failed = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    const { search, listings } = searchIn(root)
    listings.failFor = broken
    listings.failWith = new HostError('IO', failed)
    expect(await search.find(hidden.node, hidden.generation)).toBe('IO')
    // A directory that this process may not read was never listed to anybody.
    listings.failWith = new HostError('ACCES', failed)
    expect(await search.find((2 ** 52) as NodeId, 1)).toBe('STALE')
    listings.failFor = undefined
    expect(await search.find(hidden.node, hidden.generation)).toBe('found')
  })

  test('that fails by a bug answers IO to all who wait, and works again', async () => {
    const root = plant()
    const objects = await objectsOf(root)
    const { search, listings, tree } = searchIn(root)
    listings.failFor = tree.root
    listings.failWith = new TypeError('a bug')
    const asked = objects.slice(0, 3).map(({ node, generation }) => search.find(node, generation))
    expect(await Promise.all(asked)).toEqual(['IO', 'IO', 'IO'])
    listings.failFor = undefined
    expect(await search.find(objects[0]!.node, objects[0]!.generation)).toBe('found')
  })

  test('meets what moves behind its back', async () => {
    const root = plant()
    const objects = await objectsOf(root)
    const { search, tree } = searchIn(root)
    for (let round = 0; round < 50; round += 1) {
      const from = round % DIRECTORIES
      const to = (round + 1) % DIRECTORIES
      const moved = objects[0]!
      const asked = search.find(moved.node, moved.generation)
      await new Promise((resolve) => setImmediate(resolve))
      renameSync(join(root, `d${from}/${round === 0 ? 'f0' : 'moving'}`), join(root, `d${to}/moving`))
      expect(await asked).toBe('found')
      tree.nodes.delete(moved.node)
    }
  })

  test('ends when it is closed', async () => {
    const root = plant()
    const { search } = searchIn(root)
    const asked = search.find((2 ** 52) as NodeId, 1)
    search.close()
    expect(await asked).toBe('JUKEBOX')
    expect(await search.find((2 ** 52) as NodeId, 1)).toBe('JUKEBOX')
  })
})
