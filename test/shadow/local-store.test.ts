import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DiskCalls, systemDisk } from '../../src/shadow/disk-calls.ts'
import { LocalShadowStore } from '../../src/shadow/local-store.ts'
import { StorageError } from '../../src/vfs/faults.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey } from '../../src/vfs/shadow-store.ts'
import { nodesOf, pattern, shadowStoreSuite } from '../conformance/shadow-store-suite.ts'

const TIB = 2 ** 40
const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })
const errno = (code: string) => Object.assign(new Error(code), { code })

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-shadow-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

shadowStoreSuite(
  'local directory',
  async () => ({
    store: new LocalShadowStore(directory),
    reopen: async () => new LocalShadowStore(directory),
    dispose: async () => {},
  }),
  { largestOffsetBytes: 2 * TIB, modelRuns: 30 },
)

shadowStoreSuite(
  'local directory with two descriptors',
  async () => ({
    store: new LocalShadowStore(directory, { openFilesMax: 2 }),
    reopen: async () => new LocalShadowStore(directory, { openFilesMax: 2 }),
    dispose: async () => {},
  }),
  { largestOffsetBytes: 2 * TIB, modelRuns: 30 },
)

/** The machine's disk, noting what was called, with calls replaced. */
function watchedDisk(replaced: Partial<DiskCalls> = {}) {
  const open = new Map<number, string>()
  const log: string[] = []
  const name = (fd: number) => open.get(fd)?.slice(directory.length + 1) ?? '?'
  const disk: DiskCalls = {
    ...systemDisk,
    open(path, flags, mode) {
      const fd = systemDisk.open(path, flags, mode)
      open.set(fd, path)
      return fd
    },
    close(fd) {
      open.delete(fd)
      systemDisk.close(fd)
    },
    async syncData(fd) {
      log.push(`data ${name(fd)}`)
      await (replaced.syncData ?? systemDisk.syncData)(fd)
    },
    async sync(fd) {
      log.push(`names ${name(fd)}`)
      await systemDisk.sync(fd)
    },
    ...(({ syncData: _, ...rest }) => rest)(replaced),
  }
  return { disk, log, open }
}

describe('layout', () => {
  test('flat files named by view, low byte and node, for the owner only, made when first written', async () => {
    const store = new LocalShadowStore(join(directory, 'not', 'yet'))
    await store.read(key(0x1234), 0, new Uint8Array(1))
    expect(readdirSync(directory)).toEqual([])
    expect(store.space().totalBytes).toBeGreaterThan(0)
    await store.write(key(0x1a03, 12), 0, pattern(1))
    const path = join(directory, 'not', 'yet', '12', '03', '1a03')
    expect(lstatSync(path).mode & 0o7777).toBe(0o600)
    for (const above of ['not', 'not/yet', 'not/yet/12', 'not/yet/12/03']) {
      expect(lstatSync(join(directory, above)).mode & 0o7777).toBe(0o700)
    }
    await store.close()
  })

  test('a file is sparse: one block at 1 TiB takes little space', async () => {
    const store = new LocalShadowStore(directory)
    await store.write(key(1), TIB, pattern(4096))
    await store.sync(key(1))
    const { blocks, size } = lstatSync(join(directory, '1', '01', '1'))
    expect(size).toBe(TIB + 4096)
    expect(blocks * 512).toBeLessThan(64 * 1024)
    await store.close()
  })

  test('foreign names are not listed', async () => {
    const store = new LocalShadowStore(directory)
    await store.write(key(0x105), 0, pattern(1))
    for (const foreign of ['0105', 'FF05', '.nfs0001', '206', 'x', '105~']) {
      writeFileSync(join(directory, '1', '05', foreign), '')
    }
    const nodes: number[] = []
    for await (const node of store.list(1)) nodes.push(node)
    expect(nodes).toEqual([0x105])
    await store.close()
  })

  test.each(['file', 'bucket', 'view'])(
    'a symbolic link in place of a %s is refused, not followed',
    async (where) => {
      const outside = mkdtempSync(join(tmpdir(), 'rowfs-outside-'))
      try {
        writeFileSync(join(outside, '5'), 'precious')
        const links = { file: '1/05/5', bucket: '1/05', view: '1' }
        const path = join(directory, links[where as keyof typeof links])
        mkdirSync(join(path, '..'), { recursive: true })
        symlinkSync(where === 'file' ? join(outside, '5') : outside, path)
        const store = new LocalShadowStore(directory)
        for (const attempt of [
          async () => store.write(key(5), 0, pattern(1)),
          async () => store.read(key(5), 0, new Uint8Array(1)),
          async () => store.truncate(key(5), 0),
        ]) {
          await expect(attempt()).rejects.toThrow(StorageError)
        }
        if (where !== 'file') {
          await expect(store.removeView(1)).rejects.toThrow(StorageError)
          await expect(nodesOf(store, 1)).rejects.toThrow(StorageError)
        }
        expect(readdirSync(outside)).toEqual(['5'])
        expect(lstatSync(join(outside, '5')).size).toBe(8)
        await store.close()
      } finally {
        rmSync(outside, { recursive: true })
      }
    },
  )
})

describe('sync', () => {
  test('syncs the data, and the folders up to the first one that was there: once', async () => {
    const { disk, log } = watchedDisk()
    const store = new LocalShadowStore(join(directory, 'shadow'), { disk })
    await store.write(key(5), 0, pattern(10))
    await store.sync(key(5))
    expect(new Set(log)).toEqual(
      new Set(['data shadow/1/05/5', 'names shadow/1/05', 'names shadow/1', 'names shadow', 'names ']),
    )
    log.length = 0
    await store.write(key(5), 0, pattern(10))
    await store.sync(key(5))
    expect(log).toEqual(['data shadow/1/05/5'])
    log.length = 0
    await store.sync(key(5))
    expect(log).toEqual([])
    await store.write(key(0x105), 0, pattern(10))
    await store.sync(key(0x105))
    expect(log.sort()).toEqual(['data shadow/1/05/105', 'names shadow/1/05'])
    await store.close()
  })

  test('a store that finds a file does not trust that its name was synced', async () => {
    const first = new LocalShadowStore(directory)
    await first.write(key(5), 0, pattern(10))
    await first.close()
    const { disk, log } = watchedDisk()
    const store = new LocalShadowStore(directory, { disk })
    await store.sync(key(5))
    expect(log).toContain('data 1/05/5')
    expect(log).toContain('names 1/05')
    await store.close()
  })

  test('calls share syncs, but never one that began before their write', async () => {
    const gates: (() => void)[] = []
    const { disk, log } = watchedDisk({ syncData: () => new Promise<void>((done) => gates.push(done)) })
    const store = new LocalShadowStore(directory, { disk })
    await store.write(key(5), 0, pattern(10))
    const finished: string[] = []
    const first = store.sync(key(5)).then(() => finished.push('first'))
    await store.write(key(5), 0, pattern(10, 2))
    const second = store.sync(key(5)).then(() => finished.push('second'))
    const third = store.sync(key(5)).then(() => finished.push('third'))
    gates[0]!()
    await first
    await new Promise((done) => setImmediate(done))
    expect(finished).toEqual(['first'])
    expect(log.filter((line) => line.startsWith('data'))).toHaveLength(2)
    gates[1]!()
    await Promise.all([second, third])
    expect(gates).toHaveLength(2)
    await store.close()
  })

  test('a failed sync is told to all who waited, and its descriptor is not asked again', async () => {
    let failures = 1
    const asked: number[] = []
    const { disk, open } = watchedDisk({
      async syncData(fd) {
        asked.push(fd)
        await new Promise((done) => setImmediate(done))
        if (failures-- > 0) throw errno('EIO')
      },
    })
    const store = new LocalShadowStore(directory, { disk })
    await store.write(key(5), 0, pattern(10))
    const waiting = [store.sync(key(5)), store.sync(key(5)), store.sync(key(5))]
    for (const outcome of await Promise.allSettled(waiting)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { status: 'IO' } })
    }
    expect(asked).toHaveLength(1)
    expect([...open.values()]).toEqual([])
    await store.write(key(5), 0, pattern(10))
    await store.sync(key(5))
    await store.close()
  })
})

describe('descriptors', () => {
  const filesOpen = (open: Map<number, string>) =>
    [...open.values()].map((path) => path.slice(directory.length + 1))

  test('at the limit all stay open, whatever their views; one more closes the least recently used', async () => {
    const { disk, open } = watchedDisk()
    const store = new LocalShadowStore(directory, { disk, openFilesMax: 3 })
    for (const node of [1, 2, 3]) {
      await store.write(key(node, node), 0, pattern(1))
      await store.sync(key(node, node))
    }
    expect(filesOpen(open)).toEqual(['1/01/1', '2/02/2', '3/03/3'])
    await store.read(key(1), 0, new Uint8Array(1))
    await store.write(key(4), 0, pattern(1))
    expect(filesOpen(open)).toEqual(['1/01/1', '3/03/3', '1/04/4'])
    await store.close()
    expect(filesOpen(open)).toEqual([])
  })

  test('an unsynced file is synced before it is closed', async () => {
    const { disk, log, open } = watchedDisk()
    const store = new LocalShadowStore(directory, { disk, openFilesMax: 1 })
    await store.write(key(1), 0, pattern(1))
    await store.write(key(2), 0, pattern(1))
    await expect.poll(() => filesOpen(open)).toEqual(['1/02/2'])
    expect(log).toContain('data 1/01/1')
    await store.close()
  })

  test('a failure of that sync waits for the next sync of the file, which tells it once', async () => {
    let broken = true
    const { disk, open } = watchedDisk({
      async syncData() {
        if (broken) throw errno('ENOSPC')
      },
    })
    const store = new LocalShadowStore(directory, { disk, openFilesMax: 1 })
    await store.write(key(1), 0, pattern(1))
    await store.write(key(2), 0, pattern(1))
    await expect.poll(() => filesOpen(open)).toEqual(['1/02/2'])
    broken = false
    await store.write(key(1), 0, pattern(1))
    await expect(store.sync(key(1))).rejects.toMatchObject({ status: 'NOSPC' })
    await store.sync(key(1))
    await store.close()
  })

  test('a descriptor in use is not closed, and writers wait when all are unsynced', async () => {
    const gates: (() => void)[] = []
    const { disk, open } = watchedDisk({ syncData: () => new Promise<void>((done) => gates.push(done)) })
    const store = new LocalShadowStore(directory, { disk, openFilesMax: 2 })
    for (const node of [1, 2, 3, 4]) await store.write(key(node), 0, pattern(1))
    expect(filesOpen(open).filter((path) => path.split('/').length === 3)).toHaveLength(4)
    let written = false
    const fifth = Promise.resolve(store.write(key(5), 0, pattern(1))).then(() => {
      written = true
    })
    await new Promise((done) => setImmediate(done))
    expect(written).toBe(false)
    for (const gate of gates) gate()
    await fifth
    expect(filesOpen(open).filter((path) => path.split('/').length === 3).length).toBeLessThanOrEqual(4)
    for (const gate of gates) gate()
    await store.close()
  })

  test('removing while a large write runs closes only when it is done', async () => {
    const { disk, open } = watchedDisk()
    const store = new LocalShadowStore(directory, { disk })
    const writing = store.write(key(1), 0, pattern(1 << 20))
    await store.remove(key(1))
    expect(open.size).toBe(1)
    await writing
    expect(open.size).toBe(0)
    expect(await store.read(key(1), 0, new Uint8Array(1))).toBe(0)
    await store.close()
  })
})
