import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NfsShadowStore } from '../../src/shadow/nfs-store.ts'
import { SHADOW_PROCEDURES } from '../../src/shadow/remote-answers.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey } from '../../src/vfs/shadow-store.ts'
import { expectBytes } from '../conformance/harness.ts'
import { pattern, shadowStoreSuite } from '../conformance/shadow-store-suite.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'

const TIB = 2 ** 40
const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })

async function read(store: NfsShadowStore, countBytes: number): Promise<Uint8Array> {
  const into = new Uint8Array(countBytes)
  return into.subarray(0, await store.read(key(5), 0, into))
}

describeWithRigs('a shadow on nfs-ganesha', ['ganesha'], () => {
  let directory: string
  let ganesha: Ganesha
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rowfs-shadow-'))
    ganesha = await Ganesha.start({ exports: [{ directory }] })
  })
  afterAll(async () => {
    await ganesha?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const openStore = (limits = {}) =>
    new NfsShadowStore(new NfsExport(parseNfsUrl(ganesha.url(directory)), SHADOW_PROCEDURES, { limits }))

  /** Through the server, because it does not notice what is done behind it. */
  async function empty(): Promise<void> {
    const store = openStore()
    for (const view of readdirSync(directory)) await store.removeView(Number(view))
    await store.close()
    expect(readdirSync(directory)).toEqual([])
  }

  shadowStoreSuite(
    'nfs-ganesha',
    async () => ({ store: openStore(), reopen: async () => openStore(), dispose: empty }),
    { largestOffsetBytes: 2 * TIB, modelRuns: 15 },
  )

  describe('and its restarts', () => {
    test('a killed server is waited for, and its new verifier makes the bytes be written again', async () => {
      const store = openStore()
      await store.write(key(5), 0, pattern(300_000))
      expect(store.uncommittedBytes).toBe(300_000)
      await ganesha.restart()
      const sent = () => store.uncommittedBytes
      await store.write(key(5), 100, pattern(1000, 7))
      expect(sent()).toBe(300_000)
      await store.sync(key(5))
      expect(sent()).toBe(0)
      const expected = pattern(300_000)
      expected.set(pattern(1000, 7), 100)
      expectBytes(await read(store, 400_000), expected)
      await store.close()
      await empty()
    })

    test('killed while writes and syncs are under way: all end well', async () => {
      const store = openStore()
      const work = Array.from({ length: 60 }, async (_, node) => {
        await store.write(key(node), 0, pattern(100_000, node))
        await store.sync(key(node))
      })
      await ganesha.restart()
      await Promise.all(work)
      await store.close()
      const again = openStore()
      for (let node = 0; node < 60; node += 1) {
        const into = new Uint8Array(100_000)
        expect(await again.read(key(node), 0, into)).toBe(100_000)
        expectBytes(into, pattern(100_000, node))
      }
      await again.close()
      await empty()
    })

    test('away for longer than the bounded wait: JUKEBOX, and afterwards nothing is lost', async () => {
      const store = openStore({ waitMaxMs: 500, waitMinMs: 100, backOffMaxMs: 50, silenceMaxMs: 400 })
      await store.write(key(5), 0, pattern(10_000))
      await ganesha.kill()
      for (const attempt of [
        () => store.sync(key(5)),
        () => store.write(key(6), 0, pattern(10)),
        () => store.truncate(key(5), 20_000),
        () => store.remove(key(7)),
        () => store.space(),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ name: 'ServerUnavailableError', status: 'JUKEBOX' })
      }
      // What is kept here is read without the server.
      expectBytes(await read(store, 10_000), pattern(10_000))
      await ganesha.startServer()
      await store.sync(key(5))
      expectBytes(await read(store, 20_000), pattern(10_000))
      await store.close()
      await empty()
    })
  })

  test('files are sparse on the server, for the owner only, and where the layout says', async () => {
    const store = openStore()
    await store.write(key(0x1a03, 12), TIB, pattern(4096))
    await store.sync(key(0x1a03, 12))
    const { mode, size, blocks } = statSync(join(directory, '12', '03', '1a03'))
    expect(mode & 0o7777).toBe(0o600)
    expect(size).toBe(TIB + 4096)
    expect(blocks * 512).toBeLessThan(64 * 1024)
    expect(statSync(join(directory, '12', '03')).mode & 0o7777).toBe(0o700)
    await store.close()
    await empty()
  })
})
