import { describe, expect } from 'vitest'
import { ALICE_UID } from '../../model/seed-tree.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, BOB, ROOT } from '../callers.ts'
import { expectChanged, type Look, name, type OnTree } from '../harness.ts'
import { dir, file, hardLink, special, symlink } from '../seeds.ts'

/** RENAME by directories' paths and names, as root unless told otherwise. */
async function rename(
  look: Look,
  from: readonly [string, string],
  to: readonly [string, string],
  caller = ROOT,
) {
  const [fromNode, toNode] = [await look.node(from[0]), await look.node(to[0])]
  return look.fs.rename(caller, fromNode, name(from[1]), toNode, name(to[1]))
}

/** Refused with the attributes of both directories, and nothing is changed. */
async function refused(
  look: Look,
  from: readonly [string, string],
  to: readonly [string, string],
  status: Parameters<typeof failOf>[1],
  caller = ROOT,
) {
  const [before, after] = [await look.attributes(from[0]), await look.attributes(to[0])]
  expect(failOf(await rename(look, from, to, caller), status)).toEqual({
    from: { before, after: before },
    to: { before: after, after },
  })
  expect(await look.attributes(from[0])).toEqual(before)
  expect(await look.attributes(to[0])).toEqual(after)
}

export function renameCases(onTree: OnTree): void {
  describe('RENAME', () => {
    moveCases(onTree)
    directoryCases(onTree)
    replaceCases(onTree)
    refusalCases(onTree)
  })
}

function moveCases(onTree: OnTree): void {
  onTree('in one directory', [dir('/d'), file('/d/a', 5000, { mode: 0o600 })], async (look) => {
    const before = await look.attributes('/d')
    const a = await look.object('/d/a')
    const wcc = okOf(await rename(look, ['/d', 'a'], ['/d', 'b']))
    const after = await look.attributes('/d')
    expectChanged(wcc.from, before, after)
    expect(wcc.to).toEqual(wcc.from)
    expect(after.mtime).toEqual(after.ctime)
    expect(await look.names('/d')).toEqual(['b'])
    const b = await look.object('/d/b')
    expect(b).toMatchObject({ node: a.node, generation: a.generation })
    expect(b.attributes).toEqual({ ...a.attributes, ctime: b.attributes.ctime })
    expectChanged({ before: a.attributes, after: b.attributes }, a.attributes, b.attributes)
    expect((await look.bytes('/d/b')).length).toBe(5000)
  })

  onTree(
    'from one directory to another, every kind',
    [
      dir('/d'),
      dir('/e'),
      file('/d/f', 1),
      dir('/d/sub'),
      symlink('/d/l', 'x'),
      special('fifo', '/d/p'),
      special('block', '/d/b', { rdevMajor: 8, rdevMinor: 1 }),
    ],
    async (look, fs) => {
      for (const text of ['f', 'sub', 'l', 'p', 'b']) {
        const [d, e] = [await look.attributes('/d'), await look.attributes('/e')]
        const node = await look.node(`/d/${text}`)
        const wcc = okOf(await rename(look, ['/d', text], ['/e', `${text}-2`]))
        expectChanged(wcc.from, d, await look.attributes('/d'))
        expectChanged(wcc.to, e, await look.attributes('/e'))
        const moved = await look.object(`/e/${text}-2`)
        expect(moved.node).toBe(node)
        okOf(await fs.resolve(moved.node, moved.generation))
      }
      expect(await look.names('/d')).toEqual([])
      expect(await look.names('/e')).toEqual(['b-2', 'f-2', 'l-2', 'p-2', 'sub-2'])
    },
  )

  onTree(
    'there and back again',
    [dir('/d'), file('/d/a', 1), dir('/d/sub'), file('/d/sub/x', 1)],
    async (look) => {
      for (let round = 0; round < 3; round += 1) {
        okOf(await rename(look, ['/d', 'a'], ['/', 'b']))
        okOf(await rename(look, ['/', 'b'], ['/d', 'a']))
        okOf(await rename(look, ['/d', 'sub'], ['/', 'sub']))
        okOf(await rename(look, ['/', 'sub'], ['/d', 'sub']))
      }
      expect(await look.names('/')).toEqual(['d'])
      expect(await look.names('/d')).toEqual(['a', 'sub'])
      expect(await look.names('/d/sub')).toEqual(['x'])
      expect((await look.attributes('/d')).nlink).toBe(3)
      expect((await look.attributes('/')).nlink).toBe(3)
    },
  )

  onTree('a name that was just freed can be made again', [file('/a', 3)], async (look, fs) => {
    okOf(await rename(look, ['/', 'a'], ['/', 'b']))
    okOf(await fs.create(ROOT, fs.root, name('a'), { mode: 'guarded', changes: { mode: 0o600 } }))
    expect(await look.names('/')).toEqual(['a', 'b'])
    expect((await look.attributes('/a')).sizeBytes).toBe(0)
    expect((await look.attributes('/b')).sizeBytes).toBe(3)
  })
}

function directoryCases(onTree: OnTree): void {
  const deep = [dir('/a'), dir('/a/b'), dir('/a/b/c'), file('/a/b/c/leaf', 100), dir('/to')]
  onTree('a directory takes along what is in it; ".." and the link counts follow', deep, async (look, fs) => {
    const leaf = await look.node('/a/b/c/leaf')
    const b = await look.node('/a/b')
    okOf(await rename(look, ['/a', 'b'], ['/to', 'moved']))
    expect(await look.node('/to/moved/c/leaf')).toBe(leaf)
    expect((await look.bytes('/to/moved/c/leaf')).length).toBe(100)
    expect(okOf(await fs.lookup(ROOT, b, name('..'))).object.node).toBe(await look.node('/to'))
    const dotDot = (await look.listing('/to/moved')).find((entry) => entry.cookie === 2)!
    expect(dotDot.node).toBe(await look.node('/to'))
    expect((await look.attributes('/a')).nlink).toBe(2)
    expect((await look.attributes('/to')).nlink).toBe(3)
    expect((await look.attributes('/to/moved')).nlink).toBe(3)
    expect(await look.names('/a')).toEqual([])
  })

  onTree('a directory moved out of one that is then removed', deep, async (look, fs) => {
    okOf(await rename(look, ['/a/b', 'c'], ['/', 'c']))
    okOf(await fs.rmdir(ROOT, await look.node('/a'), name('b')))
    okOf(await fs.rmdir(ROOT, fs.root, name('a')))
    expect(await look.names('/c')).toEqual(['leaf'])
    expect(okOf(await fs.lookup(ROOT, await look.node('/c'), name('..'))).object.node).toBe(fs.root)
  })

  onTree('not into itself, and not over what holds it', deep, async (look) => {
    await refused(look, ['/', 'a'], ['/a', 'x'], 'INVAL')
    await refused(look, ['/', 'a'], ['/a/b/c', 'x'], 'INVAL')
    await refused(look, ['/a/b', 'c'], ['/', 'a'], 'NOTEMPTY')
    await refused(look, ['/a/b/c', 'leaf'], ['/a', 'b'], 'NOTEMPTY')
    // After a move the question is asked of the tree as it is now.
    okOf(await rename(look, ['/a', 'b'], ['/to', 'b']))
    await refused(look, ['/', 'to'], ['/to/b/c', 'x'], 'INVAL')
    okOf(await rename(look, ['/', 'a'], ['/to/b/c', 'a']))
    expect(await look.names('/to/b/c')).toEqual(['a', 'leaf'])
  })

  onTree(
    'over an empty directory',
    [dir('/d'), dir('/d/a'), file('/d/a/x', 1), dir('/e'), dir('/e/b')],
    async (look, fs) => {
      const target = await look.node('/e/b')
      const source = await look.node('/d/a')
      okOf(await rename(look, ['/d', 'a'], ['/e', 'b']))
      expect(await look.node('/e/b')).toBe(source)
      expect(await look.names('/e/b')).toEqual(['x'])
      failOf(await fs.getattr(ROOT, target), 'STALE')
      expect((await look.attributes('/d')).nlink).toBe(2)
      expect((await look.attributes('/e')).nlink).toBe(3)
      okOf(await rename(look, ['/e', 'b'], ['/e', 'c']))
      expect((await look.attributes('/e')).nlink).toBe(3)
    },
  )
}

function replaceCases(onTree: OnTree): void {
  onTree('over a file: it is gone', [dir('/d'), file('/d/a', 1), file('/d/b', 2)], async (look, fs) => {
    const [a, b] = [await look.node('/d/a'), await look.node('/d/b')]
    okOf(await rename(look, ['/d', 'a'], ['/d', 'b']))
    expect(await look.names('/d')).toEqual(['b'])
    expect(await look.node('/d/b')).toBe(a)
    expect((await look.attributes('/d/b')).sizeBytes).toBe(1)
    failOf(await fs.getattr(ROOT, b), 'STALE')
  })

  const first = file('/keep', 2)
  onTree(
    'over a file that has another name: that one stays',
    [first, hardLink('/b', first), file('/a', 1)],
    async (look) => {
      const before = await look.object('/b')
      okOf(await rename(look, ['/', 'a'], ['/', 'b']))
      const kept = await look.object('/keep')
      expect(kept.node).toBe(before.node)
      expect(kept.attributes.nlink).toBe(1)
      expectChanged({ before: before.attributes, after: kept.attributes }, before.attributes, kept.attributes)
      expect(await look.names('/')).toEqual(['b', 'keep'])
    },
  )

  onTree(
    'over things of other kinds that are no directories',
    [file('/f', 1), symlink('/l', 'x'), special('fifo', '/p'), special('socket', '/s')],
    async (look) => {
      for (const [from, to] of [
        ['f', 'l'],
        ['p', 's'],
        ['l', 'p'],
      ] as const) {
        if (!(await look.exists(`/${from}`))) continue
        const node = await look.node(`/${from}`)
        okOf(await rename(look, ['/', from], ['/', to]))
        expect(await look.node(`/${to}`)).toBe(node)
      }
      expect(await look.names('/')).toEqual(['p', 's'])
    },
  )

  onTree(
    'onto itself, and onto another name of itself: nothing happens',
    [dir('/d'), first, hardLink('/d/again', first)],
    async (look) => {
      for (const [from, to] of [
        [
          ['/', 'keep'],
          ['/', 'keep'],
        ],
        [
          ['/', 'keep'],
          ['/d', 'again'],
        ],
        [
          ['/', 'd'],
          ['/', 'd'],
        ],
      ] as const) {
        const [one, other] = [await look.attributes(from[0]), await look.attributes(to[0])]
        expect(okOf(await rename(look, from, to))).toEqual({
          from: { before: one, after: one },
          to: { before: other, after: other },
        })
      }
      expect(await look.names('/')).toEqual(['d', 'keep'])
      expect(await look.names('/d')).toEqual(['again'])
      expect((await look.attributes('/keep')).nlink).toBe(2)
    },
  )
}

function refusalCases(onTree: OnTree): void {
  const tree = [dir('/d'), file('/d/f', 1), dir('/d/e'), dir('/full'), file('/full/x', 1), symlink('/l', 'd')]
  onTree('refuses what does not fit together', tree, async (look) => {
    await refused(look, ['/d', 'nothing'], ['/d', 'x'], 'NOENT')
    await refused(look, ['/d', 'f'], ['/d', 'e'], 'ISDIR')
    await refused(look, ['/d', 'e'], ['/d', 'f'], 'NOTDIR')
    await refused(look, ['/d', 'e'], ['/', 'l'], 'NOTDIR')
    await refused(look, ['/d', 'e'], ['/', 'full'], 'NOTEMPTY')
    await refused(look, ['/d/f', 'x'], ['/d', 'y'], 'NOTDIR')
    await refused(look, ['/d', 'f'], ['/l', 'y'], 'NOTDIR')
    expect(await look.names('/d')).toEqual(['e', 'f'])
  })

  onTree(
    'a directory that changes its parent must be writable to the caller',
    [
      dir('/p', { mode: 0o777 }),
      dir('/q', { mode: 0o777 }),
      dir('/p/of-alice', { uid: ALICE_UID, mode: 0o755 }),
      dir('/p/for-all', { uid: ALICE_UID, mode: 0o777 }),
    ],
    async (look) => {
      await refused(look, ['/p', 'of-alice'], ['/q', 'x'], 'ACCES', BOB)
      okOf(await rename(look, ['/p', 'of-alice'], ['/p', 'x'], BOB))
      okOf(await rename(look, ['/p', 'for-all'], ['/q', 'y'], BOB))
      okOf(await rename(look, ['/p', 'x'], ['/q', 'x'], ALICE))
    },
  )
}
