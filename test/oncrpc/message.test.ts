import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AUTH_BODY_MAX_BYTES } from '../../src/oncrpc/auth-sys.ts'
import {
  AUTH_STAT,
  type AuthStat,
  encodeCredential,
  RpcCallHeader,
  type RpcRefusal,
  readReply,
  readReplyXid,
  writeCall,
  writeRefusal,
  writeSuccess,
} from '../../src/oncrpc/message.ts'
import { XdrError } from '../../src/xdr/errors.ts'
import { XdrReader } from '../../src/xdr/reader.ts'
import { XdrWriter } from '../../src/xdr/writer.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
const hex = (write: (writer: XdrWriter) => void) => {
  const writer = new XdrWriter(16)
  write(writer)
  return Buffer.from(writer.toBytes()).toString('hex')
}

function readHeader(message: Uint8Array): RpcCallHeader {
  const header = new RpcCallHeader()
  header.read(new XdrReader(message))
  return header
}

/** A call of GETATTR with an empty machine name. */
const CALL = bytes(`
  00000001 00000000 00000002 000186a3 00000003 00000001
  00000001 00000014 00000000 00000000 000003e8 00000064 00000000
  00000000 00000000`)

describe('a call', () => {
  test('is written as RFC 5531 says, and read again', () => {
    const credential = new XdrWriter(64)
    encodeCredential(credential, {
      flavor: 'sys',
      uid: 1000,
      gid: 100,
      gids: [],
      machineName: new Uint8Array(),
    })
    const target = { program: 100003, version: 3, procedure: 1 }
    expect(hex((writer) => writeCall(writer, 1, target, credential.toBytes()))).toBe(CALL.toString('hex'))
    expect(readHeader(CALL)).toMatchObject({
      xid: 1,
      isCall: true,
      ...target,
      credentialFlavor: 1,
      credentialStart: 32,
      credentialBytes: 20,
      verifierFlavor: 0,
      authProblem: undefined,
    })
  })

  test('without credentials', () => {
    expect(hex((writer) => encodeCredential(writer, { flavor: 'none' }))).toBe('0000000000000000')
  })

  test('cut off at every length it is not a call, or one whose credentials cannot be read', () => {
    for (let lengthBytes = 0; lengthBytes < CALL.length; lengthBytes += 1) {
      const cut = CALL.subarray(0, lengthBytes)
      if (lengthBytes < 24) expect(() => readHeader(cut)).toThrow(XdrError)
      else expect(readHeader(cut).authProblem).toBe(lengthBytes < 52 ? 'AUTH_BADCRED' : 'AUTH_BADVERF')
    }
  })

  test('a credential as long as allowed, and one byte longer', () => {
    const call = (lengthBytes: number) => {
      const writer = new XdrWriter(64)
      for (const value of [1, 0, 2, 100003, 3, 0, 1]) writer.uint32(value)
      writer.opaque(Buffer.alloc(lengthBytes))
      writer.uint64(0n)
      return readHeader(writer.toBytes())
    }
    expect(call(AUTH_BODY_MAX_BYTES).authProblem).toBe(undefined)
    expect(call(AUTH_BODY_MAX_BYTES + 1).authProblem).toBe('AUTH_BADCRED')
  })

  test('another version of RPC is seen before the rest is read', () => {
    expect(readHeader(bytes('00000001 00000000 00000003'))).toMatchObject({ isCall: true, rpcVersion: 3 })
  })

  test('a reply is not a call', () => {
    expect(readHeader(bytes('00000001 00000001'))).toMatchObject({ isCall: false })
  })

  test('any bytes are a header or an XdrError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (message) => {
        try {
          readHeader(message)
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError)
        }
      }),
    )
  })
})

describe('a reply', () => {
  const refusals: [RpcRefusal, string][] = [
    [{ stat: 'PROG_UNAVAIL' }, '00000000 00000000 00000000 00000001'],
    [{ stat: 'PROG_MISMATCH', low: 2, high: 3 }, '00000000 00000000 00000000 00000002 00000002 00000003'],
    [{ stat: 'PROC_UNAVAIL' }, '00000000 00000000 00000000 00000003'],
    [{ stat: 'GARBAGE_ARGS' }, '00000000 00000000 00000000 00000004'],
    [{ stat: 'SYSTEM_ERR' }, '00000000 00000000 00000000 00000005'],
    [{ stat: 'RPC_MISMATCH', low: 2, high: 2 }, '00000001 00000000 00000002 00000002'],
    ...(Object.keys(AUTH_STAT) as AuthStat[]).map((why): [RpcRefusal, string] => [
      { stat: 'AUTH_ERROR', why },
      `00000001 00000001 0000000${AUTH_STAT[why]}`,
    ]),
    [{ stat: 'AUTH_ERROR', why: 13 }, '00000001 00000001 0000000d'],
  ]

  test.each(refusals)('%j', (refusal, expected) => {
    const message = `0000002a 00000001 ${expected}`.replaceAll(' ', '')
    expect(hex((writer) => writeRefusal(writer, 42, refusal))).toBe(message)
    const reader = new XdrReader(bytes(message))
    expect(readReplyXid(reader)).toBe(42)
    expect(readReply(reader)).toEqual(refusal)
    reader.finish()
    for (let lengthBytes = 8; lengthBytes < message.length / 2; lengthBytes += 1) {
      expect(() => readReply(new XdrReader(bytes(message), 8, lengthBytes))).toThrow(XdrError)
    }
  })

  test('of a call that was carried out, with a verifier of any length', () => {
    expect(hex((writer) => writeSuccess(writer, 42))).toBe('0000002a0000000100000000000000000000000000000000')
    const reader = new XdrReader(
      bytes('0000002a 00000001 00000000 00000001 00000003 61626300 00000000 00000007'),
    )
    expect(readReplyXid(reader)).toBe(42)
    expect(readReply(reader)).toBe(undefined)
    expect(reader.uint32()).toBe(7)
  })

  test('values that the RFC does not know are errors', () => {
    for (const message of ['00000002', '00000000 00000000 00000000 00000006', '00000001 00000002']) {
      expect(() => readReply(new XdrReader(bytes(message)))).toThrow(XdrError)
    }
    expect(readReplyXid(new XdrReader(CALL))).toBe(undefined)
  })
})
