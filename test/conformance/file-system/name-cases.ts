import { describe, expect } from 'vitest'
import { byteKey } from '../../../src/base/bytes.ts'
import { ALICE_UID, BOB_UID, ODD_NAMES } from '../../model/seed-tree.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, BOB, CAROL, ROOT } from '../callers.ts'
import { expectChanged, expectSame, name, type OnTree } from '../harness.ts'
import { dir, file, hardLink, special, symlink } from '../seeds.ts'

export function nameCases(onTree: OnTree): void {
  describe('names', () => {
    lookupCases(onTree)
    removeCases(onTree)
    stickyCases(onTree)
    linkCases(onTree)
  })
}

function lookupCases(onTree: OnTree): void {
  onTree('LOOKUP finds names, "." and ".."', [dir('/d'), dir('/d/e'), file('/d/f', 1)], async (look, fs) => {
    const [root, d, e] = [await look.object('/'), await look.object('/d'), await look.object('/d/e')]
    const rows = [
      [d, 'e', e],
      [d, '.', d],
      [d, '..', root],
      [e, '..', d],
      [root, '.', root],
      [root, '..', root],
    ] as const
    for (const [from, text, object] of rows) {
      const found = okOf(await fs.lookup(ROOT, from.node, name(text)))
      expect(found).toEqual({ object, directory: from.attributes })
      expect(fs.generationOf(object.node)).toBe(object.generation)
      okOf(await fs.resolve(object.node, object.generation))
    }
  })

  onTree('LOOKUP refuses', [dir('/d'), file('/f', 1), symlink('/l', 'd')], async (look, fs) => {
    const d = await look.object('/d')
    expect(failOf(await fs.lookup(ROOT, d.node, name('x')), 'NOENT').attributes).toEqual(d.attributes)
    for (const path of ['/f', '/l']) {
      const { node, attributes } = await look.object(path)
      for (const text of ['x', '.', '..']) {
        expect(failOf(await fs.lookup(ROOT, node, name(text)), 'NOTDIR').attributes).toEqual(attributes)
      }
    }
  })

  const odd = ODD_NAMES.map((text, index) => file(`/odd/${text}`, index))
  onTree(
    'are bytes: every one of them is another',
    [dir('/odd', { mode: 0o777 }), ...odd],
    async (look, fs) => {
      expect(await look.names('/odd')).toEqual([...ODD_NAMES].sort())
      for (const [index, text] of ODD_NAMES.entries()) {
        expect((await look.attributes(`/odd/${text}`)).sizeBytes).toBe(index)
      }
      for (const text of ['A B', 'a', 'n'.repeat(254), '\xff\xfe', 'Ä']) {
        failOf(await fs.lookup(ROOT, await look.node('/odd'), name(text)), 'NOENT')
      }
    },
  )
}

function removeCases(onTree: OnTree): void {
  onTree(
    'REMOVE takes a file away, for good',
    [dir('/d'), file('/d/f', 10), file('/d/g', 1)],
    async (look, fs) => {
      const before = await look.object('/d')
      const { node, generation } = await look.object('/d/f')
      const { wcc } = okOf(await fs.remove(ROOT, before.node, name('f')))
      const after = await look.attributes('/d')
      expectChanged(wcc, before.attributes, after)
      expect(after.mtime).toEqual(after.ctime)
      expect(await look.names('/d')).toEqual(['g'])
      failOf(await fs.getattr(ROOT, node), 'STALE')
      failOf(await fs.resolve(node, generation), 'STALE')
      const made = okOf(await fs.create(ROOT, before.node, name('f'), { mode: 'guarded', changes: {} }))
      expect(made.object.node).not.toBe(node)
      expect(made.object.attributes.sizeBytes).toBe(0)
      failOf(await fs.getattr(ROOT, node), 'STALE')
    },
  )

  onTree(
    'REMOVE takes everything that is no directory',
    [
      symlink('/l', 'x'),
      special('fifo', '/p'),
      special('socket', '/s'),
      special('block', '/b', { rdevMajor: 1 }),
      special('character', '/c', { rdevMajor: 1 }),
    ],
    async (look, fs) => {
      for (const text of await look.names('/')) okOf(await fs.remove(ROOT, fs.root, name(text)))
      expect(await look.names('/')).toEqual([])
    },
  )

  onTree('RMDIR takes an empty directory', [dir('/d'), dir('/d/e'), dir('/d/e/x')], async (look, fs) => {
    const d = await look.object('/d')
    const e = await look.object('/d/e')
    expect(d.attributes.nlink).toBe(3)
    expectSame(failOf(await fs.rmdir(ROOT, d.node, name('e')), 'NOTEMPTY').wcc, d.attributes)
    okOf(await fs.rmdir(ROOT, e.node, name('x')))
    const { wcc } = okOf(await fs.rmdir(ROOT, d.node, name('e')))
    const after = await look.attributes('/d')
    expectChanged(wcc, d.attributes, after)
    expect(after.nlink).toBe(2)
    failOf(await fs.getattr(ROOT, e.node), 'STALE')
    failOf(await fs.create(ROOT, e.node, name('f'), { mode: 'guarded', changes: {} }), 'STALE')
  })

  onTree(
    'of the wrong kind, or not there',
    [dir('/d'), file('/d/f', 1), dir('/d/e'), symlink('/d/l', 'e')],
    async (look, fs) => {
      const d = await look.object('/d')
      expectSame(failOf(await fs.remove(ROOT, d.node, name('e')), 'ISDIR').wcc, d.attributes)
      expectSame(failOf(await fs.rmdir(ROOT, d.node, name('f')), 'NOTDIR').wcc, d.attributes)
      expectSame(failOf(await fs.rmdir(ROOT, d.node, name('l')), 'NOTDIR').wcc, d.attributes)
      expectSame(failOf(await fs.remove(ROOT, d.node, name('x')), 'NOENT').wcc, d.attributes)
      expectSame(failOf(await fs.rmdir(ROOT, d.node, name('x')), 'NOENT').wcc, d.attributes)
      const f = await look.object('/d/f')
      expectSame(failOf(await fs.remove(ROOT, f.node, name('x')), 'NOTDIR').wcc, f.attributes)
      expectSame(failOf(await fs.rmdir(ROOT, f.node, name('x')), 'NOTDIR').wcc, f.attributes)
    },
  )
}

function stickyCases(onTree: OnTree): void {
  const tree = [
    dir('/tmp', { mode: 0o1777, uid: ALICE_UID }),
    file('/tmp/of-bob', 1, { uid: BOB_UID, mode: 0o777 }),
    dir('/tmp/dir-of-bob', { uid: BOB_UID, mode: 0o777 }),
    file('/tmp/of-root', 1, { mode: 0o777 }),
    dir('/free', { mode: 0o777 }),
  ]
  onTree('sticky: neither owner of the thing nor of the directory', tree, async (look, fs) => {
    const tmp = await look.object('/tmp')
    const free = await look.object('/free')
    expectSame(failOf(await fs.remove(CAROL, tmp.node, name('of-bob')), 'PERM').wcc, tmp.attributes)
    expectSame(failOf(await fs.rmdir(CAROL, tmp.node, name('dir-of-bob')), 'PERM').wcc, tmp.attributes)
    failOf(await fs.rename(CAROL, tmp.node, name('of-bob'), free.node, name('x')), 'PERM')
    okOf(await fs.create(CAROL, free.node, name('mine'), { mode: 'guarded', changes: {} }))
    failOf(await fs.rename(CAROL, free.node, name('mine'), tmp.node, name('of-bob')), 'PERM')
    okOf(await fs.rename(CAROL, free.node, name('mine'), tmp.node, name('new')))
    okOf(await fs.remove(CAROL, tmp.node, name('new')))
  })

  onTree('sticky: the owner of the thing, of the directory, and root', tree, async (look, fs) => {
    const tmp = await look.node('/tmp')
    okOf(await fs.remove(BOB, tmp, name('of-bob')))
    okOf(await fs.rmdir(ALICE, tmp, name('dir-of-bob')))
    okOf(await fs.remove(ROOT, tmp, name('of-root')))
    expect(await look.names('/tmp')).toEqual([])
  })
}

function linkCases(onTree: OnTree): void {
  const first = file('/d/first', 5000, { uid: ALICE_UID, mode: 0o600 })
  onTree('LINK: one file, two names', [dir('/d'), first, dir('/e')], async (look, fs) => {
    const e = await look.object('/e')
    const before = await look.object('/d/first')
    const { attributes, wcc } = okOf(await fs.link(ROOT, before.node, e.node, name('second')))
    expect(attributes).toEqual(await look.attributes('/d/first'))
    expect(attributes).toMatchObject({
      nlink: 2,
      mtime: before.attributes.mtime,
      fileid: before.attributes.fileid,
    })
    expectChanged({ before: before.attributes, after: attributes }, before.attributes, attributes)
    expectChanged(wcc, e.attributes, await look.attributes('/e'))
    expect((await look.object('/e/second')).node).toBe(before.node)
    await look.write('/e/second', 0, Buffer.from('new'))
    expect(Buffer.from(await look.bytes('/d/first', 0, 3)).toString()).toBe('new')
  })

  onTree(
    'a file goes with its last name',
    [dir('/d'), first, hardLink('/second', first), hardLink('/third', first)],
    async (look, fs) => {
      const { node, attributes } = await look.object('/third')
      expect(attributes.nlink).toBe(3)
      okOf(await fs.remove(ROOT, fs.root, name('third')))
      okOf(await fs.remove(ROOT, await look.node('/d'), name('first')))
      const left = await look.attributes('/second')
      expect(left).toMatchObject({ nlink: 1, sizeBytes: 5000 })
      expectChanged({ before: attributes, after: left }, attributes, left)
      expect((await look.bytes('/second')).length).toBe(5000)
      okOf(await fs.remove(ROOT, fs.root, name('second')))
      failOf(await fs.getattr(ROOT, node), 'STALE')
    },
  )

  onTree(
    'LINK of everything that is no directory',
    [symlink('/l', 'x'), special('fifo', '/p'), special('block', '/b', { rdevMajor: 1 }), dir('/d')],
    async (look, fs) => {
      const d = await look.node('/d')
      for (const text of ['l', 'p', 'b']) {
        const node = await look.node(`/${text}`)
        expect(okOf(await fs.link(ROOT, node, d, name(text))).attributes.nlink).toBe(2)
        expect(await look.node(`/d/${text}`)).toBe(node)
      }
    },
  )

  onTree('LINK refuses', [dir('/d'), file('/d/f', 1), file('/g', 1, { mode: 0o600 })], async (look, fs) => {
    const d = await look.object('/d')
    const f = await look.object('/d/f')
    const g = await look.object('/g')
    const unchanged = { attributes: f.attributes, wcc: { before: d.attributes, after: d.attributes } }
    expect(failOf(await fs.link(ROOT, f.node, d.node, name('f')), 'EXIST')).toEqual(unchanged)
    expect(failOf(await fs.link(ROOT, d.node, d.node, name('x')), 'ISDIR').attributes).toEqual(d.attributes)
    expectSame(failOf(await fs.link(ROOT, f.node, g.node, name('x')), 'NOTDIR').wcc, g.attributes)
    expect((await look.attributes('/d/f')).nlink).toBe(1)
    // Reading is not needed to give a name.
    okOf(await fs.setattr(ROOT, d.node, { mode: 0o777 }, undefined))
    okOf(await fs.link(BOB, g.node, d.node, name('g')))
  })

  onTree(
    'links and names are found again in a listing',
    [dir('/d'), first, hardLink('/d/second', first)],
    async (look) => {
      const entries = (await look.listing('/d')).slice(2)
      expect(entries.map((entry) => byteKey(entry.name)).sort()).toEqual(['first', 'second'])
      expect(new Set(entries.map((entry) => entry.node)).size).toBe(1)
    },
  )
}
