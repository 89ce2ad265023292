import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NfsShadowStore } from '../../src/shadow/nfs-store.ts'
import { SYNC_ROUNDS_MAX } from '../../src/shadow/remote-file.ts'
import { expectBytes } from '../conformance/harness.ts'
import { pattern } from '../conformance/shadow-store-suite.ts'
import { MemoryNfsServer } from '../nfsclient/memory-nfs-server.ts'
import { key, readFrom, serverHas, storeOn } from './remote-store.ts'

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

describe('a server that is restarted', () => {
  test('before the sync: what it forgot is written again, and only then the sync succeeds', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.write(key(5), 5000, pattern(1000, 2))
    server.crash()
    expect(serverHas(server, '/1/05/5', 10)).toHaveLength(0)
    await store.sync(key(5))
    server.crash()
    expectBytes(serverHas(server, '/1/05/5', 1000), pattern(1000))
    expectBytes(await readFrom(store, 2000, 5000), pattern(1000, 2))
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
    expectBytes(await readFrom(store, 2000), expected)
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
    expectBytes(await readFrom(store, 5000), expected)
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
    expectBytes(await readFrom(store, 2000), pattern(1000))
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
    expectBytes(await readFrom(store, 2000), pattern(1000))
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
    for (let part = 0; part < 20; part += 1)
      expectBytes(await readFrom(store, 1000, part * 2000), pattern(1000, part))
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
    expectBytes(await readFrom(store, 2000), pattern(1000, 9))
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
    expectBytes(await readFrom(store, 2000, 1000), pattern(1000, 9))
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
    expectBytes(await readFrom(store, 2000, 1000), pattern(1000, 9))
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
    expectBytes(await readFrom(store, 2000), pattern(1000))
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
    expectBytes(await readFrom(store, 2000), pattern(1000))
  })

  test('cut bytes are not written again', async () => {
    await store.write(key(5), 0, pattern(1000))
    await store.truncate(key(5), 300)
    server.crash()
    await store.sync(key(5))
    server.crash()
    expectBytes(await readFrom(store, 2000), pattern(300))
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
    expectBytes(await readFrom(store, 2000), expected)
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
          else expectBytes(await readFrom(store, 500, 0, key(node)), model)
        }
        await store.sync(key(node))
        server.crash()
        expectBytes(await readFrom(store, 500, 0, key(node)), model)
      }),
      { numRuns: 150 },
    )
  })
})
