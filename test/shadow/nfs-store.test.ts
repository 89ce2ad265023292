import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NfsShadowStore, type NfsShadowStoreOptions } from '../../src/shadow/nfs-store.ts'
import { SHADOW_PROCEDURES } from '../../src/shadow/remote-answers.ts'
import { SYNC_ROUNDS_MAX } from '../../src/shadow/remote-file.ts'
import { DamageError, StorageError } from '../../src/vfs/faults.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey } from '../../src/vfs/shadow-store.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { expectBytes } from '../conformance/harness.ts'
import { pattern, shadowStoreSuite } from '../conformance/shadow-store-suite.ts'
import { MemoryNfsServer, type NfsProcedure } from '../nfsclient/memory-nfs-server.ts'

const TIB = 2 ** 40
const QUICK = { waitMaxMs: 800, waitMinMs: 20, backOffMinMs: 5, backOffMaxMs: 20 }
const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })

function storeOn(server: MemoryNfsServer, options: NfsShadowStoreOptions = {}): NfsShadowStore {
  return new NfsShadowStore(
    new NfsExport(parseNfsUrl(server.url), SHADOW_PROCEDURES, { limits: QUICK }),
    options,
  )
}

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

async function read(countBytes: number, offsetBytes = 0, from = key(5)): Promise<Uint8Array> {
  const into = new Uint8Array(countBytes).fill(0xee)
  return into.subarray(0, await store.read(from, offsetBytes, into))
}

function serverHas(path: string, countBytes: number): Uint8Array {
  const object = server.object(path)!
  return object.content.read(0, Math.min(object.sizeBytes, countBytes))
}

const failTimes = (procedure: NfsProcedure, fault: FsStatus, times = 1) => {
  let left = times
  server.fault = (called) => (called === procedure && left-- > 0 ? fault : undefined)
}

describe('layout', () => {
  test('the same as in a local directory, for the owner only', async () => {
    await store.write(key(0x1a03, 12), 0, pattern(10))
    expect(server.object('/12')!.mode).toBe(0o700)
    expect(server.object('/12/03')!.mode).toBe(0o700)
    expect(server.object('/12/03/1a03')!.mode).toBe(0o600)
    expectBytes(serverHas('/12/03/1a03', 100), pattern(10))
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
    expectBytes(await read(20), pattern(10))
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

describe('a server that is restarted', () => {
  test('before the sync: what it forgot is written again, and only then the sync succeeds', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.write(key(5), 5000, pattern(1000, 2))
    server.crash()
    expect(serverHas('/1/05/5', 10)).toHaveLength(0)
    await store.sync(key(5))
    server.crash()
    expectBytes(serverHas('/1/05/5', 1000), pattern(1000))
    expectBytes(await read(2000, 5000), pattern(1000, 2))
    expect(store.uncommittedBytes).toBe(0)
  })

  test('between two writes: the older is written again and does not cover the newer', async () => {
    await store.write(key(5), 0, pattern(1000))
    server.crash()
    await store.write(key(5), 300, pattern(100, 2))
    await store.sync(key(5))
    server.crash()
    const expected = pattern(1000)
    expected.set(pattern(100, 2), 300)
    expectBytes(await read(2000), expected)
  })

  test('what it forgot is read all the same, before it is written again', async () => {
    await store.write(key(5), 0, pattern(100))
    await store.sync(key(5))
    await store.write(key(5), 50, pattern(100, 2))
    await store.write(key(5), 1000, pattern(10, 3))
    server.crash()
    const expected = new Uint8Array(1010)
    expected.set(pattern(100))
    expected.set(pattern(100, 2), 50)
    expected.set(pattern(10, 3), 1000)
    expectBytes(await read(5000), expected)
  })

  test('during the sync, again and again', async () => {
    await store.write(key(5), 0, pattern(1000))
    let crashes = 3
    server.fault = (procedure) => {
      if (procedure === 'COMMIT' && crashes-- > 0) server.crash()
      return undefined
    }
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000), pattern(1000))
  })

  test.each([SYNC_ROUNDS_MAX - 1, SYNC_ROUNDS_MAX])('%i restarts during one sync', async (restarts) => {
    await store.write(key(5), 0, pattern(1000))
    let left = restarts
    server.answers.COMMIT = () => {
      if (left-- > 0) server.verifier += 1
      const verf = Buffer.alloc(8)
      verf.writeUInt32BE(server.verifier, 4)
      return { ok: true, value: { file_wcc: { before: undefined, after: undefined }, verf } }
    }
    const outcome = store.sync(key(5))
    if (restarts < SYNC_ROUNDS_MAX) await outcome
    else await expect(outcome).rejects.toThrow('restarted')
  })

  test('while it is away a sync ends within the bounded wait, and a later one saves all', async () => {
    await store.write(key(5), 0, pattern(1000))
    await server.close()
    await expect(store.sync(key(5))).rejects.toMatchObject({
      name: 'ServerUnavailableError',
      status: 'JUKEBOX',
    })
    server.crash()
    await server.listen()
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000), pattern(1000))
  })

  test('away while lost bytes are written again: a later sync writes what is left', async () => {
    for (let part = 0; part < 20; part += 1) await store.write(key(5), part * 2000, pattern(1000, part))
    server.crash()
    let writes = 0
    server.fault = (procedure) => (procedure === 'WRITE' && ++writes > 5 ? 'JUKEBOX' : undefined)
    await expect(store.sync(key(5))).rejects.toMatchObject({ status: 'JUKEBOX' })
    server.fault = () => undefined
    await store.sync(key(5))
    server.crash()
    for (let part = 0; part < 20; part += 1) expectBytes(await read(1000, part * 2000), pattern(1000, part))
    expect(store.uncommittedBytes).toBe(0)
  })

  test('a write that begins while bytes are written again is not overtaken by them', async () => {
    await store.write(key(5), 0, pattern(1000))
    server.crash()
    let late: Promise<void> | undefined
    server.before = async (procedure) => {
      if (procedure !== 'WRITE' || late !== undefined) return
      late = store.write(key(5), 0, pattern(1000, 9))
      await Promise.race([late, sleep(50)])
    }
    await store.sync(key(5))
    await late
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000), pattern(1000, 9))
  })

  test('a write that is answered while a COMMIT is under way is not confirmed by it', async () => {
    await store.write(key(5), 0, pattern(1000))
    let late: Promise<void> | undefined
    server.after = (procedure) => {
      if (procedure !== 'COMMIT' || late !== undefined) return undefined
      late = store.write(key(5), 1000, pattern(1000, 9))
      return late
    }
    await store.sync(key(5))
    await late
    expect(store.uncommittedBytes).toBe(1000)
    server.crash()
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000, 1000), pattern(1000, 9))
  })

  test('a sync asked for while one is under way covers what was written in between', async () => {
    await store.write(key(5), 0, pattern(1000))
    let second: Promise<void> | undefined
    server.after = async (procedure) => {
      if (procedure !== 'COMMIT' || second !== undefined) return
      await store.write(key(5), 1000, pattern(1000, 9))
      second = store.sync(key(5))
    }
    await store.sync(key(5))
    await second
    server.crash()
    expect(store.uncommittedBytes).toBe(0)
    expectBytes(await read(2000, 1000), pattern(1000, 9))
  })

  test('a read that the server did before bytes were written again is done again', async () => {
    await store.write(key(5), 0, pattern(1000))
    server.crash()
    let synced: Promise<void> | undefined
    server.after = (procedure) => {
      if (procedure !== 'READ' || synced !== undefined) return undefined
      synced = store.sync(key(5))
      return synced
    }
    expectBytes(await read(2000), pattern(1000))
    expect(server.count('READ')).toBe(2)
  })

  test('on another machine that happens to have the same verifier', async () => {
    await store.write(key(5), 0, pattern(1000))
    const { verifier } = server
    server.crash()
    server.verifier = verifier
    server.generation += 1
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000), pattern(1000))
  })

  test('cut bytes are not written again', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.truncate(key(5), 300)
    server.crash()
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(2000), pattern(300))
  })

  test('with other handles: found again by name, nothing lost', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.sync(key(5))
    await store.write(key(5), 1000, pattern(1000, 2))
    server.generation += 1
    await store.sync(key(5))
    await store.write(key(0x105), 0, pattern(10))
    await store.truncate(key(5), 1500)
    server.generation += 1
    const expected = new Uint8Array(1500)
    expected.set(pattern(1000))
    expected.set(pattern(1000, 2).subarray(0, 500), 1000)
    expectBytes(await read(2000), expected)
    expect(server.count('CREATE')).toBe(2)
  })

  test('a server whose writes are stable at once is not asked to commit', async () => {
    const own = server.answers
    own.WRITE = ({ count }) => {
      const value = {
        file_wcc: { before: undefined, after: undefined },
        count,
        committed: 'FILE_SYNC' as const,
      }
      return { ok: true, value: { ...value, verf: new Uint8Array(8) } }
    }
    await store.write(key(5), 0, pattern(1000))
    expect(store.uncommittedBytes).toBe(0)
    await store.sync(key(5))
    expect(server.count('COMMIT')).toBe(0)
  })

  test('whatever is done, and whenever it crashes, nothing that was synced is lost', async () => {
    const step = fc.record({
      do: fc.constantFrom('write', 'write', 'write', 'sync', 'crash', 'truncate', 'move', 'read'),
      at: fc.nat(300),
      count: fc.integer({ min: 1, max: 100 }),
    })
    let node = 100
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        node += 1
        let model = new Uint8Array(0)
        for (const [index, { do: action, at, count }] of steps.entries()) {
          if (action === 'write') {
            const grown = new Uint8Array(Math.max(model.length, at + count))
            grown.set(model)
            grown.set(pattern(count, index), at)
            model = grown
            await store.write(key(node), at, pattern(count, index))
          } else if (
            action === 'truncate' &&
            server.object(`/1/${node.toString(16).slice(-2)}/${node.toString(16)}`)
          ) {
            const cut = new Uint8Array(at)
            cut.set(model.subarray(0, at))
            model = cut
            await store.truncate(key(node), at)
          } else if (action === 'sync') await store.sync(key(node))
          else if (action === 'crash') server.crash()
          else if (action === 'move') server.generation += 1
          else expectBytes(await read(500, 0, key(node)), model)
        }
        await store.sync(key(node))
        server.crash()
        expectBytes(await read(500, 0, key(node)), model)
      }),
      { numRuns: 150 },
    )
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
      ['READ', () => read(1000)],
    ] as const) {
      failTimes(procedure, refusal)
      const failure: unknown = await (attempt() as Promise<unknown>).catch((error: unknown) => error)
      expect(failure, procedure).toBeInstanceOf(StorageError)
      expect(failure, procedure).toMatchObject({ status })
      expect((failure as Error).message, procedure).toMatch(/1\/05\/[135]/)
    }
  })

  test('a COMMIT: the sync fails once, what was uncommitted counts as lost, then work goes on', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes('COMMIT', 'NOSPC')
    await expect(store.sync(key(5))).rejects.toMatchObject({ status: 'NOSPC' })
    expect(store.uncommittedBytes).toBe(0)
    await store.sync(key(5))
    await store.write(key(5), 0, pattern(10))
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(10), pattern(10))
  })

  test('a write over uncommitted bytes: neither is known to be there, so the next sync fails', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes('WRITE', 'NOSPC')
    await expect(store.write(key(5), 500, pattern(1000, 2))).rejects.toMatchObject({ status: 'NOSPC' })
    await expect(store.sync(key(5))).rejects.toMatchObject({ status: 'NOSPC' })
    await store.sync(key(5))
  })

  test('a write beside uncommitted bytes: they are none the worse', async () => {
    await store.write(key(5), 0, pattern(1000))
    failTimes('WRITE', 'NOSPC')
    await expect(store.write(key(5), 1000, pattern(1000, 2))).rejects.toMatchObject({ status: 'NOSPC' })
    await store.sync(key(5))
    server.crash()
    expectBytes(await read(1000), pattern(1000))
  })

  test('a file that vanished behind us is damage, not an empty file', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.sync(key(5))
    server.object('/1/05')!.names.delete('5')
    server.generation += 1
    await expect(store.write(key(5), 0, pattern(10))).rejects.toThrow(DamageError)
    await expect(read(10)).rejects.toMatchObject({ status: 'IO' })
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
    expectBytes(await read(50), pattern(20))
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
    expectBytes(await read(600, 0, key(1)), pattern(600))
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
    failTimes('COMMIT', 'IO')
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
    expectBytes(await read(10, 0, key(2)), pattern(10))
    expect(server.count('LOOKUP')).toBe(before)
    expectBytes(await read(10, 0, key(1)), pattern(10))
    expect(server.count('LOOKUP')).toBe(before + 1)
  })
})
