import { spawn } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { failOf, okOf } from '../conformance/answers.ts'
import { imageTree, writeTree } from '../rig/image-tree.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { mustRun } from '../rig/run-command.ts'
import { assertSameTree, readTree } from '../rig/tree-digest.ts'
import { ExportClient } from './export-client.ts'
import { ExportProcess, type StartOptions } from './export-process.ts'

/** Files over this are read in part: the sparse ones. */
const READ_MAX_BYTES = 1 << 22
const RACE_MS = 4000
/** A process that is root but for the right to mount: as in most containers. */
const WITHOUT_MOUNTS = ['setpriv', '--inh-caps', '-sys_admin', '--bounding-set', '-sys_admin']

describeWithRigs('rowfs export', ['image-tree', 'libnfs', 'namespace'], () => {
  let work: string
  let image: string
  let state: string
  const running: { stop(): Promise<unknown> }[] = []

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'rowfs-export-'))
    image = join(work, 'image')
    state = join(work, 'state')
    await writeTree(image, imageTree(20_261_120))
  })
  afterEach(async () => {
    for (const each of running.splice(0).reverse()) await each.stop()
  })
  afterAll(() => rmSync(work, { recursive: true, force: true }))

  async function start(directories: string[] = [image], options: StartOptions = {}) {
    const server = await ExportProcess.start(state, directories, options)
    running.push(server)
    const client = new ExportClient(server.port)
    running.push({ stop: () => client.close() })
    const url = (path: string) => `nfs://127.0.0.1${path}?nfsport=${server.port}&mountport=${server.port}`
    return { server, client, url }
  }

  function newTree(name: string): string {
    const tree = join(work, name)
    mkdirSync(tree)
    return tree
  }

  /** Reading moves the access time here: otherwise the test that it does not would say nothing. */
  function hostMovesAccessTimes(): boolean {
    const control = newTree('control')
    utimesSync(control, 1, 2)
    readdirSync(control)
    return statSync(control).atimeMs !== 1000
  }

  test('changes nothing, access times neither, whatever is read', async ({ skip }) => {
    if (!hostMovesAccessTimes()) skip('the host has its disk mounted without access times')
    const large = readFileSync(join(image, 'sizes/1048577'))
    const before = await readTree(image, { sampleOverBytes: READ_MAX_BYTES })
    const { server, client, url } = await start()
    const seen = await client.readAll('/image', READ_MAX_BYTES)
    expect(seen.size).toBe(before.records.size)
    // Not from the root: nfs-ls takes the deep directories for a loop.
    for (const path of ['/image/dir', '/image/big', '/image/names'])
      await mustRun(['nfs-ls', '-R', url(path)])
    await mustRun(['nfs-cat', url('/image/sizes/8388609')])
    const copy = join(work, 'copy')
    await mustRun(['nfs-cp', url('/image/sizes/1048577'), copy])
    expect(readFileSync(copy).equals(large)).toBe(true)
    expect(await server.stop()).toBe(0)
    assertSameTree(before, await readTree(image, { sampleOverBytes: READ_MAX_BYTES }), { accessTimes: true })
  })

  test('handles survive SIGKILL, another port and another order of exports', async () => {
    const tree = newTree('restart')
    mkdirSync(join(tree, 'dir/deep'), { recursive: true })
    for (const name of ['kept', 'moved', 'removed']) writeFileSync(join(tree, 'dir/deep', name), name)
    const first = await start([image, tree])
    const before = await first.client.readAll('/restart')
    const images = await first.client.readAll('/image', READ_MAX_BYTES)
    expect(await first.server.stop('SIGKILL')).toBe('SIGKILL')

    renameSync(join(tree, 'dir/deep/moved'), join(tree, 'elsewhere'))
    rmSync(join(tree, 'dir/deep/removed'))
    const { client } = await start([tree, image])
    const handle = (path: string) => before.get(path)!.handle
    for (const { handle: object, fileid } of images.values()) {
      expect(BigInt(okOf(await client.nfs('GETATTR', { object })).obj_attributes.fileid)).toBe(fileid)
    }
    for (const path of ['', '/dir', '/dir/deep', '/dir/deep/kept', '/dir/deep/moved']) {
      const { obj_attributes } = okOf(await client.nfs('GETATTR', { object: handle(path) }))
      expect(BigInt(obj_attributes.fileid), path).toBe(before.get(path)!.fileid)
    }
    failOf(await client.nfs('GETATTR', { object: handle('/dir/deep/removed') }), 'STALE')
    const moved = okOf(await client.nfs('READ', { file: handle('/dir/deep/moved'), offset: 0, count: 99 }))
    expect(Buffer.from(moved.data).toString()).toBe('moved')
    const forged = Uint8Array.from(handle('/dir'))
    forged[15]! ^= 1
    failOf(await client.nfs('GETATTR', { object: forged }), 'BADHANDLE')
  })

  test('the key of the handles is for its owner only, and made once', async () => {
    const own = join(work, 'other-state')
    const servers = await Promise.all([1, 2, 3].map(() => ExportProcess.start(own, [image])))
    running.push(...servers)
    expect(lstatSync(join(own, 'handle-key')).mode & 0o777).toBe(0o600)
    expect(lstatSync(own).mode & 0o777).toBe(0o700)
    const roots = new Set<string>()
    for (const { port } of servers) {
      const client = new ExportClient(port)
      running.push({ stop: () => client.close() })
      roots.add(Buffer.from(await client.mount('/image')).toString('hex'))
    }
    expect(roots.size).toBe(1)
  })

  test('a tree whose owner swaps directories and links all the time gives nothing away', async () => {
    const [tree, outside] = [newTree('hostile'), newTree('outside')]
    mkdirSync(join(tree, 'dir'))
    writeFileSync(join(tree, 'dir/file'), 'inside')
    writeFileSync(join(outside, 'file'), 'SECRET')
    writeFileSync(join(outside, 'only-outside'), 'SECRET')
    const secret = new Set(
      [outside, join(outside, 'file')].map((path) => lstatSync(path, { bigint: true }).ino),
    )
    const { client } = await start([tree])
    const root = await client.mount('/hostile')
    const hostile = spawn(process.execPath, [join(import.meta.dirname, 'swap-directory.ts'), tree, outside])
    const endMs = Date.now() + RACE_MS
    const answers = new Map<string, number>()
    const count = (answer: string) => answers.set(answer, (answers.get(answer) ?? 0) + 1)
    try {
      while (Date.now() < endMs) {
        const dir = await client.nfs('LOOKUP', { what: { dir: root, name: Buffer.from('dir') } })
        count(dir.ok ? 'dir' : dir.status)
        if (!dir.ok) continue
        expect(secret.has(BigInt(dir.value.obj_attributes!.fileid))).toBe(false)
        const outsider = await client.nfs('LOOKUP', {
          what: { dir: dir.value.object, name: Buffer.from('only-outside') },
        })
        expect(outsider.ok).toBe(false)
        const file = await client.nfs('LOOKUP', {
          what: { dir: dir.value.object, name: Buffer.from('file') },
        })
        if (!file.ok) continue
        expect(secret.has(BigInt(file.value.obj_attributes!.fileid))).toBe(false)
        const read = await client.nfs('READ', { file: file.value.object, offset: 0, count: 100 })
        count(read.ok ? Buffer.from(read.value.data).toString() : `READ ${read.status}`)
      }
    } finally {
      hostile.kill('SIGKILL')
    }
    expect(answers.get('inside')).toBeGreaterThan(10)
    expect([...answers.keys()]).not.toContain('SECRET')
  })

  test('what is mounted in the tree is not part of it', async () => {
    const tree = newTree('with-mounts')
    for (const name of ['tmpfs', 'bound', 'plain']) mkdirSync(join(tree, name))
    writeFileSync(join(tree, 'bound-file'), 'under')
    writeFileSync(join(tree, 'tmpfs/under'), 'under the mount')
    const script = [
      'mount -t tmpfs none "$0/tmpfs"',
      'mount --bind "$1" "$0/bound"',
      'mount --bind "$1/sizes/4095" "$0/bound-file"',
      'shift',
      'exec "$@"',
    ].join(' && ')
    const mounts = ['unshare', '--mount', 'bash', '-c', script, tree, image]
    const names = async (client: ExportClient) =>
      [...(await client.readAll('/with-mounts')).keys()].filter((path) => path !== '').sort()

    const bound = await start([tree], { prefix: mounts })
    expect(await names(bound.client)).toEqual(['/bound', '/bound-file', '/plain', '/tmpfs', '/tmpfs/under'])
    const asMounted = await start([tree], { prefix: [...mounts, ...WITHOUT_MOUNTS], allowAtime: true })
    expect(await names(asMounted.client)).toEqual(['/plain'])
    const root = await asMounted.client.mount('/with-mounts')
    for (const name of ['tmpfs', 'bound', 'bound-file']) {
      failOf(await asMounted.client.nfs('LOOKUP', { what: { dir: root, name: Buffer.from(name) } }), 'NOENT')
    }
  })

  test('without the right to mount it serves what keeps its access times, and refuses the rest with advice', async () => {
    const tree = newTree('unprivileged')
    writeFileSync(join(tree, 'file'), 'data')
    const mounted = (options: string) => [
      ...['unshare', '--mount', 'bash', '-c'],
      `mount --bind "$0" "$0" && mount -o remount,bind,${options} "$0" && exec "$@"`,
      ...[tree, ...WITHOUT_MOUNTS],
    ]
    for (const options of ['noatime', 'ro']) {
      const { client } = await start([tree], { prefix: mounted(options) })
      expect((await client.readAll('/unprivileged')).size).toBe(2)
    }
    const refused = start([tree], { prefix: mounted('relatime') })
    await expect(refused).rejects.toThrow(/exit code 1.*would change the access times.*--allow-atime/s)
    const { client } = await start([tree], { prefix: mounted('relatime'), allowAtime: true })
    expect((await client.readAll('/unprivileged')).size).toBe(2)
  })

  test('a state directory inside the tree is refused before it is made', async () => {
    const tree = newTree('own-state')
    symlinkSync(tree, join(work, 'way-in'))
    const started = ExportProcess.start(join(work, 'way-in/state/deep'), [tree])
    await expect(started).rejects.toThrow(/lies in .*own-state.*--state/s)
    expect(readdirSync(tree)).toEqual([])
  })

  test('SIGTERM ends it within 5 s, also with clients connected', async () => {
    const { server, client } = await start()
    await client.mount('/image')
    const startMs = Date.now()
    expect(await server.stop()).toBe(0)
    expect(Date.now() - startMs).toBeLessThan(5000)
  })
})
