import { describe, expect } from 'vitest'
import { MAX_FILE_SIZE_BYTES } from '../../../src/vfs/attributes.ts'
import { statusOfFault } from '../../../src/vfs/faults.ts'
import type { Stability } from '../../../src/vfs/file-system.ts'
import type { FsResult } from '../../../src/vfs/result.ts'
import type { FsStatus } from '../../../src/vfs/status.ts'
import { ALICE_UID, SHARED_GID } from '../../model/seed-tree.ts'
import { patternBytes, SeededRandom } from '../../model/seeded-random.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, BOB, CAROL, ROOT } from '../callers.ts'
import { expectBytes, expectChanged, expectSame, type FileSystemSupports, type OnTree } from '../harness.ts'
import { dir, file, special, symlink } from '../seeds.ts'

const STRENGTH: Readonly<Record<Stability, number>> = { unstable: 0, 'data-sync': 1, 'file-sync': 2 }
const STABILITIES: readonly Stability[] = ['unstable', 'data-sync', 'file-sync']
const TIB = 2 ** 40

export function dataCases(onTree: OnTree, { largestFileBytes }: FileSystemSupports): void {
  describe('data', () => {
    readCases(onTree)
    writeCases(onTree)
    largestCase(onTree, largestFileBytes)
    randomCases(onTree)
    commitCases(onTree)
  })
}

function readCases(onTree: OnTree): void {
  onTree('READ: bytes, count and eof', [file('/f', 9000), file('/empty', 0)], async (look, fs) => {
    const { node, attributes } = await look.object('/f')
    const whole = patternBytes(9001, 9000)
    for (const [offset, count] of [
      [0, 9000],
      [0, 8999],
      [0, 9001],
      [1, 8999],
      [4095, 2],
      [4096, 4096],
      [8999, 1],
      [8999, 5],
      [9000, 1],
      [9001, 7],
      [0, 0],
      [9000, 0],
      [TIB, 3],
      [MAX_FILE_SIZE_BYTES, 3],
    ] as const) {
      const into = new Uint8Array(count).fill(0xee)
      const read = okOf(await fs.read(ROOT, node, offset, into))
      const expected = whole.subarray(offset, offset + count)
      expect(read, `${offset} + ${count}`).toEqual({
        countBytes: expected.length,
        eof: offset + expected.length >= 9000,
        attributes,
      })
      expectBytes(into.subarray(0, expected.length), expected)
    }
    const empty = await look.node('/empty')
    expect(okOf(await fs.read(ROOT, empty, 0, new Uint8Array(5)))).toMatchObject({ countBytes: 0, eof: true })
  })

  onTree(
    'READ and WRITE of what is no file',
    [dir('/d'), symlink('/l', 'x'), special('fifo', '/p'), special('character', '/c')],
    async (look, fs) => {
      for (const [path, status] of [
        ['/d', 'ISDIR'],
        ['/l', 'INVAL'],
        ['/p', 'INVAL'],
        ['/c', 'INVAL'],
      ] as const) {
        const { node, attributes } = await look.object(path)
        expect(failOf(await fs.read(ROOT, node, 0, new Uint8Array(1)), status).attributes).toEqual(attributes)
        expectSame(
          failOf(await fs.write(ROOT, node, 0, new Uint8Array(1), 'file-sync'), status).wcc,
          attributes,
        )
        if (path !== '/l')
          expect(failOf(await fs.readlink(ROOT, node), 'INVAL').attributes).toEqual(attributes)
      }
    },
  )
}

function writeCases(onTree: OnTree): void {
  onTree('WRITE: the bytes, the size and the times', [file('/f', 5000)], async (look, fs) => {
    const before = await look.object('/f')
    const expected = Uint8Array.from([...patternBytes(5001, 5000), ...new Uint8Array(3000)])
    const data = patternBytes(77, 2000)
    expected.set(data, 3500)
    const { wcc } = okOf(await fs.write(ROOT, before.node, 3500, data, 'file-sync'))
    const after = await look.attributes('/f')
    expectChanged(wcc, before.attributes, after)
    expect(after.mtime).toEqual(after.ctime)
    expect(after.atime).toEqual(before.attributes.atime)
    expect(after.sizeBytes).toBe(5500)
    expectBytes(await look.bytes('/f'), expected.subarray(0, 5500))
    okOf(await fs.write(ROOT, before.node, 7990, patternBytes(3, 10), 'file-sync'))
    expected.set(patternBytes(3, 10), 7990)
    expectBytes(await look.bytes('/f'), expected)
  })

  onTree('WRITE inside leaves the size', [file('/f', 5000)], async (look) => {
    await look.write('/f', 0, patternBytes(1, 4999))
    expect((await look.attributes('/f')).sizeBytes).toBe(5000)
    expectBytes(await look.bytes('/f', 4999, 10), patternBytes(5001, 5000).subarray(4999))
  })

  onTree('WRITE of nothing changes nothing', [file('/f', 10)], async (look, fs) => {
    const { node, attributes } = await look.object('/f')
    expectSame(okOf(await fs.write(ROOT, node, 5, new Uint8Array(0), 'file-sync')).wcc, attributes)
    expectSame(okOf(await fs.write(ROOT, node, 5000, new Uint8Array(0), 'file-sync')).wcc, attributes)
    expect(await look.attributes('/f')).toEqual(attributes)
  })

  onTree('WRITE is at least as stable as asked', [file('/f', 10)], async (look, fs) => {
    const node = await look.node('/f')
    for (const stability of STABILITIES) {
      const { committed } = okOf(await fs.write(ROOT, node, 0, patternBytes(1, 5), stability))
      expect(STRENGTH[committed]).toBeGreaterThanOrEqual(STRENGTH[stability])
    }
    expect(fs.writeVerifier).toHaveLength(8)
  })

  onTree('WRITE far out: the hole is zeros and takes no room', [file('/f', 10)], async (look) => {
    for (const offset of [5000, 2 ** 32 - 5, TIB + 1]) {
      await look.write('/f', offset, patternBytes(9, 10))
      expect((await look.attributes('/f')).sizeBytes).toBe(offset + 10)
      expectBytes(await look.bytes('/f', offset - 3, 20), Uint8Array.from([0, 0, 0, ...patternBytes(9, 10)]))
    }
    expectBytes(
      await look.bytes('/f', 0, 20),
      Uint8Array.from([...patternBytes(11, 10), ...new Uint8Array(10)]),
    )
    expect((await look.attributes('/f')).usedBytes).toBeLessThan(1 << 20)
  })

  onTree(
    'WRITE by others takes suid and sgid',
    [
      file('/program', 10, { uid: ALICE_UID, gid: SHARED_GID, mode: 0o6777 }),
      file('/locked', 10, { uid: ALICE_UID, gid: BOB.gid, mode: 0o2666 }),
    ],
    async (look) => {
      await look.write('/program', 0, patternBytes(1, 5), ROOT)
      expect((await look.attributes('/program')).mode).toBe(0o6777)
      await look.write('/program', 0, patternBytes(1, 5), CAROL)
      expect((await look.attributes('/program')).mode).toBe(0o777)
      // Without group execution sgid is no privilege; a member may keep it, a stranger not.
      await look.write('/locked', 0, patternBytes(1, 5), BOB)
      expect((await look.attributes('/locked')).mode).toBe(0o2666)
      await look.write('/locked', 0, patternBytes(1, 5), CAROL)
      expect((await look.attributes('/locked')).mode).toBe(0o666)
    },
  )

  onTree('WRITE of borrowed bytes: they may change afterwards', [file('/f', 0)], async (look, fs) => {
    const data = patternBytes(5, 70_000)
    okOf(await fs.write(ROOT, await look.node('/f'), 0, data, 'unstable'))
    data.fill(0)
    expectBytes(await look.bytes('/f'), patternBytes(5, 70_000))
  })
}

function largestCase(onTree: OnTree, largestFileBytes: number): void {
  onTree(`WRITE up to ${largestFileBytes} bytes, and one byte over`, [file('/f', 0)], async (look, fs) => {
    const node = await look.node('/f')
    okOf(await fs.write(ROOT, node, largestFileBytes - 5, patternBytes(1, 5), 'file-sync'))
    const attributes = await look.attributes('/f')
    expect(attributes.sizeBytes).toBe(largestFileBytes)
    for (const offset of [largestFileBytes - 4, MAX_FILE_SIZE_BYTES - 4]) {
      expect(await statusOf(async () => fs.write(ROOT, node, offset, patternBytes(2, 5), 'file-sync'))).toBe(
        'FBIG',
      )
    }
    expect(await look.attributes('/f')).toEqual(attributes)
    // A disk that ends inside the write has taken what fitted: under it the old bytes are gone, before it they stay.
    expectBytes(await look.bytes('/f', largestFileBytes - 5, 1), patternBytes(1, 1))
    expect((await look.bytes('/f', largestFileBytes - 5, 10)).length).toBe(5)
  })
}

/** Of a refusal, or of a fault: what lies below may find out only when it is asked. */
async function statusOf<Ok, Fail>(work: () => Promise<FsResult<Ok, Fail>>): Promise<FsStatus | 'OK'> {
  try {
    const result = await work()
    return result.ok ? 'OK' : result.status
  } catch (error) {
    return statusOfFault(error)
  }
}

function randomCases(onTree: OnTree): void {
  const seed = 20_260_701
  onTree(`300 writes and cuts, at random (seed ${seed})`, [file('/f', 40_000)], async (look, fs) => {
    const random = new SeededRandom(seed)
    const node = await look.node('/f')
    let expected = patternBytes(40_001, 40_000)
    for (let step = 0; step < 300; step += 1) {
      const where = `step ${step}`
      if (random.chance(0.25)) {
        const sizeBytes = random.between(0, 60_000)
        okOf(await fs.setattr(ROOT, node, { sizeBytes }, undefined))
        const next = new Uint8Array(sizeBytes)
        next.set(expected.subarray(0, sizeBytes))
        expected = next
      } else {
        const offset = random.between(0, 60_000)
        const data = patternBytes(step, random.pick([1, 100, 4096, 4097, 9000]))
        okOf(await fs.write(ROOT, node, offset, data, random.pick(STABILITIES)))
        const next = new Uint8Array(Math.max(expected.length, offset + data.length))
        next.set(expected)
        next.set(data, offset)
        expected = next
      }
      const from = random.between(0, expected.length)
      expectBytes(await look.bytes('/f', from, 10_000), expected.subarray(from, from + 10_000), where)
      if (step % 20 === 0) expectBytes(await look.bytes('/f'), expected, where)
    }
    expectBytes(await look.bytes('/f'), expected)
  })
}

function commitCases(onTree: OnTree): void {
  onTree(
    'COMMIT: of files, by who may write',
    [file('/f', 10, { uid: ALICE_UID, mode: 0o600 }), dir('/d'), symlink('/l', 'x'), special('fifo', '/p')],
    async (look, fs) => {
      const node = await look.node('/f')
      const verifier = Uint8Array.from(fs.writeVerifier)
      okOf(await fs.write(ALICE, node, 0, patternBytes(1, 5), 'unstable'))
      const attributes = await look.attributes('/f')
      expectSame(okOf(await fs.commit(ALICE, node)).wcc, attributes)
      expect(Uint8Array.from(fs.writeVerifier)).toEqual(verifier)
      expectSame(failOf(await fs.commit(BOB, node), 'ACCES').wcc, attributes)
      for (const [path, status] of [
        ['/d', 'ISDIR'],
        ['/l', 'INVAL'],
        ['/p', 'INVAL'],
      ] as const) {
        const object = await look.object(path)
        expectSame(failOf(await fs.commit(ROOT, object.node), status).wcc, object.attributes)
      }
    },
  )
}
