import { constants, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DiskCalls, systemDisk } from '../../src/shadow/disk-calls.ts'
import { LocalShadowStore } from '../../src/shadow/local-store.ts'
import { IMMEDIATE_CUT_MAX_BYTES, IMMEDIATE_IO_MAX_BYTES } from '../../src/shadow/shadow-file.ts'
import { StorageError } from '../../src/vfs/faults.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey } from '../../src/vfs/shadow-store.ts'
import { pattern } from '../conformance/shadow-store-suite.ts'

const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })
const errno = (code: string) => Object.assign(new Error(code), { code })

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-shadow-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

describe('what holds the event loop', () => {
  function countingDisk() {
    const counts = { now: 0, later: 0 }
    const now =
      <Args extends unknown[], T>(call: (...args: Args) => T) =>
      (...args: Args) => {
        counts.now += 1
        return call(...args)
      }
    const later =
      <Args extends unknown[], T>(call: (...args: Args) => T) =>
      (...args: Args) => {
        counts.later += 1
        return call(...args)
      }
    const disk: DiskCalls = {
      ...systemDisk,
      readNow: now(systemDisk.readNow),
      writeNow: now(systemDisk.writeNow),
      truncateNow: now(systemDisk.truncateNow),
      read: later(systemDisk.read),
      write: later(systemDisk.write),
      truncate: later(systemDisk.truncate),
    }
    return { disk, counts }
  }

  test.each([
    [IMMEDIATE_IO_MAX_BYTES, { now: 2, later: 0 }],
    [IMMEDIATE_IO_MAX_BYTES + 1, { now: 0, later: 2 }],
  ])('a write and a read of %i bytes: %j', async (countBytes, expected) => {
    const { disk, counts } = countingDisk()
    const store = new LocalShadowStore(directory, { disk })
    await store.write(key(5), 0, pattern(countBytes))
    await store.read(key(5), 0, new Uint8Array(countBytes))
    expect(counts).toEqual(expected)
    await store.close()
  })

  test.each([
    [IMMEDIATE_CUT_MAX_BYTES, { now: 1, later: 0 }],
    [IMMEDIATE_CUT_MAX_BYTES + 1, { now: 0, later: 1 }],
  ])('cutting off %i bytes: %j', async (cutBytes, expected) => {
    const { disk, counts } = countingDisk()
    const store = new LocalShadowStore(directory, { disk })
    await store.write(key(5), cutBytes + 99, pattern(1))
    counts.now = 0
    await store.truncate(key(5), 100)
    expect(counts).toEqual(expected)
    expect(lstatSync(join(directory, '1', '05', '5')).size).toBe(100)
    await store.close()
  })
})

describe('a disk that refuses', () => {
  test.each([
    ['ENOSPC', 'NOSPC', 'free space'],
    ['EDQUOT', 'DQUOT', 'quota'],
    ['EFBIG', 'FBIG', 'long'],
    ['EROFS', 'ROFS', 'writable'],
    ['EIO', 'IO', 'system log'],
    ['EMFILE', 'IO', 'EMFILE'],
  ])('%s reaches the caller as %s, with the file and what to do', async (code, status, advice) => {
    const fail = () => {
      throw errno(code)
    }
    const disk: DiskCalls = { ...systemDisk, writeNow: fail, write: async () => fail(), truncateNow: fail }
    const store = new LocalShadowStore(directory, { disk })
    for (const attempt of [
      async () => store.write(key(5), 0, pattern(10)),
      async () => store.write(key(5), 0, pattern(100_000)),
      async () => store.truncate(key(5), 10),
    ]) {
      const error: unknown = await attempt().catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(StorageError)
      expect(error).toMatchObject({ status })
      expect((error as Error).message).toContain('1/05/5')
      expect((error as Error).message).toContain(advice)
    }
    await store.close()
  })

  test('short writes and short reads are carried on', async () => {
    const short = (bytes: Uint8Array) => bytes.subarray(0, Math.max(1, bytes.length >> 1))
    const disk: DiskCalls = {
      ...systemDisk,
      writeNow: (fd, data, offset) => systemDisk.writeNow(fd, short(data), offset),
      write: (fd, data, offset) => systemDisk.write(fd, short(data), offset),
      readNow: (fd, into, offset) => systemDisk.readNow(fd, short(into), offset),
      read: (fd, into, offset) => systemDisk.read(fd, short(into), offset),
    }
    const store = new LocalShadowStore(directory, { disk })
    for (const countBytes of [1000, 100_000]) {
      await store.write(key(5), 3, pattern(countBytes))
      const into = new Uint8Array(countBytes + 10)
      expect(await store.read(key(5), 3, into)).toBe(countBytes)
      expect(into.subarray(0, countBytes)).toEqual(pattern(countBytes))
    }
    await store.close()
  })

  test('a disk that writes nothing and says nothing ends in an error, not in a loop', async () => {
    const store = new LocalShadowStore(directory, { disk: { ...systemDisk, writeNow: () => 0 } })
    expect(() => store.write(key(5), 0, pattern(10))).toThrow(/wrote 0 bytes/)
    await store.close()
  })

  test('a bug is not dressed as a fault of the disk', async () => {
    const broken = () => {
      throw new TypeError('bug')
    }
    const store = new LocalShadowStore(directory, { disk: { ...systemDisk, writeNow: broken } })
    expect(() => store.write(key(5), 0, pattern(10))).toThrow(TypeError)
    await store.close()
  })

  test('files are opened without following links', async () => {
    const flags: number[] = []
    const disk: DiskCalls = {
      ...systemDisk,
      open(path, open, mode) {
        flags.push(open)
        return systemDisk.open(path, open, mode)
      },
    }
    const store = new LocalShadowStore(directory, { disk })
    await store.write(key(5), 0, pattern(1))
    expect(flags.every((open) => (open & constants.O_NOFOLLOW) !== 0)).toBe(true)
    await store.close()
  })
})
