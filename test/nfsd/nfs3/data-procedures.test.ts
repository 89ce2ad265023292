import { expect, test } from 'vitest'
import { UDP_DATA_MAX_BYTES } from '../../../src/nfsd/nfs3/limits.ts'
import { NFS3_DATA_MAX_BYTES, type WRITE3args } from '../../../src/protocols/nfs3/types.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { patternBytes } from '../../model/seeded-random.ts'
import { AS_ALICE, FILE_BYTES, NO_WCC, overTheWire, wccOf } from './fixture.ts'

overTheWire('READ', (current) => {
  test('bytes, count and eof', async () => {
    const file = await current().at('/file')
    const whole = patternBytes(FILE_BYTES + 1, FILE_BYTES)
    const rows = [
      [0, 10, 10, false],
      [0, FILE_BYTES - 1, FILE_BYTES - 1, false],
      [0, FILE_BYTES, FILE_BYTES, true],
      [0, FILE_BYTES + 1, FILE_BYTES, true],
      [4000, 200, 200, false],
      [FILE_BYTES - 1, 1, 1, true],
      [FILE_BYTES, 1, 0, true],
      [FILE_BYTES + 1, 1, 0, true],
      [0, 0, 0, false],
      [FILE_BYTES, 0, 0, true],
      [Number.MAX_SAFE_INTEGER, 5, 0, true],
      [2 ** 63, 5, 0, true],
      [2 ** 64, 5, 0, true],
    ] as const
    for (const [offset, count, countRead, eof] of rows) {
      const got = okOf(await current().nfs('READ', { file, offset, count }))
      expect(got, `${offset} + ${count}`).toMatchObject({ count: countRead, eof })
      expect(Buffer.from(got.data).equals(whole.subarray(offset, offset + countRead))).toBe(true)
      expect(got.file_attributes).toEqual(await current().attributes('/file'))
    }
  })

  test('at most rtmax, over each transport', async () => {
    const file = await current().at('/file')
    const args = {
      object: file,
      new_attributes: {
        mode: undefined,
        uid: undefined,
        gid: undefined,
        size: 4 << 20,
        atime: undefined,
        mtime: undefined,
      },
      guard: undefined,
    }
    okOf(await current().nfs('SETATTR', args))
    for (const [transport, limit] of [
      ['tcp', NFS3_DATA_MAX_BYTES],
      ['udp', UDP_DATA_MAX_BYTES],
    ] as const) {
      for (const count of [limit - 1, limit, limit + 1, 0xffff_ffff]) {
        const got = okOf(await current().rig.nfsOver(transport, 'READ', { file, offset: 1, count }))
        expect(got.count).toBe(Math.min(count, limit))
        expect(got.data.length).toBe(got.count)
        expect(got.eof).toBe(false)
      }
    }
  })

  test('refusals', async () => {
    const rows = [
      ['/dir', 'ISDIR'],
      ['/link', 'INVAL'],
      ['/fifo', 'INVAL'],
    ] as const
    for (const [path, status] of rows) {
      const fail = failOf(
        await current().nfs('READ', { file: await current().at(path), offset: 0, count: 1 }),
        status,
      )
      expect(fail.file_attributes).toEqual(await current().attributes(path))
    }
    const secret = { file: await current().at('/secret'), offset: 0, count: 1 }
    expect(failOf(await current().nfs('READ', secret, AS_ALICE), 'ACCES').file_attributes).toEqual(
      await current().attributes('/secret'),
    )
    const gone = { file: await current().stale(), offset: 0, count: 1 }
    expect(failOf(await current().nfs('READ', gone), 'STALE').file_attributes).toBeUndefined()
  })
})

overTheWire('WRITE', (current) => {
  const write = async (path: string, offset: number, data: Uint8Array, more: Partial<WRITE3args> = {}) =>
    current().nfs('WRITE', {
      file: await current().at(path),
      offset,
      count: data.length,
      stable: 'FILE_SYNC',
      data,
      ...more,
    })

  test('bytes, wcc_data, verifier', async () => {
    const before = await current().look.attributes('/file')
    const data = patternBytes(7, 5000)
    const got = okOf(await write('/file', 4000, data))
    expect(got).toEqual({
      file_wcc: wccOf(await current().look.attributes('/file'), before),
      count: 5000,
      committed: 'FILE_SYNC',
      verf: Buffer.from(current().rig.fs.writeVerifier),
    })
    expect(Buffer.from(await current().look.bytes('/file', 4000, 5000)).equals(data)).toBe(true)
  })

  test('no weaker than asked', async () => {
    for (const stable of ['UNSTABLE', 'DATA_SYNC', 'FILE_SYNC'] as const) {
      expect(okOf(await write('/file', 0, patternBytes(1, 10), { stable })).committed).toBe(stable)
    }
  })

  test('nothing at all', async () => {
    const got = okOf(await write('/file', 5, new Uint8Array(0)))
    expect(got).toMatchObject({ count: 0, file_wcc: await current().unchanged('/file') })
  })

  test('a mebibyte', async () => {
    const data = patternBytes(3, NFS3_DATA_MAX_BYTES)
    expect(okOf(await write('/file', 0, data)).count).toBe(NFS3_DATA_MAX_BYTES)
    expect(Buffer.from(await current().look.bytes('/file', 0, NFS3_DATA_MAX_BYTES)).equals(data)).toBe(true)
  })

  test('up to the largest offset, and one byte more', async () => {
    const data = patternBytes(3, 10)
    okOf(await write('/file', Number.MAX_SAFE_INTEGER - 10, data))
    for (const offset of [Number.MAX_SAFE_INTEGER - 9, 2 ** 53, 2 ** 64 - 2048]) {
      expect(failOf(await write('/file', offset, data), 'FBIG').file_wcc).toEqual(
        await current().unchanged('/file'),
      )
    }
  })

  test('refusals', async () => {
    const data = patternBytes(3, 10)
    const rows = [
      ['/dir', {}, 'ISDIR'],
      ['/link', {}, 'INVAL'],
      ['/file', { count: 9 }, 'INVAL'],
      ['/file', { count: 11 }, 'INVAL'],
    ] as const
    for (const [path, more, status] of rows) {
      expect(failOf(await write(path, 0, data, more), status).file_wcc).toEqual(
        await current().unchanged(path),
      )
    }
    const file = await current().at('/file')
    const asAlice = await current().nfs(
      'WRITE',
      { file, offset: 0, count: 10, stable: 'UNSTABLE', data },
      AS_ALICE,
    )
    expect(failOf(asAlice, 'ACCES').file_wcc).toEqual(await current().unchanged('/file'))
    const gone = await write('/file', 0, data, { file: await current().stale() })
    expect(failOf(gone, 'STALE').file_wcc).toEqual(NO_WCC)
  })
})

overTheWire('COMMIT', (current) => {
  test('any range', async () => {
    const file = await current().at('/file')
    for (const [offset, count] of [
      [0, 0],
      [5, 10],
      [2 ** 64, 0xffff_ffff],
    ] as const) {
      expect(okOf(await current().nfs('COMMIT', { file, offset, count }))).toEqual({
        file_wcc: await current().unchanged('/file'),
        verf: Buffer.from(current().rig.fs.writeVerifier),
      })
    }
  })

  test('refusals', async () => {
    const dir = { file: await current().at('/dir'), offset: 0, count: 0 }
    expect(failOf(await current().nfs('COMMIT', dir), 'ISDIR').file_wcc).toEqual(
      await current().unchanged('/dir'),
    )
    const gone = { file: await current().stale(), offset: 0, count: 0 }
    expect(failOf(await current().nfs('COMMIT', gone), 'STALE').file_wcc).toEqual(NO_WCC)
  })
})
