import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { printableBytes } from '../../src/base/bytes.ts'
import type { OverlayFileSystem } from '../../src/overlay/overlay-file-system.ts'
import type { ViewChange } from '../../src/overlay/view-diff.ts'
import type { Caller, NodeId } from '../../src/vfs/file-system.ts'
import { okOf } from '../conformance/answers.ts'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { seedTree } from '../model/seed-tree.ts'
import { OverlayRig } from './overlay-rig.ts'

const ROOT: Caller = { uid: 0, gid: 0, gids: [], address: '127.0.0.1' }
const name = (text: string) => Buffer.from(text)

let rig: OverlayRig
let fs: OverlayFileSystem
let image: MemoryLowerLayer

beforeEach(async () => {
  image = new MemoryLowerLayer(seedTree(3))
  rig = await OverlayRig.open(image)
  fs = rig.view()
})

afterEach(() => rig.remove())

async function at(path: string): Promise<NodeId> {
  let node = fs.root
  for (const part of path.split('/').filter((each) => each !== '')) {
    node = okOf(await fs.lookup(ROOT, node, name(part))).object.node
  }
  return node
}

async function write(path: string, offset: number, text: string): Promise<void> {
  okOf(await fs.write(ROOT, await at(path), offset, name(text), 'file-sync'))
}

async function head(path: string, count: number): Promise<string> {
  const into = Buffer.alloc(count)
  const { countBytes } = okOf(await fs.read(ROOT, await at(path), 0, into))
  return into.subarray(0, countBytes).toString('latin1')
}

async function make(directory: string, file: string): Promise<NodeId> {
  const how = { mode: 'guarded', changes: { mode: 0o644 } } as const
  return okOf(await fs.create(ROOT, await at(directory), name(file), how)).object.node
}

const lines = (changes: readonly ViewChange[]) =>
  changes.map((change) => {
    const from = change.from === undefined ? '' : `${printableBytes(change.from)} -> `
    const details =
      change.changed === undefined || change.changed.length === 0 ? '' : ` (${change.changed.join(' ')})`
    return `${change.kind} ${from}${printableBytes(change.path)} ${change.blocks}${details}`
  })

async function diff(): Promise<string[]> {
  return lines(await rig.catalog.diff('default'))
}

const reset = (path: string) => rig.catalog.reset('default', name(path))

test('diff names what was added, modified, removed, renamed and re-owned; reset gives each back', async () => {
  const before = await head('/README', 64)
  expect(await diff()).toEqual([])
  await write('/README', 0, 'CHANGED')
  await make('/dir', 'new')
  okOf(await fs.remove(ROOT, fs.root, name('one-byte')))
  okOf(await fs.rename(ROOT, fs.root, name('suid'), await at('/dir'), name('moved')))
  okOf(await fs.setattr(ROOT, await at('/empty'), { uid: 77 }, undefined))
  const changes = [
    'modified /README 1 (content)',
    'added /dir/new 0',
    'renamed /suid -> /dir/moved 0',
    'attributes /empty 0 (uid)',
    'removed /one-byte 0',
  ]
  expect((await diff()).sort()).toEqual(changes.sort())
  await rig.restart()
  fs = rig.view()
  expect((await diff()).sort()).toEqual(changes.sort())
  await expect(reset('/suid')).rejects.toThrow('reset /dir/moved first')
  for (const path of ['/README', '/dir/new', '/dir/moved', '/empty', '/one-byte']) await reset(path)
  expect(await diff()).toEqual([])
  expect(await head('/README', 64)).toBe(before)
  expect((await rig.catalog.check('default')).problems).toEqual([])
  await expect(reset('/README')).rejects.toThrow('nothing differs')
})

test('a directory is given back whole, with what was removed, made and moved in it', async () => {
  const names = async (path: string) =>
    okOf(await fs.readdir(ROOT, await at(path), 0, { maxEntries: 5000, withAttributes: false })).entries.map(
      (entry) => printableBytes(entry.name),
    )
  const before = (await names('/dir')).sort()
  await make('/dir', 'added')
  okOf(await fs.mkdir(ROOT, await at('/dir'), name('made'), { mode: 0o755 }))
  await make('/dir/made', 'b')
  okOf(await fs.rename(ROOT, fs.root, name('README'), await at('/dir/made'), name('README')))
  okOf(await fs.rename(ROOT, await at('/dir'), name('sub'), await at('/dir'), name('bus')))
  await reset('/dir/')
  expect((await names('/dir')).sort()).toEqual(before)
  expect(await diff()).toEqual([])
  expect((await rig.catalog.check('default')).problems).toEqual([])
  okOf(await fs.getattr(ROOT, await at('/README')))
})

test('a removed view takes its records and blocks along; its name can be used again', async () => {
  await write('/README', 0, 'x'.repeat(10_000))
  await rig.catalog.remove('default')
  expect(await rig.catalog.list()).toEqual([])
  expect(readdirSync(join(rig.directory, 'shadow'))).toEqual([])
  await rig.catalog.create('default')
  fs = rig.view()
  expect(await diff()).toEqual([])
  await expect(rig.catalog.show('other')).rejects.toThrow('there is no view "other"; there are: default')
  await expect(rig.catalog.create('a/b')).rejects.toThrow('is no name for a view')
  await rig.catalog.create('n'.repeat(64))
  await expect(rig.catalog.create('n'.repeat(65))).rejects.toThrow('is no name for a view')
})

test('a flipped bit in a shadow file is named by check and never served', async () => {
  await write('/README', 0, 'mine'.repeat(2000))
  await rig.restart()
  fs = rig.view()
  const [file] = shadowFiles()
  const bytes = readFileSync(file!)
  bytes[5000]! ^= 1
  writeFileSync(file!, bytes)
  const { problems } = await rig.catalog.check('default')
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatchObject({ object: '/README' })
  expect(problems[0]!.what).toContain('block 1')
  await rig.restart()
  fs = rig.view()
  expect(await head('/README', 8)).toBe('minemine')
  await expect(head('/README', 8000)).rejects.toThrow(
    'block 1 of its shadow file does not match its checksum',
  )
})

test('a missing or cut shadow file is damage, not zeros', async () => {
  await write('/README', 0, 'mine'.repeat(2000))
  await rig.restart()
  fs = rig.view()
  const [file] = shadowFiles()
  writeFileSync(file!, '')
  await expect(head('/README', 8)).rejects.toThrow('damaged')
})

function shadowFiles(): string[] {
  const root = join(rig.directory, 'shadow')
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((file) => join(root, file))
    .filter((file) => statSync(file).isFile())
}

test('an image that changes under redirected blocks is a conflict, never a mixture; untouched files follow it', async () => {
  await write('/README', 4096, 'ours')
  await rig.restart()
  fs = rig.view()
  image.changeFile('/README', Buffer.from('new image'), { seconds: 2_000_000_000, nanoseconds: 0 })
  await expect(head('/README', 100)).rejects.toThrow('the image changed under its redirected blocks')
  await expect(write('/README', 10, 'more')).rejects.toThrow('the image changed')
  expect(await diff()).toEqual(['conflict /README 1 (content size)'])
  await reset('/README')
  expect(await head('/README', 100)).toBe('new image')
})

test('two views see nothing of each other and fetch what they share once', async () => {
  await rig.catalog.create('other')
  await head('/README', 4096)
  const { read } = image.calls
  await write('/README', 0, 'first view')
  fs = rig.view('other')
  expect(await head('/README', 10)).not.toBe('first view')
  expect(image.calls.read).toBe(read)
  expect(lines(await rig.catalog.diff('other'))).toEqual([])
})
