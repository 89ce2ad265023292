import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SeedEntry } from '../model/seed-tree.ts'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import type { Guest, GuestMount } from '../rig/guest.ts'
import { imageTree, writeTree } from '../rig/image-tree.ts'
import { KnfsdGuest } from '../rig/knfsd-guest.ts'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { QemuGuest } from '../rig/qemu-guest.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import {
  assertSameTree,
  readTree,
  type TreeField,
  type TreeSnapshot,
  treeDifferences,
} from '../rig/tree-digest.ts'
import { UmlGuest } from '../rig/uml-guest.ts'

/** Every kind of object, but not so many of each: this image is read twenty times. */
const IMAGE = imageTree(5, { bigDirectoryNames: 300 })
const PROXY_PORT = 13_049
const SAMPLE_OVER_BYTES = 64 * 1024 * 1024
/** NFSv3 carries no extended attributes. */
const NOT_CARRIED: readonly TreeField[] = ['xattrs']

/** A bit of everything, on objects of the image and on new ones. */
const CHANGES = `set -e
  cd /mnt/nfs
  printf XYZ | dd of=large bs=1 seek=5000 conv=notrunc status=none
  printf Z | dd of=terabyte bs=1 seek=$((1 << 39)) conv=notrunc status=none
  truncate -s 100 odd
  mv search-only found
  rm one-byte
  echo new >new-file
  mkdir made
  ln hard/a hard/z
  chmod 600 block-and-1
  chown 7:8 empty
  mknod tty c 5 1
  ln -s target symlink
  touch -h -d 2001-02-03T04:05:06Z link-bytes`

/** The root's own name, "." in it, and ".." in every directory. */
const ROOT_LINKS = 2 + IMAGE.filter(isTopDirectory).length

const CHANGED = [
  `/: nlink was ${ROOT_LINKS}, is ${ROOT_LINKS + 1}`,
  '/block-and-1: mode was 436, is 384',
  '/dir/d: nlink was 4, is 5',
  '/empty: gid was 0, is 8',
  '/empty: uid was 0, is 7',
  '/found/hidden: is new',
  '/found: is new',
  '/hard/a: nlink was 4, is 5',
  '/hard/b: nlink was 4, is 5',
  '/hard/inner/c: nlink was 4, is 5',
  '/hard/z: is new',
  '/large: content',
  '/made: is new',
  '/new-file: is new',
  '/odd: content',
  '/odd: size was 20497, is 100',
  '/one-byte: is gone',
  '/search-only/hidden: is gone',
  '/search-only: is gone',
  '/symlink: is new',
  '/terabyte: content',
  '/tty: is new',
]

function isTopDirectory({ path, type }: SeedEntry): boolean {
  return type === 'directory' && /^\/[^/]+$/.test(path)
}

/** What a client does that must hold over every base; `image` reads the image where it lies. */
async function exercise(client: Guest, proxy: RowfsProcess, image: TreeSnapshot): Promise<void> {
  const view = () => readTree('/mnt/nfs', { guest: client, sampleOverBytes: SAMPLE_OVER_BYTES })
  const fresh = await view()
  assertSameTree(image, fresh, { ignore: NOT_CARRIED })
  await client.mustRun(CHANGES)
  await client.dropCaches()
  const changed = await view()
  const found = treeDifferences(fresh, changed, { ignore: ['mtime', 'ctime'] })
  expect(found.map((line) => line.replace(/content was.*/, 'content')).sort()).toEqual(CHANGED)
  expect(changed.records.get('/link-bytes')!.mtime).toBe('981173106000000000')
  await proxy.kill()
  await proxy.start()
  await client.dropCaches()
  assertSameTree(changed, await view())
}

describeWithRigs('a view', ['uml', 'qemu', 'ganesha', 'image-tree'], () => {
  let namespace: NetworkNamespace
  let ganesha: Ganesha
  let work: string
  let image: string
  let shadow: string
  const wrap = (argv: readonly string[]) => namespace.wrap(argv)
  const here = () => ({ host: namespace.address, wrap, allow: ['127.0.0.0/8', namespace.network] })

  beforeAll(async () => {
    namespace = await NetworkNamespace.create()
    work = makeWorkDirectory('smoke')
    image = join(work, 'image')
    shadow = join(work, 'shadow')
    mkdirSync(shadow)
    await writeTree(image, IMAGE)
    ganesha = await Ganesha.start({
      exports: [{ directory: image }, { directory: shadow }],
      ports: { nfs: 2049, mount: 20_048, portmap: 111 },
      wrap,
    })
  })
  afterAll(async () => {
    await ganesha?.stop()
    await namespace?.remove()
    if (work) rmSync(work, { recursive: true })
  })

  const mount = (): GuestMount => ({
    server: namespace.address,
    export: '/default',
    nfsPort: PROXY_PORT,
  })

  interface Run {
    readonly base: string
    readonly shadow?: string
    readonly readImage: (sampleOverBytes?: number) => Promise<TreeSnapshot>
    readonly startClient?: () => Promise<Guest>
  }

  async function exerciseOver(name: string, run: Run): Promise<void> {
    const { base } = run
    const state = join(work, `state-${name}`)
    const more = run.shadow === undefined ? {} : { shadow: run.shadow }
    const before = await run.readImage()
    const proxy = await RowfsProcess.startProxy({ ...here(), base, state, port: PROXY_PORT, ...more })
    try {
      const startClient = run.startClient ?? (() => UmlGuest.start({ namespace, mounts: [mount()] }))
      const client = await startClient()
      await exercise(client, proxy, await run.readImage(SAMPLE_OVER_BYTES))
      await client.stop()
      expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
    } catch (error) {
      await proxy.kill()
      throw new Error(`${(error as Error).message}\nproxy: ${proxy.log.slice(-3000)}`, { cause: error })
    }
    assertSameTree(before, await run.readImage())
  }

  const ofHost = (sampleOverBytes?: number) =>
    readTree(image, sampleOverBytes === undefined ? {} : { sampleOverBytes })

  test('on an image served by nfs-ganesha', async () => {
    await exerciseOver('ganesha', { base: ganesha.url(image), readImage: ofHost })
  })

  test('on an image served by the Linux kernel', async () => {
    const knfsd = await KnfsdGuest.start({ namespace, tree: IMAGE })
    const readImage = (sampleOverBytes?: number) => knfsd.readTree(sampleOverBytes)
    await exerciseOver('knfsd', { base: knfsd.url(), readImage })
    await knfsd.stop()
  })

  test('on an image served by rowfs export, which does not even move access times', async () => {
    const before = await readTree(image)
    const directories = [`${image}:image`]
    const state = join(work, 'state-of-export')
    const server = await RowfsProcess.startExport({ ...here(), directories, state, port: 12_049 })
    await exerciseOver('export', { base: server.url('/image'), readImage: ofHost })
    expect(await server.stop()).toEqual({ exitCode: 0, signal: null })
    assertSameTree(before, await readTree(image), { accessTimes: true })
  })

  test('with its shadow on nfs-ganesha', async () => {
    await exerciseOver('shadow', {
      base: ganesha.url(image),
      shadow: ganesha.url(shadow),
      readImage: ofHost,
    })
    expect(readdirSync(shadow)).not.toEqual([])
  })

  test('for an unmodified kernel under QEMU', async () => {
    const startClient = () => QemuGuest.start({ namespace, mounts: [mount()] })
    await exerciseOver('qemu', { base: ganesha.url(image), readImage: ofHost, startClient })
  })
})
