import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NfsShadowStore } from '../../src/shadow/nfs-store.ts'
import { WRITES_IN_FLIGHT_MAX } from '../../src/shadow/remote-file.ts'
import { LISTING_RESTARTS_MAX } from '../../src/shadow/remote-folders.ts'
import { DamageError, StorageError } from '../../src/vfs/faults.ts'
import { expectBytes } from '../conformance/harness.ts'
import { nodesOf, pattern, shadowStoreSuite } from '../conformance/shadow-store-suite.ts'
import { MemoryNfsServer } from '../nfsclient/memory-nfs-server.ts'
import { failTimes, key, readFrom, serverHas, storeOn } from './remote-store.ts'

const TIB = 2 ** 40

shadowStoreSuite(
  'NFS server in memory',
  async () => {
    const server = await MemoryNfsServer.start()
    return {
      store: storeOn(server),
      reopen: async () => storeOn(server),
      dispose: () => server.close(),
    }
  },
  { largestOffsetBytes: 2 * TIB, modelRuns: 10 },
)

shadowStoreSuite(
  'NFS server in memory that takes little at a time, two files kept, little kept uncommitted',
  async () => {
    const server = await MemoryNfsServer.start()
    server.writeTransferBytes = 10_000
    const options = { filesMax: 2, uncommittedMaxBytes: 50_000 }
    return {
      store: storeOn(server, options),
      reopen: async () => storeOn(server, options),
      dispose: () => server.close(),
    }
  },
  { largestOffsetBytes: 2 * TIB, modelRuns: 10 },
)

let server: MemoryNfsServer
let store: NfsShadowStore
beforeEach(async () => {
  server = await MemoryNfsServer.start()
  store = storeOn(server)
})
afterEach(async () => {
  await store.close()
  await server.close()
})

describe('layout', () => {
  test('the same as in a local directory, for the owner only', async () => {
    await store.write(key(0x1a03, 12), 0, pattern(10))
    expect(server.object('/12')!.mode).toBe(0o700)
    expect(server.object('/12/03')!.mode).toBe(0o700)
    expect(server.object('/12/03/1a03')!.mode).toBe(0o600)
    expectBytes(serverHas(server, '/12/03/1a03', 100), pattern(10))
  })

  test('a second file in a folder costs one look-up and one CREATE, a known file only its WRITE', async () => {
    await store.write(key(0x105), 0, pattern(10))
    server.calls.length = 0
    await store.write(key(0x205), 0, pattern(10))
    expect(server.calls.map(({ procedure }) => procedure)).toEqual(['LOOKUP', 'CREATE', 'WRITE'])
    server.calls.length = 0
    await store.write(key(0x205), 50, pattern(10))
    expect(server.calls.map(({ procedure }) => procedure)).toEqual(['WRITE'])
  })

  test('an answer to CREATE without handle is looked up', async () => {
    const noHandle = {
      obj: undefined,
      obj_attributes: undefined,
      dir_wcc: { before: undefined, after: undefined },
    }
    server.answers.CREATE = () => {
      server.add('/1/05/5', 'NF3REG')
      return { ok: true, value: noHandle }
    }
    await store.write(key(5), 0, pattern(10))
    expectBytes(await readFrom(store, 20), pattern(10))
  })

  test('what is not a file or a folder where one should be is refused', async () => {
    server.add('/1', 'NF3DIR')
    server.add('/1/05', 'NF3DIR')
    server.add('/1/05/5', 'NF3DIR')
    server.add('/2', 'NF3REG')
    await expect(store.write(key(5), 0, pattern(1))).rejects.toThrow('not a regular file')
    await expect(store.write(key(5, 2), 0, pattern(1))).rejects.toThrow('not a folder')
  })

  test('two writes to a new file at a time make one file', async () => {
    await Promise.all([store.write(key(5), 0, pattern(10)), store.write(key(5), 10, pattern(10, 2))])
    expect(server.count('CREATE')).toBe(1)
    expect(store.uncommittedBytes).toBe(20)
    await store.sync(key(5))
    expect(store.uncommittedBytes).toBe(0)
  })
})

describe('a server that refuses', () => {
  test.each([
    ['NOSPC', 'NOSPC'],
    ['DQUOT', 'DQUOT'],
    ['FBIG', 'FBIG'],
    ['ROFS', 'ROFS'],
    ['IO', 'IO'],
    ['ACCES', 'IO'],
    ['PERM', 'IO'],
    ['SERVERFAULT', 'IO'],
  ] as const)('%s of every call reaches the caller as %s, with the file', async (refusal, status) => {
    await store.write(key(5), 0, pattern(10))
    for (const [procedure, attempt] of [
      ['WRITE', () => store.write(key(5), 100, pattern(10))],
      ['SETATTR', () => store.truncate(key(5), 5)],
      ['CREATE', () => store.write(key(0x105), 0, pattern(10))],
      ['REMOVE', () => store.remove(key(0x305))],
      ['READ', () => readFrom(store, 1000)],
    ] as const) {
      failTimes(server, procedure, refusal)
      const failure: unknown = await (attempt() as Promise<unknown>).catch((error: unknown) => error)
      expect(failure, procedure).toBeInstanceOf(StorageError)
      expect(failure, procedure).toMatchObject({ status })
      expect((failure as Error).message, procedure).toMatch(/1\/05\/[135]/)
    }
  })

  test('a COMMIT: the sync fails once, what was uncommitted counts as lost, then work goes on', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes(server, 'COMMIT', 'NOSPC')
    await expect(store.sync(key(5))).rejects.toMatchObject({ status: 'NOSPC' })
    expect(store.uncommittedBytes).toBe(0)
    await store.sync(key(5))
    await store.write(key(5), 0, pattern(10))
    await store.sync(key(5))
    server.crash()
    expectBytes(await readFrom(store, 10), pattern(10))
  })

  test('a write over uncommitted bytes: neither is known to be there, so the next sync fails', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes(server, 'WRITE', 'NOSPC')
    await expect(store.write(key(5), 500, pattern(1000, 2))).rejects.toMatchObject({ status: 'NOSPC' })
    await expect(store.sync(key(5))).rejects.toMatchObject({ status: 'NOSPC' })
    await store.sync(key(5))
  })

  test('a write beside uncommitted bytes: they are none the worse', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes(server, 'WRITE', 'NOSPC')
    await expect(store.write(key(5), 1000, pattern(1000, 2))).rejects.toMatchObject({ status: 'NOSPC' })
    await store.sync(key(5))
    server.crash()
    expectBytes(await readFrom(store, 1000), pattern(1000))
  })

  test('a file that vanished behind us is damage, not an empty file', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.sync(key(5))
    server.object('/1/05')!.names.delete('5')
    server.generation += 1
    await expect(store.write(key(5), 0, pattern(10))).rejects.toThrow(DamageError)
    await expect(readFrom(store, 10)).rejects.toMatchObject({ status: 'IO' })
    expect(server.object('/1/05/5')).toBeUndefined()
  })

  test('a count of 0 or of more than was given ends in an error, not in a loop', async () => {
    for (const count of [0, 11]) {
      const value = {
        file_wcc: { before: undefined, after: undefined },
        count,
        committed: 'UNSTABLE' as const,
      }
      server.answers.WRITE = () => ({ ok: true, value: { ...value, verf: new Uint8Array(8) } })
      await expect(store.write(key(5), 0, pattern(10))).rejects.toThrow(`wrote ${count} of 10`)
    }
  })

  test('a lost folder of a whole view is made anew', async () => {
    await store.write(key(5), 0, pattern(10))
    await store.removeView(1)
    server.calls.length = 0
    await store.write(key(5), 0, pattern(20))
    expect(server.count('MKDIR')).toBe(2)
    expectBytes(await readFrom(store, 50), pattern(20))
  })
})

describe('limits', () => {
  test('uncommitted bytes: at the limit they are kept, one more and the largest file is committed', async () => {
    store = storeOn(server, { uncommittedMaxBytes: 1000 })
    await store.write(key(1), 0, pattern(600))
    await store.write(key(2), 0, pattern(400))
    expect(store.uncommittedBytes).toBe(1000)
    await sleep(20)
    expect(server.count('COMMIT')).toBe(0)
    await store.write(key(3), 0, pattern(1))
    await expect.poll(() => store.uncommittedBytes).toBe(401)
    server.crash()
    expectBytes(await readFrom(store, 600, 0, key(1)), pattern(600))
  })

  test('twice that, and a write waits for a commit', async () => {
    store = storeOn(server, { uncommittedMaxBytes: 1000 })
    server.fault = (procedure) => (procedure === 'COMMIT' ? 'JUKEBOX' : undefined)
    await store.write(key(1), 0, pattern(1000))
    await store.write(key(1), 1000, pattern(1000))
    await store.write(key(2), 0, pattern(1))
    expect(store.uncommittedBytes).toBe(2001)
    // COMMIT is not to be had within the bounded wait, so the write cannot be taken.
    await expect(store.write(key(3), 0, pattern(1))).rejects.toMatchObject({ status: 'JUKEBOX' })
    server.fault = () => undefined
    await store.write(key(3), 0, pattern(1))
    expect(store.uncommittedBytes).toBeLessThan(1000)
  })

  test('a failed commit that nobody asked for is told by the next sync of the file, once', async () => {
    store = storeOn(server, { uncommittedMaxBytes: 1000 })
    failTimes(server, 'COMMIT', 'IO')
    await store.write(key(1), 0, pattern(1001))
    await expect.poll(() => store.uncommittedBytes).toBe(0)
    await expect(store.sync(key(1))).rejects.toMatchObject({ status: 'IO' })
    await store.sync(key(1))
  })

  test('handles: one more than the limit and the least recently used is looked up again', async () => {
    store = storeOn(server, { filesMax: 2 })
    for (const node of [1, 2]) {
      await store.write(key(node), 0, pattern(10))
      await store.sync(key(node))
    }
    const lookUps = server.count('LOOKUP')
    for (const node of [1, 2]) await store.write(key(node), 0, pattern(10))
    await store.sync(key(1))
    await store.sync(key(2))
    expect(server.count('LOOKUP')).toBe(lookUps)
    await store.write(key(0x101), 0, pattern(10))
    const before = server.count('LOOKUP')
    expectBytes(await readFrom(store, 10, 0, key(2)), pattern(10))
    expect(server.count('LOOKUP')).toBe(before)
    expectBytes(await readFrom(store, 10, 0, key(1)), pattern(10))
    expect(server.count('LOOKUP')).toBe(before + 1)
  })

  test('WRITEs of one request: so many are under way', async () => {
    server.writeTransferBytes = 4096
    let underWay = 0
    let most = 0
    server.before = async (procedure) => {
      if (procedure !== 'WRITE') return
      underWay += 1
      most = Math.max(most, underWay)
      await sleep(2)
      underWay -= 1
    }
    await store.write(key(5), 0, pattern(4096 * (2 * WRITES_IN_FLIGHT_MAX)))
    expect(most).toBe(WRITES_IN_FLIGHT_MAX)
    expect(server.count('WRITE')).toBe(2 * WRITES_IN_FLIGHT_MAX)
  })

  test.each([LISTING_RESTARTS_MAX, LISTING_RESTARTS_MAX + 1])(
    '%i lost cookies in one listing',
    async (lost) => {
      for (let file = 0; file < 20; file += 1) await store.write(key(file * 256 + 5), 0, pattern(1))
      let left = lost
      server.fault = (procedure, args) =>
        procedure === 'READDIR' && (args as { cookie: bigint }).cookie !== 0n && left-- > 0
          ? 'BAD_COOKIE'
          : undefined
      const listing = nodesOf(store, 1)
      if (lost > LISTING_RESTARTS_MAX) await expect(listing).rejects.toMatchObject({ status: 'IO' })
      else expect(new Set(await listing).size).toBe(20)
    },
  )
})
