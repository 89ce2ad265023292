import { describe, expect, test } from 'vitest'
import { byteKey } from '../../src/base/bytes.ts'
import { nameHash } from '../../src/base/name-hash.ts'
import { ListingBuilder, NAME_COOKIE_MIN } from '../../src/exporter/listing.ts'

function listingOf(names: string[], hash?: (name: Uint8Array) => number) {
  const builder = new ListingBuilder(hash)
  for (const name of names) builder.add(Buffer.from(name, 'latin1'))
  const listing = builder.finish()
  const entries = Array.from({ length: listing.length }, (_, index): [string, number] => [
    byteKey(listing.nameAt(index)),
    listing.cookieAt(index),
  ])
  return { listing, entries }
}

describe('the hash of a name', () => {
  test('has 51 bits and never changes: clients keep cookies across our versions', () => {
    const hashes = ['', 'a', 'b', 'etc', 'x'.repeat(255), '\xff'].map((name) =>
      nameHash(Buffer.from(name, 'latin1')),
    )
    expect(hashes).toMatchInlineSnapshot(`
      [
        1506278859824566,
        233120315797337,
        1150239781602625,
        81974214484638,
        190986010512319,
        1625198191875082,
      ]
    `)
    for (const hash of hashes) expect(hash).toBeLessThan(2 ** 51)
  })

  test('spreads: no two of 200,000 numbered names meet', () => {
    const seen = new Set<number>()
    for (let index = 0; index < 200_000; index += 1) seen.add(nameHash(Buffer.from(`file-${index}`)))
    expect(seen.size).toBe(200_000)
  })
})

describe('a listing', () => {
  test('is in cookie order, whatever the order on disk', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `name ${index}`)
    const { entries } = listingOf(names)
    expect(listingOf([...names].reverse()).entries).toEqual(entries)
    expect(entries.map(([name]) => name).sort()).toEqual([...names].sort())
    for (const [index, [name, cookie]] of entries.entries()) {
      expect(cookie).toBe(nameHash(Buffer.from(name)) + NAME_COOKIE_MIN)
      if (index > 0) expect(cookie).toBeGreaterThan(entries[index - 1]![1])
    }
  })

  test('gives names whose hashes meet the next free cookies, in the order of the names', () => {
    const { entries } = listingOf(['d', 'b', 'a', 'c'], (name) => (name[0] === 0x64 ? 11 : 10))
    expect(entries).toEqual([
      ['a', 13],
      ['b', 14],
      ['c', 15],
      ['d', 16],
    ])
  })

  test('goes on after any cookie, also one that no name has', () => {
    const { listing } = listingOf(['a', 'b', 'c'], (name) => name[0]! * 10)
    const cookies = [0, 1, 2].map((index) => listing.cookieAt(index))
    expect(listing.indexAfter(0)).toBe(0)
    expect(cookies.map((cookie) => listing.indexAfter(cookie))).toEqual([1, 2, 3])
    expect(cookies.map((cookie) => listing.indexAfter(cookie - 1))).toEqual([0, 1, 2])
    expect(listing.indexAfter(Number.MAX_SAFE_INTEGER)).toBe(3)
  })

  test('of nothing is empty', () => {
    const { listing } = listingOf([])
    expect(listing.length).toBe(0)
    expect(listing.indexAfter(0)).toBe(0)
  })
})
