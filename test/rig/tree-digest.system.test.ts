import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkDirectory } from './cache-directory.ts'
import { imageTree, writeTree } from './image-tree.ts'
import { describeWithRigs } from './rig-needs.ts'
import { mustRun } from './run-command.ts'
import { assertSameTree, readTree, type TreeSnapshot, treeDifferences } from './tree-digest.ts'

describeWithRigs('a tree read twice', ['namespace', 'image-tree'], () => {
  let directory: string
  let before: TreeSnapshot

  beforeAll(async () => {
    directory = join(makeWorkDirectory('tree'), 'image')
    await writeTree(directory, imageTree(3))
    before = await readTree(directory)
  })
  afterAll(() => rmSync(join(directory, '..'), { recursive: true }))

  test('has everything that was planned', () => {
    const { records } = before
    const planned = imageTree(3)
    expect(records.size).toBe(planned.length)
    for (const entry of planned) {
      const { type, mode, uid, gid } = records.get(entry.path)!
      const expected = { type: entry.type, mode: entry.mode, uid: entry.uid, gid: entry.gid }
      expect({ path: entry.path, type, mode, uid, gid }).toEqual({ path: entry.path, ...expected })
    }
    expect(records.get('/hard/b')).toMatchObject({ nlink: 4, first: '/dir/d' })
    expect(records.get('/disk')).toMatchObject({ rdev: [259, 65_537] })
    expect(records.get('/README')!.xattrs).toEqual({ 'user.note': 'kept', 'user.bytes': '\x00\xff' })
    expect(records.get('/link-bytes')).toMatchObject({ target: '\xff\xfe/\x01' })
  })

  test('is the same, access times included, because reading moves nothing', async () => {
    const again = await readTree(directory)
    expect(again.digest).toBe(before.digest)
    expect(treeDifferences(before, again, { accessTimes: true })).toEqual([])
    assertSameTree(before, again)
  })

  test('has the same content whether zeros are stored or a hole', async () => {
    const { size } = statSync(join(directory, 'sparse'))
    await mustRun(['cp', '--sparse=never', join(directory, 'sparse'), join(directory, '..', 'dense')])
    await mustRun(['mkdir', join(directory, '..', 'copy')])
    await mustRun(['mv', join(directory, '..', 'dense'), join(directory, '..', 'copy', 'sparse')])
    const copy = await readTree(join(directory, '..', 'copy'))
    expect(copy.records.get('/sparse')!.size).toBe(size)
    expect(copy.records.get('/sparse')!.content).toBe(before.records.get('/sparse')!.content)
  })

  /** A change, and what must be said about it; each is undone by `undo` but for ctime. */
  const CHANGES: readonly { change: string; undo: string; says: RegExp }[] = [
    { change: 'printf X | dd of=odd bs=1 seek=100 conv=notrunc', undo: 'true', says: /^\/odd: content was/ },
    {
      change: 'printf X | dd of=terabyte bs=1 seek=600000000000 conv=notrunc',
      undo: 'true',
      says: /^\/terabyte: content/,
    },
    { change: 'chmod 600 one-byte', undo: 'chmod 644 one-byte', says: /^\/one-byte: mode was 420, is 384/ },
    { change: 'chown -h 5 link', undo: 'chown -h 0 link', says: /^\/link: uid was 0, is 5/ },
    { change: 'touch empty', undo: 'true', says: /^\/empty: mtime was/ },
    { change: 'mv null nil', undo: 'mv nil null', says: /^\/null: is gone/ },
    { change: 'mkdir made', undo: 'rmdir made', says: /^\/made: is new/ },
    { change: 'ln hard/a hard/z', undo: 'rm hard/z', says: /^\/hard\/a: nlink was 4, is 5/ },
    { change: 'cp -p README r; rm README; mv r README', undo: 'true', says: /^\/README: xattrs was/ },
  ]

  test.each(CHANGES)('differs after: $change', async ({ change, undo, says }) => {
    const earlier = await readTree(directory)
    await mustRun(['bash', '-ec', change], { cwd: directory })
    const later = await readTree(directory)
    await mustRun(['bash', '-ec', undo], { cwd: directory })
    expect(treeDifferences(earlier, later)).toContainEqual(expect.stringMatching(says))
    expect(later.digest).not.toBe(earlier.digest)
    expect(() => assertSameTree(earlier, later)).toThrow('the tree is not what it was')
  })
})
