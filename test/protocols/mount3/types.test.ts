import { expect, test } from 'vitest'
import {
  AUTH_FLAVORS_MAX,
  dirpath,
  FHSIZE3,
  fhandle3,
  MNTNAMLEN,
  MNTPATHLEN,
  MOUNTSTAT3,
  mountres3,
  name,
} from '../../../src/protocols/mount3/types.ts'
import { NFSSTAT3 } from '../../../src/protocols/nfs3/status.ts'
import { array, decodeXdr, encodeXdr, opaque, struct, uint32 } from '../../../src/xdr/codec.ts'
import { XdrError } from '../../../src/xdr/errors.ts'

test.each([
  { type: 'dirpath', codec: dirpath, limit: MNTPATHLEN },
  { type: 'name', codec: name, limit: MNTNAMLEN },
  { type: 'fhandle3', codec: fhandle3, limit: FHSIZE3 },
])('$type at its limit and one past it', ({ codec, limit }) => {
  const bytes = (lengthBytes: number) => encodeXdr(opaque(2 * limit), Buffer.alloc(lengthBytes, 0x61))
  expect(decodeXdr(codec, bytes(limit))).toHaveLength(limit)
  expect(() => decodeXdr(codec, bytes(limit + 1))).toThrow(XdrError)
})

test('flavors at their limit and one past it', () => {
  const unlimited = struct({ status: uint32, handle: opaque(64), flavors: array(uint32, 1000) })
  const bytes = (count: number) =>
    encodeXdr(unlimited, { status: 0, handle: new Uint8Array(8), flavors: Array(count).fill(1) })
  expect(decodeXdr(mountres3, bytes(AUTH_FLAVORS_MAX))).toMatchObject({ ok: true })
  expect(() => decodeXdr(mountres3, bytes(AUTH_FLAVORS_MAX + 1))).toThrow(XdrError)
})

test('a status has the number of its NFSv3 namesake; unknown ones do not decode', () => {
  for (const [status, number] of Object.entries(MOUNTSTAT3)) {
    expect(NFSSTAT3).toHaveProperty(status, number)
    expect(decodeXdr(mountres3, encodeXdr(uint32, number))).toEqual({ ok: false, status, fail: undefined })
  }
  expect(() => decodeXdr(mountres3, encodeXdr(uint32, 70))).toThrow(XdrError)
})
