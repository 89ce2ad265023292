import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sameBytes } from '../../src/base/bytes.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../../src/vfs/shadow-store.ts'

export interface ShadowStoreUnderTest {
  readonly store: ShadowStore
  /** Another store over the same place, as after a restart. */
  reopen(): Promise<ShadowStore>
  dispose(): Promise<void>
}

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const TIB = 1024 * GIB

const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })

/** Bytes that differ from place to place, so that a shift of one is seen. */
export function pattern(countBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(countBytes)
  for (let index = 0; index < countBytes; index += 1)
    bytes[index] = (index * 31 + (index >> 8) * 7 + seed) & 0xff
  return bytes
}

/** Like `toEqual`, a hundred times faster on long arrays; tells the first place that differs. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (sameBytes(actual, expected)) return
  const at = expected.findIndex((byte, index) => actual[index] !== byte)
  expect.fail(`bytes differ: ${actual.length} bytes, not ${expected.length}; first at ${at}`)
}

async function readBytes(store: ShadowStore, from: ShadowKey, offsetBytes: number, countBytes: number) {
  const into = new Uint8Array(countBytes).fill(0xee)
  const count = await store.read(from, offsetBytes, into)
  expectBytes(into.subarray(count), new Uint8Array(countBytes - count).fill(0xee))
  return into.subarray(0, count)
}

/** In order. */
export async function nodesOf(store: ShadowStore, view: number): Promise<number[]> {
  const nodes: number[] = []
  for await (const node of store.list(view)) nodes.push(node)
  return nodes.sort((a, b) => a - b)
}

/** What every ShadowStore must do; run on a local directory and on an NFS server. */
export function shadowStoreSuite(
  name: string,
  make: () => Promise<ShadowStoreUnderTest>,
  options: { largestOffsetBytes: number; modelRuns: number },
): void {
  describe(`shadow store: ${name}`, () => {
    let subject: ShadowStoreUnderTest
    let store: ShadowStore
    beforeEach(async () => {
      subject = await make()
      store = subject.store
    })
    afterEach(async () => {
      await store.close()
      await subject.dispose()
    })

    test('a file that was never written reads as nothing, and nothing is made by asking', async () => {
      expectBytes(await readBytes(store, key(7), 0, 10), new Uint8Array(0))
      await store.truncate(key(7), 100)
      await store.sync(key(7))
      await store.remove(key(7))
      expect(await nodesOf(store, 1)).toEqual([])
    })

    test('reads what was written, zeros in holes, and stops at the end', async () => {
      await store.write(key(7), 10_000, pattern(5000))
      expectBytes(await readBytes(store, key(7), 10_000, 5000), pattern(5000))
      expectBytes(await readBytes(store, key(7), 9990, 10), new Uint8Array(10))
      expectBytes(await readBytes(store, key(7), 14_990, 100), pattern(5000).subarray(4990))
      expectBytes(await readBytes(store, key(7), 15_000, 100), new Uint8Array(0))
      expectBytes(await readBytes(store, key(7), 1_000_000, 100), new Uint8Array(0))
    })

    test('a later write replaces only its own bytes', async () => {
      await store.write(key(7), 0, pattern(10_000))
      await store.write(key(7), 4096, pattern(100, 9))
      const expected = pattern(10_000)
      expected.set(pattern(100, 9), 4096)
      expectBytes(await readBytes(store, key(7), 0, 20_000), expected)
    })

    test('the bytes given to write are not looked at again', async () => {
      const data = pattern(100)
      await store.write(key(7), 0, data)
      data.fill(0)
      await store.sync(key(7))
      expectBytes(await readBytes(store, key(7), 0, 100), pattern(100))
    })

    test.each([1, 64 * KIB, 64 * KIB + 1, MIB, 3 * MIB + 5])(
      'moves %i bytes in one call',
      async (countBytes) => {
        await store.write(key(7), 3, pattern(countBytes))
        expectBytes(await readBytes(store, key(7), 3, countBytes + 1), pattern(countBytes))
      },
    )

    test.each([4 * GIB - 5, TIB + 3].filter((offset) => offset <= options.largestOffsetBytes))(
      'writes at offset %i of a sparse file',
      async (offsetBytes) => {
        await store.write(key(7), offsetBytes, pattern(10))
        await store.sync(key(7))
        expectBytes(
          await readBytes(store, key(7), offsetBytes - 10, 30),
          new Uint8Array([...new Uint8Array(10), ...pattern(10)]),
        )
        await store.truncate(key(7), 20)
        expect((await readBytes(store, key(7), 0, 30)).length).toBe(20)
      },
    )

    test('truncate cuts, extends with zeros, and cut bytes do not come back', async () => {
      await store.write(key(7), 0, pattern(5000))
      await store.truncate(key(7), 1000)
      expectBytes(await readBytes(store, key(7), 0, 5000), pattern(5000).subarray(0, 1000))
      await store.truncate(key(7), 3000)
      const expected = new Uint8Array(3000)
      expected.set(pattern(5000).subarray(0, 1000))
      expectBytes(await readBytes(store, key(7), 0, 5000), expected)
    })

    test('what was synced is there for another store', async () => {
      await store.write(key(7), 5, pattern(100_000))
      await store.write(key(8), 0, pattern(10, 3))
      await Promise.all([store.sync(key(7)), store.sync(key(7)), store.sync(key(8))])
      const other = await subject.reopen()
      try {
        expectBytes(await readBytes(other, key(7), 5, 200_000), pattern(100_000))
        expectBytes(await readBytes(other, key(8), 0, 20), pattern(10, 3))
        await other.write(key(8), 2, pattern(3, 50))
        await other.sync(key(8))
      } finally {
        await other.close()
      }
    })

    test('a removed file is gone, and a new one of the same node starts empty', async () => {
      await store.write(key(7), 0, pattern(5000))
      await store.sync(key(7))
      await store.remove(key(7))
      expectBytes(await readBytes(store, key(7), 0, 100), new Uint8Array(0))
      expect(await nodesOf(store, 1)).toEqual([])
      await store.write(key(7), 100, pattern(10))
      expectBytes(
        await readBytes(store, key(7), 0, 200),
        new Uint8Array([...new Uint8Array(100), ...pattern(10)]),
      )
    })

    test('views and nodes do not see each other, whatever their numbers', async () => {
      const nodes = [0, 1, 2, 255, 256, 257, 0xffffffff, 0x100000001, Number.MAX_SAFE_INTEGER]
      for (const node of nodes) {
        await store.write(key(node, 1), 0, pattern(10, node & 0xff))
        await store.write(key(node, 0xffffffff), 0, pattern(10, (node + 1) & 0xff))
      }
      for (const node of nodes) {
        expectBytes(await readBytes(store, key(node, 1), 0, 10), pattern(10, node & 0xff))
        expectBytes(await readBytes(store, key(node, 0xffffffff), 0, 10), pattern(10, (node + 1) & 0xff))
      }
      expect(await nodesOf(store, 1)).toEqual(nodes)
      expect(await nodesOf(store, 2)).toEqual([])
    })

    test('removing a view leaves the others', async () => {
      for (let node = 1; node <= 300; node += 1) await store.write(key(node), 0, pattern(1))
      await store.write(key(1, 2), 0, pattern(10))
      await store.removeView(1)
      await store.removeView(3)
      expect(await nodesOf(store, 1)).toEqual([])
      expect(await nodesOf(store, 2)).toEqual([1])
      expectBytes(await readBytes(store, key(1, 1), 0, 10), new Uint8Array(0))
      expectBytes(await readBytes(store, key(1, 2), 0, 10), pattern(10))
      await store.write(key(1, 1), 0, pattern(5))
      expect(await nodesOf(store, 1)).toEqual([1])
    })

    test('tells the space there is', async () => {
      const space = await store.space()
      expect(space.totalBytes).toBeGreaterThan(MIB)
      expect(space.freeBytes).toBeLessThanOrEqual(space.totalBytes)
      expect(space.availableBytes).toBeLessThanOrEqual(space.freeBytes)
      expect(space.availableBytes).toBeGreaterThan(0)
      expect(space.freeFiles).toBeLessThanOrEqual(space.totalFiles)
    })

    test('many writes and syncs at a time, on many files', async () => {
      const files = 40
      const work: Promise<void>[] = []
      for (let node = 0; node < files; node += 1) {
        for (let part = 0; part < 8; part += 1) {
          const countBytes = part % 2 === 0 ? 10 * KIB : 100 * KIB
          const done = async () => {
            await store.write(key(node), part * 128 * KIB, pattern(countBytes, node + part))
            await store.sync(key(node))
          }
          work.push(done())
        }
      }
      await Promise.all(work)
      for (let node = 0; node < files; node += 1) {
        for (let part = 0; part < 8; part += 1) {
          const countBytes = part % 2 === 0 ? 10 * KIB : 100 * KIB
          expectBytes(
            await readBytes(store, key(node), part * 128 * KIB, countBytes),
            pattern(countBytes, node + part),
          )
        }
      }
    })

    test('does what a plain map of bytes does', async () => {
      let view = 10
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          view += 1
          await runAgainstModel(store, view, steps)
          await store.removeView(view)
        }),
        { numRuns: options.modelRuns },
      )
    })
  })
}

const MODEL_NODES = 4
const MODEL_SIZE_MAX = 300_000

type Step = { do: 'write' | 'read' | 'truncate' | 'sync' | 'remove'; node: number; at: number; count: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'truncate', 'sync', 'remove'),
  node: fc.nat(MODEL_NODES - 1),
  at: fc.nat(MODEL_SIZE_MAX),
  count: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 60_000, max: 70_000 })),
})

async function runAgainstModel(store: ShadowStore, view: number, steps: readonly Step[]): Promise<void> {
  const model = new Map<number, Uint8Array>()
  for (const [index, { do: action, node, at, count }] of steps.entries()) {
    const old = model.get(node)
    if (action === 'write') {
      const grown = new Uint8Array(Math.max(old?.length ?? 0, at + count))
      grown.set(old ?? [])
      grown.set(pattern(count, index), at)
      model.set(node, grown)
      await store.write(key(node, view), at, pattern(count, index))
    } else if (action === 'read') {
      expectBytes(
        await readBytes(store, key(node, view), at, count),
        (old ?? new Uint8Array(0)).slice(at, at + count),
      )
    } else if (action === 'truncate') {
      if (old !== undefined) {
        const cut = new Uint8Array(at)
        cut.set(old.subarray(0, at))
        model.set(node, cut)
      }
      await store.truncate(key(node, view), at)
    } else if (action === 'sync') {
      await store.sync(key(node, view))
    } else {
      model.delete(node)
      await store.remove(key(node, view))
    }
  }
  expect(await nodesOf(store, view)).toEqual([...model.keys()].sort((a, b) => a - b))
  for (const [node, bytes] of model) {
    expectBytes(await readBytes(store, key(node, view), 0, MODEL_SIZE_MAX * 2), bytes)
  }
}
