import { describe, expect, test } from 'vitest'
import { toAttributeChanges, toFattr3, toWccData, unchangedWcc } from '../../../src/nfsd/nfs3/attributes.ts'
import type { sattr3 } from '../../../src/protocols/nfs3/basic-types.ts'
import type { Attributes } from '../../../src/vfs/attributes.ts'

const NOTHING: sattr3 = {
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  atime: undefined,
  mtime: undefined,
}

const ATTRIBUTES: Attributes = {
  type: 'block',
  mode: 0o4711,
  nlink: 3,
  uid: 1,
  gid: 2,
  sizeBytes: 2 ** 53 - 1,
  usedBytes: 8192,
  rdevMajor: 8,
  rdevMinor: 17,
  fsid: 2n ** 64n - 1n,
  fileid: 2n ** 53n - 1n,
  atime: { seconds: 1, nanoseconds: 2 },
  mtime: { seconds: 3, nanoseconds: 4 },
  ctime: { seconds: 5, nanoseconds: 6 },
}

describe('toAttributeChanges', () => {
  test('what is absent stays absent', () => {
    expect(toAttributeChanges(NOTHING)).toEqual({ ok: true, value: {} })
  })

  test('every field', () => {
    const time = { seconds: 0xffff_ffff, nanoseconds: 999_999_999 }
    const wanted = { mode: 0o755, uid: 1, gid: 2, size: 3, atime: 'SET_TO_SERVER_TIME', mtime: time } as const
    expect(toAttributeChanges(wanted)).toEqual({
      ok: true,
      value: { mode: 0o755, uid: 1, gid: 2, sizeBytes: 3, atime: 'server', mtime: time },
    })
  })

  test('type bits in the mode and uid -1 are ignored', () => {
    const wanted = { ...NOTHING, mode: 0o106755, uid: 0xffff_ffff, gid: 0xffff_ffff }
    expect(toAttributeChanges(wanted)).toEqual({ ok: true, value: { mode: 0o6755 } })
  })

  test('the largest size, and one more', () => {
    const size = Number.MAX_SAFE_INTEGER
    expect(toAttributeChanges({ ...NOTHING, size })).toEqual({ ok: true, value: { sizeBytes: size } })
    expect(toAttributeChanges({ ...NOTHING, size: size + 1 })).toMatchObject({ status: 'FBIG' })
  })

  test('a second has 10^9 nanoseconds', () => {
    const time = { seconds: 1, nanoseconds: 1_000_000_000 }
    expect(toAttributeChanges({ ...NOTHING, atime: time })).toMatchObject({ status: 'INVAL' })
    expect(toAttributeChanges({ ...NOTHING, mtime: time })).toMatchObject({ status: 'INVAL' })
  })
})

test('toFattr3', () => {
  expect(toFattr3(ATTRIBUTES)).toEqual({
    type: 'NF3BLK',
    mode: 0o4711,
    nlink: 3,
    uid: 1,
    gid: 2,
    size: 2 ** 53 - 1,
    used: 8192,
    rdev: { specdata1: 8, specdata2: 17 },
    fsid: 2n ** 64n - 1n,
    fileid: 2n ** 53n - 1n,
    atime: ATTRIBUTES.atime,
    mtime: ATTRIBUTES.mtime,
    ctime: ATTRIBUTES.ctime,
  })
})

test('wcc_data', () => {
  const after = { ...ATTRIBUTES, sizeBytes: 1 }
  expect(toWccData({ before: ATTRIBUTES, after })).toEqual({
    before: { size: 2 ** 53 - 1, mtime: ATTRIBUTES.mtime, ctime: ATTRIBUTES.ctime },
    after: toFattr3(after),
  })
  expect(toWccData({ before: undefined, after: undefined })).toEqual({ before: undefined, after: undefined })
  expect(unchangedWcc(after)).toEqual(toWccData({ before: after, after }))
})
