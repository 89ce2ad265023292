import { describe, expect, test } from 'vitest'
import {
  AUTH_SYS_GIDS_MAX,
  type AuthSysCredentials,
  authsys_parms,
  decodeAuthSys,
  encodeAuthSys,
  MACHINE_NAME_MAX_BYTES,
} from '../../src/oncrpc/auth-sys.ts'
import { CredentialCache } from '../../src/oncrpc/credential-cache.ts'
import { RpcCallHeader } from '../../src/oncrpc/message.ts'
import { array, encodeXdr, string, struct, uint32 } from '../../src/xdr/codec.ts'
import { XdrError } from '../../src/xdr/errors.ts'

/** The same type without its limits. */
const unlimited = struct({
  stamp: uint32,
  machinename: string(1000),
  uid: uint32,
  gid: uint32,
  gids: array(uint32, 1000),
})

const parms = (nameBytes: number, gids: number) =>
  encodeXdr(unlimited, {
    stamp: 9,
    machinename: Buffer.alloc(nameBytes, 0x61),
    uid: 1,
    gid: 2,
    gids: Array(gids).fill(3),
  })

describe('AUTH_SYS', () => {
  test('the body of a Linux client', () => {
    const body = Buffer.from(
      '00a6b6ad 00000006 64656269616e 0000 000003e8 000003e8 00000002 00000018 000003e8'.replaceAll(' ', ''),
      'hex',
    )
    const credentials = decodeAuthSys(body)
    expect(credentials).toMatchObject({ flavor: 'sys', uid: 1000, gid: 1000, gids: [24, 1000] })
    expect(Buffer.from(credentials.machineName).toString()).toBe('debian')
    body.set(encodeAuthSys(credentials).subarray(4), 4)
    expect(decodeAuthSys(body)).toEqual(credentials)
  })

  test('limits, at them and one past them', () => {
    expect(decodeAuthSys(parms(MACHINE_NAME_MAX_BYTES, 1)).machineName).toHaveLength(MACHINE_NAME_MAX_BYTES)
    expect(() => decodeAuthSys(parms(MACHINE_NAME_MAX_BYTES + 1, 1))).toThrow(XdrError)
    expect(decodeAuthSys(parms(1, AUTH_SYS_GIDS_MAX)).gids).toHaveLength(AUTH_SYS_GIDS_MAX)
    expect(() => decodeAuthSys(parms(1, AUTH_SYS_GIDS_MAX + 1))).toThrow(XdrError)
  })

  test('cut off, or with something behind it, it is none', () => {
    const body = Buffer.from(parms(5, 2))
    for (let lengthBytes = 0; lengthBytes < body.length; lengthBytes += 1) {
      expect(() => decodeAuthSys(body.subarray(0, lengthBytes))).toThrow(XdrError)
    }
    expect(() => decodeAuthSys(Buffer.concat([body, Buffer.alloc(4)]))).toThrow(XdrError)
  })
})

describe('CredentialCache', () => {
  const read = (cache: CredentialCache, body: Uint8Array, change: Partial<RpcCallHeader> = {}) => {
    const header = Object.assign(new RpcCallHeader(), {
      credentialFlavor: 1,
      credentialStart: 2,
      credentialBytes: body.length,
      ...change,
    })
    return cache.read(header, Buffer.concat([Buffer.alloc(2), body]))
  }

  test('the same credentials are the same object, whatever the stamp', () => {
    const cache = new CredentialCache()
    const first = read(cache, parms(5, 2)) as AuthSysCredentials
    const body = Buffer.from(parms(5, 2))
    body.writeUInt32BE(77)
    expect(read(cache, body)).toBe(first)
    body.writeUInt32BE(5, 16)
    expect(read(cache, body)).toMatchObject({ uid: 5 })
    expect(first.uid).toBe(1)
  })

  test('what is not accepted, and why', () => {
    const cache = new CredentialCache()
    const body = encodeXdr(authsys_parms, {
      stamp: 0,
      machinename: Buffer.from('x'),
      uid: 0,
      gid: 0,
      gids: [],
    })
    expect(read(cache, body, { credentialFlavor: 6 })).toBe('AUTH_REJECTEDCRED')
    expect(read(cache, body, { verifierFlavor: 1 })).toBe('AUTH_BADVERF')
    expect(read(cache, body.subarray(0, 8))).toBe('AUTH_BADCRED')
    expect(read(cache, new Uint8Array())).toBe('AUTH_BADCRED')
    expect(read(cache, body, { authProblem: 'AUTH_BADVERF' })).toBe('AUTH_BADVERF')
    expect(read(cache, body, { credentialFlavor: 0 })).toEqual({ flavor: 'none' })
    expect(read(cache, body)).toMatchObject({ flavor: 'sys' })
  })
})
