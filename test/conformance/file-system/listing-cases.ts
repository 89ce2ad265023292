import { describe, expect } from 'vitest'
import { byteKey } from '../../../src/base/bytes.ts'
import { failOf, okOf } from '../answers.ts'
import { ROOT } from '../callers.ts'
import { name, type OnTree } from '../harness.ts'
import { dir, file, special, symlink } from '../seeds.ts'

const MANY = 300
const many = Array.from({ length: MANY }, (_, index) => file(`/many/name-${index}`, 0))
const MANY_NAMES = many.map((entry) => entry.path.slice('/many/'.length))
const guarded = { mode: 'guarded', changes: {} } as const

export function listingCases(onTree: OnTree): void {
  describe('listings', () => {
    wholeCases(onTree)
    changingCases(onTree)
  })
}

function wholeCases(onTree: OnTree): void {
  onTree('an empty directory has "." and ".."', [dir('/d'), dir('/d/e')], async (look, fs) => {
    const [d, e] = [await look.object('/d'), await look.object('/d/e')]
    const page = okOf(await fs.readdir(ROOT, e.node, 0, { maxEntries: 10, withAttributes: false }))
    expect(page).toMatchObject({ eof: true, attributes: e.attributes })
    expect(page.entries.map((entry) => [byteKey(entry.name), entry.node, entry.cookie])).toEqual([
      ['.', e.node, 1],
      ['..', d.node, 2],
    ])
    expect((await look.listing('/')).slice(0, 2).map((entry) => entry.node)).toEqual([fs.root, fs.root])
  })

  onTree(
    'every name exactly once, whatever the size of the pages; cookies rise',
    [dir('/many'), ...many],
    async (look) => {
      for (const pageEntries of [1, 2, 3, 7, 100, MANY + 1, MANY + 2, 5000]) {
        const entries = await look.listing('/many', pageEntries)
        expect(entries.map((entry) => byteKey(entry.name)).sort()).toEqual(['.', '..', ...MANY_NAMES].sort())
        for (const [index, entry] of entries.entries()) {
          expect(Number.isSafeInteger(entry.cookie)).toBe(true)
          if (index > 0) expect(entry.cookie).toBeGreaterThan(entries[index - 1]!.cookie)
        }
      }
    },
  )

  onTree('the same order and cookies every time', [dir('/many'), ...many], async (look) => {
    const [first, second] = [await look.listing('/many', 10), await look.listing('/many', 50)]
    expect(second.map(({ name: text, cookie }) => [byteKey(text), cookie])).toEqual(
      first.map(({ name: text, cookie }) => [byteKey(text), cookie]),
    )
  })

  onTree(
    'entries are the objects that LOOKUP finds, with their attributes',
    [dir('/d'), file('/d/f', 10), dir('/d/e'), symlink('/d/l', 'x'), special('fifo', '/d/p')],
    async (look, fs) => {
      for (const withAttributes of [true, false]) {
        const entries = await look.listing('/d', 2, withAttributes)
        expect(entries).toHaveLength(6)
        for (const entry of entries) {
          const { object } = okOf(await fs.lookup(ROOT, await look.node('/d'), entry.name))
          expect(entry).toMatchObject({ node: object.node, generation: object.generation })
          if (entry.attributes !== undefined) expect(entry.attributes).toEqual(object.attributes)
        }
      }
    },
  )

  onTree('any cookie is taken', [dir('/d'), file('/d/f', 1)], async (look, fs) => {
    const node = await look.node('/d')
    const [, , f] = await look.listing('/d')
    const after = async (cookie: number) =>
      okOf(await fs.readdir(ROOT, node, cookie, { maxEntries: 10, withAttributes: false })).entries.map(
        (entry) => byteKey(entry.name),
      )
    expect(await after(0)).toEqual(['.', '..', 'f'])
    expect(await after(1)).toEqual(['..', 'f'])
    expect(await after(2)).toEqual(['f'])
    expect(await after(f!.cookie - 1)).toEqual(['f'])
    expect(await after(f!.cookie)).toEqual([])
    expect(await after(Number.MAX_SAFE_INTEGER)).toEqual([])
  })

  onTree('only of directories', [file('/f', 1), symlink('/l', 'x')], async (look, fs) => {
    for (const path of ['/f', '/l']) {
      const { node, attributes } = await look.object(path)
      const fail = failOf(await fs.readdir(ROOT, node, 0, { maxEntries: 1, withAttributes: false }), 'NOTDIR')
      expect(fail.attributes).toEqual(attributes)
    }
  })
}

function changingCases(onTree: OnTree): void {
  onTree(
    'while names come and go, each untouched one exactly once',
    [dir('/many'), ...many],
    async (look, fs) => {
      const node = await look.node('/many')
      const seen: string[] = []
      for (let after = 0, eof = false, step = 0; !eof; step += 1) {
        const page = okOf(await fs.readdir(ROOT, node, after, { maxEntries: 7, withAttributes: false }))
        seen.push(...page.entries.map((entry) => byteKey(entry.name)))
        after = page.entries.at(-1)?.cookie ?? after
        eof = page.eof
        // Of the odd names one goes and one is renamed; a new one comes.
        okOf(await fs.remove(ROOT, node, name(`name-${4 * step + 1}`)))
        okOf(await fs.rename(ROOT, node, name(`name-${4 * step + 3}`), node, name(`renamed-${step}`)))
        okOf(await fs.create(ROOT, node, name(`new-${step}`), guarded))
      }
      const untouched = MANY_NAMES.filter((_, index) => index % 2 === 0)
      for (const each of untouched)
        expect(
          seen.filter((one) => one === each),
          each,
        ).toHaveLength(1)
      expect(new Set(seen).size).toBe(seen.length)
    },
  )

  onTree('goes on after an entry that is gone', [dir('/many'), ...many], async (look, fs) => {
    const node = await look.node('/many')
    const options = { maxEntries: 50, withAttributes: false }
    const page = okOf(await fs.readdir(ROOT, node, 0, options))
    const rest = (await look.listing('/many')).slice(50).map((entry) => byteKey(entry.name))
    for (const entry of page.entries.slice(2)) okOf(await fs.remove(ROOT, node, entry.name))
    const seen: string[] = []
    for (let after = page.entries.at(-1)!.cookie, eof = false; !eof; ) {
      const next = okOf(await fs.readdir(ROOT, node, after, options))
      seen.push(...next.entries.map((entry) => byteKey(entry.name)))
      after = next.entries.at(-1)?.cookie ?? after
      eof = next.eof
    }
    expect(seen).toEqual(rest)
  })

  onTree('removing everything while listing leaves nothing', [dir('/many'), ...many], async (look, fs) => {
    const node = await look.node('/many')
    for (let after = 0, eof = false; !eof; ) {
      const page = okOf(await fs.readdir(ROOT, node, after, { maxEntries: 20, withAttributes: false }))
      for (const entry of page.entries) if (entry.cookie > 2) okOf(await fs.remove(ROOT, node, entry.name))
      after = page.entries.at(-1)?.cookie ?? after
      eof = page.eof
    }
    expect(await look.names('/many')).toEqual([])
    okOf(await fs.rmdir(ROOT, fs.root, name('many')))
  })

  onTree(
    'sees at once what was made, removed and renamed',
    [dir('/d'), file('/d/a', 1), file('/d/b', 1)],
    async (look, fs) => {
      const node = await look.node('/d')
      okOf(await fs.create(ROOT, node, name('c'), guarded))
      expect(await look.names('/d')).toEqual(['a', 'b', 'c'])
      okOf(await fs.remove(ROOT, node, name('a')))
      okOf(await fs.rename(ROOT, node, name('b'), node, name('z')))
      expect(await look.names('/d')).toEqual(['c', 'z'])
      okOf(await fs.create(ROOT, node, name('a'), guarded))
      okOf(await fs.create(ROOT, node, name('b'), guarded))
      expect(await look.names('/d')).toEqual(['a', 'b', 'c', 'z'])
    },
  )
}
