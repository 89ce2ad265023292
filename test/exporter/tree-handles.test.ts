import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HostTree } from '../../src/exporter/host-tree.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import { failOf, okOf } from '../conformance/answers.ts'
import { ROOT } from '../conformance/callers.ts'
import { Look, name } from '../conformance/harness.ts'
import { ODD_NAMES } from '../model/seed-tree.ts'
import { plantEveryKind, serve, temporaryDirectory } from './host-directory.ts'
import { ManualClock } from './manual-clock.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('handles', () => {
  const objectsOf = async (look: Look, paths: string[]) => Promise.all(paths.map((path) => look.object(path)))

  test('mean the same after a restart, with nothing stored', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const paths = [
      '/',
      '/dir',
      '/dir/sub/deep',
      '/dir/sub/hard',
      '/outside',
      '/fifo',
      `/names/${ODD_NAMES[6]}`,
    ]
    const before = await objectsOf(new Look(serve(root).fs), paths)
    const { fs } = serve(root)
    await Promise.all(
      before.map(async ({ node, generation, attributes }) => {
        expect(await fs.resolve(node, generation)).toEqual({ ok: true, value: undefined })
        expect(okOf(await fs.getattr(ROOT, node))).toEqual(attributes)
      }),
    )
  })

  test('of removed objects are STALE, before and after a restart', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'dir'))
    writeFileSync(join(root, 'dir/file'), '')
    const { fs } = serve(root)
    const [dir, file] = await objectsOf(new Look(fs), ['/dir', '/dir/file'])
    rmSync(join(root, 'dir'), { recursive: true })
    failOf(await fs.getattr(ROOT, dir!.node), 'STALE')
    failOf(await fs.getattr(ROOT, file!.node), 'STALE')
    const again = serve(root).fs
    failOf(await again.resolve(dir!.node, dir!.generation), 'STALE')
    failOf(await again.resolve(file!.node, file!.generation), 'STALE')
  })

  test('of another generation of the same number are STALE', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), '')
    const { fs } = serve(root)
    const { node, generation } = await new Look(fs).object('/file')
    failOf(await fs.resolve(node, generation ^ 1), 'STALE')
    failOf(await serve(root).fs.resolve(node, generation ^ 1), 'STALE')
    failOf(await fs.resolve(fs.root, fs.generationOf(fs.root) ^ 1), 'STALE')
    okOf(await fs.resolve(node, generation))
  })

  test('follow files and directories that are moved on the host', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const { fs, clock } = serve(root)
    const look = new Look(fs)
    const [file, sub, deep] = [
      await look.node('/dir/suid'),
      await look.node('/dir/sub'),
      await look.node('/dir/sub/deep'),
    ]
    renameSync(join(root, 'dir/suid'), join(root, 'dir/renamed'))
    okOf(await fs.getattr(ROOT, file))
    expect(text(await look.bytes('/dir/renamed'))).toBe('#!/bin/sh\n')
    renameSync(join(root, 'dir/sub'), join(root, 'names/sub'))
    clock.elapsedMs += 5000
    okOf(await fs.getattr(ROOT, deep))
    okOf(await fs.getattr(ROOT, sub))
    renameSync(join(root, 'names/sub'), join(temporaryDirectory(), 'sub'))
    clock.elapsedMs += 5000
    failOf(await fs.getattr(ROOT, sub), 'STALE')
    failOf(await fs.getattr(ROOT, deep), 'STALE')
  })

  test('a hard link keeps the file when another of its names goes', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'other'))
    writeFileSync(join(root, 'first'), 'same')
    linkSync(join(root, 'first'), join(root, 'other/second'))
    const { fs } = serve(root)
    const node = await new Look(fs).node('/first')
    rmSync(join(root, 'first'))
    expect(okOf(await fs.getattr(ROOT, node)).nlink).toBe(1)
  })

  test('resolve although the node table is far too small for the tree', async () => {
    const root = temporaryDirectory()
    const paths: string[] = []
    for (let index = 0; index < 20; index += 1) {
      mkdirSync(join(root, `d${index}/e/f`), { recursive: true })
      writeFileSync(join(root, `d${index}/e/f/file`), String(index))
      paths.push(`/d${index}/e/f/file`)
    }
    const { fs } = serve(root, { shelfNodesMax: 8, descriptorsMax: 4 })
    const objects = []
    for (const path of paths) objects.push(await new Look(fs).object(path))
    for (const [index, { node, generation }] of objects.entries()) {
      okOf(await fs.resolve(node, generation))
      const into = new Uint8Array(2)
      const { countBytes } = okOf(await fs.read(ROOT, node, 0, into))
      expect(text(into.subarray(0, countBytes))).toBe(String(index))
    }
  })
})

describe('the edge of the tree', () => {
  test('a directory that is swapped for a link is never followed', async () => {
    const root = temporaryDirectory()
    const outside = temporaryDirectory()
    writeFileSync(join(outside, 'secret'), 'secret')
    mkdirSync(join(root, 'dir'))
    writeFileSync(join(root, 'dir/secret'), 'harmless')
    const { fs, clock } = serve(root)
    const look = new Look(fs)
    const [dir, file] = [await look.node('/dir'), await look.node('/dir/secret')]
    renameSync(join(root, 'dir'), join(outside, 'dir'))
    symlinkSync(outside, join(root, 'dir'))
    clock.elapsedMs += 5000
    failOf(await fs.lookup(ROOT, dir, name('secret')), 'STALE')
    failOf(await fs.getattr(ROOT, file), 'STALE')
    expect((await look.object('/dir')).attributes.type).toBe('symlink')
  })

  test('a tree far deeper than a path can say is served, before and after a restart', async () => {
    const root = temporaryDirectory()
    const levels = 2500
    const home = process.cwd()
    process.chdir(root)
    for (let level = 0; level < levels; level += 1) {
      mkdirSync('dd')
      process.chdir('dd')
    }
    writeFileSync('leaf', 'deep\n')
    process.chdir(home)
    const { fs } = serve(root, { descriptorsMax: 20 })
    let at = fs.root
    for (let level = 0; level < levels; level += 1)
      at = okOf(await fs.lookup(ROOT, at, name('dd'))).object.node
    const leaf = okOf(await fs.lookup(ROOT, at, name('leaf'))).object
    const again = serve(root).fs
    okOf(await again.resolve(leaf.node, leaf.generation))
    const into = new Uint8Array(10)
    expect(okOf(await again.read(ROOT, leaf.node, 0, into)).countBytes).toBe(5)
    execFileSync('rm', ['-r', join(root, 'dd')])
  })

  test('what is remembered in a ring leads nowhere', () => {
    const root = temporaryDirectory()
    const tree = new HostTree({ path: root, clock: new ManualClock(), mayHoldMounts: false })
    const [a, b] = [(2 ** 52) as NodeId, (2 ** 52 + 1) as NodeId]
    tree.nodes.set(a, b, name('a'), 1)
    tree.nodes.set(b, a, name('b'), 1)
    expect(tree.directory(a)).toBeUndefined()
    expect(tree.stat(b)).toBeUndefined()
    tree.close()
  })

  test('a closed file system answers JUKEBOX', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), 'data')
    const { fs } = serve(root)
    const node = await new Look(fs).node('/file')
    fs.close()
    failOf(await fs.getattr(ROOT, fs.root), 'JUKEBOX')
    failOf(await fs.getattr(ROOT, node), 'JUKEBOX')
    failOf(await fs.resolve(999_999 as NodeId, 1), 'JUKEBOX')
  })
})
