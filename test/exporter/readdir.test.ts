import { lstatSync, mkdirSync, openSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { byteKey } from '../../src/base/bytes.ts'
import { descriptorOf } from '../../src/exporter/descriptor-cache.ts'
import { ListingCache, SETTLED_AFTER_SECONDS } from '../../src/exporter/listing-cache.ts'
import type { DirectoryEntry, FileSystem, NodeId } from '../../src/vfs/file-system.ts'
import { okOf } from '../conformance/answers.ts'
import { ROOT } from '../conformance/callers.ts'
import { Look } from '../conformance/harness.ts'
import { plantEveryKind, serve, temporaryDirectory } from './host-directory.ts'
import { ManualClock } from './manual-clock.ts'

function fill(root: string, count: number, prefix = 'file'): string[] {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
  for (const name of names) writeFileSync(join(root, name), '')
  return names
}

const namesOf = (entries: readonly DirectoryEntry[]) => entries.map(({ name }) => byteKey(name))

async function page(fs: FileSystem, after: number, maxEntries: number) {
  return okOf(await fs.readdir(ROOT, fs.root, after, { maxEntries, withAttributes: true }))
}

describe('READDIRPLUS', () => {
  test.each([1, 2, 3, 7, 1000])('gives every entry once, %i at a time', async (maxEntries) => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    const entries = await look.listing('/', maxEntries, true)
    expect(namesOf(entries).slice(0, 2)).toEqual(['.', '..'])
    expect(entries.map(({ cookie }) => cookie).slice(0, 2)).toEqual([1, 2])
    for (const each of entries.slice(2)) {
      const object = await look.object(`/${byteKey(each.name)}`)
      expect({ ...object, name: each.name, cookie: each.cookie }).toEqual(each)
      expect(each.cookie).toBeGreaterThan(2)
    }
    expect(new Set(namesOf(entries)).size).toBe(entries.length)
  })

  test('"." and ".." are the directory and the one above', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'a/b'), { recursive: true })
    const look = new Look(serve(root).fs)
    const [dot, dotDot] = await look.listing('/a/b', 10, true)
    expect([dot?.node, dotDot?.node]).toEqual([await look.node('/a/b'), await look.node('/a')])
    expect([dot?.attributes?.fileid, dotDot?.attributes?.fileid]).toEqual(
      [dot?.node, dotDot?.node].map((node) => BigInt(node!)),
    )
    for (const each of [dot!, dotDot!]) okOf(await look.fs.resolve(each.node, each.generation))
    const [rootDot, rootDotDot] = await look.listing('/', 10, true)
    expect(rootDot?.node).toBe(look.fs.root)
    expect(rootDotDot?.node).toBe(look.fs.root)
  })

  test('without attributes gives names and numbers only', async () => {
    const root = temporaryDirectory()
    fill(root, 3)
    const look = new Look(serve(root).fs)
    const entries = await look.listing('/', 10, false)
    for (const each of entries) expect(each.attributes).toBeUndefined()
    for (const each of entries.slice(2)) {
      expect(each.node).toBe(lstatSync(join(root, byteKey(each.name))).ino)
    }
  })

  test('handles from a listing resolve', async () => {
    const root = temporaryDirectory()
    fill(root, 5)
    const { fs } = serve(root)
    for (const { node, generation } of await new Look(fs).listing('/', 2)) {
      okOf(await fs.resolve(node, generation))
      okOf(await fs.getattr(ROOT, node))
    }
  })

  test('an entry of the last page says that nothing follows', async () => {
    const root = temporaryDirectory()
    fill(root, 4)
    const { fs } = serve(root)
    const first = await page(fs, 0, 6)
    expect([first.entries.length, first.eof]).toEqual([6, true])
    const almost = await page(fs, 0, 5)
    expect([almost.entries.length, almost.eof]).toEqual([5, false])
    const rest = await page(fs, almost.entries.at(-1)!.cookie, 5)
    expect([rest.entries.length, rest.eof]).toEqual([1, true])
    const nothing = await page(fs, rest.entries.at(-1)!.cookie, 5)
    expect([nothing.entries.length, nothing.eof]).toEqual([0, true])
  })

  test('cookies hold while the directory changes and across a restart', async () => {
    const root = temporaryDirectory()
    const stay = fill(root, 800, 'stay')
    fill(root, 300, 'go')
    let fs = serve(root).fs
    const seen: string[] = []
    for (let after = 0, round = 0; ; round += 1) {
      const { entries, eof } = await page(fs, after, 37)
      seen.push(...namesOf(entries))
      if (eof) break
      after = entries.at(-1)!.cookie
      for (let each = 0; each < 20; each += 1) {
        rmSync(join(root, `go-${round * 20 + each}`), { force: true })
        writeFileSync(join(root, `new-${round * 20 + each}`), '')
      }
      if (round % 10 === 9) fs = serve(root).fs
    }
    expect(seen.filter((name) => name.startsWith('stay')).sort()).toEqual(stay.sort())
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('names that are gone since the listing was read are passed over, not answered as an end', async () => {
    const root = temporaryDirectory()
    fill(root, 300)
    utimesSync(root, 1, 1)
    const { fs, clock } = serve(root)
    clock.offsetSeconds = 60
    const first = await page(fs, 0, 10)
    const all = new Set(namesOf((await page(fs, 0, 5000)).entries))
    for (const name of namesOf(first.entries).slice(2)) all.delete(name)
    const last = [...all].at(-1)!
    // What the server believes to be unchanged, changes: as if within one tick of the file system's clock.
    for (const name of all) if (name !== '.' && name !== '..' && name !== last) rmSync(join(root, name))
    const next = await page(fs, first.entries.at(-1)!.cookie, 10)
    expect([namesOf(next.entries), next.eof]).toEqual([[last], true])
  })

  test('sees at its start what the host changed a moment ago', async () => {
    const root = temporaryDirectory()
    const look = new Look(serve(root).fs)
    for (let index = 0; index < 50; index += 1) {
      writeFileSync(join(root, `a${index}`), '')
      expect(await look.names('/')).toHaveLength(index + 1)
    }
    renameSync(join(root, 'a7'), join(root, 'b'))
    expect(await look.names('/')).toContain('b')
  })
})

/** Every question for the time finds another millisecond gone: as if each name came from a slow disk. */
class SlowClock extends ManualClock {
  override monotonicMs(): number {
    this.elapsedMs += 1
    return this.elapsedMs
  }
}

test('a directory on a cold disk is looked at on the thread pool, with the same answers', async () => {
  const root = temporaryDirectory()
  fill(root, 500)
  const quick = await new Look(serve(root).fs).listing('/', 300, true)
  const look = new Look(serve(root, { clock: new SlowClock() }).fs)
  const slow = await look.listing('/', 300, true)
  expect(slow.map(({ name, node, cookie }) => [name, node, cookie])).toEqual(
    quick.map(({ name, node, cookie }) => [name, node, cookie]),
  )
})

describe('the listing cache', () => {
  test('keeps listings up to its limit, and always the last', async () => {
    const clock = new ManualClock()
    clock.offsetSeconds = Number(SETTLED_AFTER_SECONDS) + 1
    const load = async (cache: ListingCache, path: string) => {
      const stats = lstatSync(path, { bigint: true })
      const directory = descriptorOf(Number(stats.ino) as NodeId, openSync(path, 'r'), 0)
      return cache.get(directory, stats, false)
    }
    const paths = ['a', 'b', 'c'].map((name) => {
      const path = join(temporaryDirectory(), name)
      mkdirSync(path)
      fill(path, 10)
      return path
    })
    const one = (await load(new ListingCache(clock), paths[0]!))!.sizeBytes
    const cache = new ListingCache(clock, 2 * one)
    const [first] = [await load(cache, paths[0]!), await load(cache, paths[1]!)]
    expect(cache.sizeBytes).toBe(2 * one)
    expect(await load(cache, paths[0]!)).toBe(first)
    await load(cache, paths[2]!)
    expect(cache.sizeBytes).toBe(2 * one)
    expect(await load(cache, paths[0]!)).toBe(first)
    const small = new ListingCache(clock, one - 1)
    const kept = await load(small, paths[0]!)
    expect(await load(small, paths[0]!)).toBe(kept)
    expect(small.sizeBytes).toBe(one)
  })
})
