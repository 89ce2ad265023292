import { describe, expect, test } from 'vitest'
import {
  fattr3,
  filename3,
  NFS3_FHSIZE,
  NFS3_TEXT_MAX_BYTES,
  nfs_fh3,
} from '../../../src/protocols/nfs3/basic-types.ts'
import { NFS3_PROCEDURES } from '../../../src/protocols/nfs3/procedures.ts'
import { NFSSTAT3, statusOfNfsstat3 } from '../../../src/protocols/nfs3/status.ts'
import {
  GETATTR3res,
  MKNOD3args,
  NFS3_DATA_MAX_BYTES,
  READ3args,
  READ3res,
  WRITE3args,
} from '../../../src/protocols/nfs3/types.ts'
import type { FsStatus } from '../../../src/vfs/status.ts'
import { decodeXdr, encodeXdr, opaque, uint32 } from '../../../src/xdr/codec.ts'
import { XdrError } from '../../../src/xdr/errors.ts'
import { XdrReader } from '../../../src/xdr/reader.ts'
import { BORROW_MIN_BYTES, XdrWriter } from '../../../src/xdr/writer.ts'

const unlimited = opaque(0xffff_ffff)
const LARGE = 1 << 20

describe('limits, at them and one past them', () => {
  test('handles', () => {
    const handle = (lengthBytes: number) => encodeXdr(unlimited, Buffer.alloc(lengthBytes))
    expect(decodeXdr(nfs_fh3, handle(NFS3_FHSIZE))).toHaveLength(NFS3_FHSIZE)
    expect(() => decodeXdr(nfs_fh3, handle(NFS3_FHSIZE + 1))).toThrow(XdrError)
  })

  test('names', () => {
    const name = (lengthBytes: number) => encodeXdr(unlimited, Buffer.alloc(lengthBytes))
    expect(decodeXdr(filename3, name(NFS3_TEXT_MAX_BYTES))).toHaveLength(NFS3_TEXT_MAX_BYTES)
    expect(() => decodeXdr(filename3, name(NFS3_TEXT_MAX_BYTES + 1))).toThrow(XdrError)
  })

  test('data of WRITE', () => {
    const write = (lengthBytes: number) => {
      const writer = new XdrWriter(LARGE)
      writer.opaque(new Uint8Array(8))
      writer.quantity64(0)
      writer.uint32(lengthBytes)
      writer.uint32(0)
      writer.opaque(Buffer.alloc(lengthBytes))
      return writer.toBytes()
    }
    expect(decodeXdr(WRITE3args, write(NFS3_DATA_MAX_BYTES)).data).toHaveLength(NFS3_DATA_MAX_BYTES)
    expect(() => decodeXdr(WRITE3args, write(NFS3_DATA_MAX_BYTES + 1))).toThrow(XdrError)
  })
})

describe('file data', () => {
  test('of WRITE is a view into the record', () => {
    const record = encodeXdr(WRITE3args, {
      file: new Uint8Array(4),
      offset: 0,
      count: 4,
      stable: 'UNSTABLE',
      data: Buffer.from('abcd'),
    })
    const { data } = WRITE3args.decode(new XdrReader(record))
    record.set(Buffer.from('wxyz'), record.length - 4)
    expect(Buffer.from(data).toString()).toBe('wxyz')
  })

  test('of READ is borrowed when it is large', () => {
    const data = Buffer.alloc(BORROW_MIN_BYTES)
    const writer = new XdrWriter(256)
    const value = { file_attributes: undefined, count: data.length, eof: true, data }
    READ3res.encode(writer, { ok: true, value })
    expect(writer.parts()).toContain(data)
  })
})

describe('numbers', () => {
  test('an offset over 2^53 - 1 decodes to a number that shows it', () => {
    const writer = new XdrWriter(64)
    writer.opaque(new Uint8Array(4))
    writer.uint64(0xffff_ffff_ffff_ffffn)
    writer.uint32(1)
    expect(decodeXdr(READ3args, writer.toBytes()).offset).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
  })

  test('status numbers are those of RFC 1813, both ways', () => {
    const statuses = Object.keys(NFSSTAT3) as FsStatus[]
    expect(statuses).toHaveLength(28)
    for (const status of statuses) expect(statusOfNfsstat3(NFSSTAT3[status])).toBe(status)
    for (const unknown of [3, 4, 7, 10009, 0xffff_ffff]) expect(statusOfNfsstat3(unknown)).toBe('SERVERFAULT')
    const stale = decodeXdr(GETATTR3res, encodeXdr(uint32, 70))
    expect(stale).toEqual({ ok: false, status: 'STALE', fail: undefined })
  })

  test('a type that is none is garbage', () => {
    const bad = Buffer.alloc(84)
    expect(() => decodeXdr(fattr3, bad)).toThrow(XdrError)
    bad.writeUInt32BE(8)
    expect(() => decodeXdr(fattr3, bad)).toThrow(XdrError)
  })

  test('MKNOD of a type that is not special decodes, so that it can be answered BADTYPE', () => {
    const where = { dir: new Uint8Array(4), name: Buffer.from('x') }
    const args = encodeXdr(MKNOD3args, { where, what: { type: 'NF3DIR' } })
    expect(decodeXdr(MKNOD3args, args).what).toEqual({ type: 'NF3DIR' })
  })
})

test('the 22 procedures of RFC 1813, each under its number', () => {
  const names =
    'NULL GETATTR SETATTR LOOKUP ACCESS READLINK READ WRITE CREATE MKDIR SYMLINK MKNOD REMOVE RMDIR RENAME LINK READDIR READDIRPLUS FSSTAT FSINFO PATHCONF COMMIT'
  const table = Object.entries(NFS3_PROCEDURES)
  expect(table.map(([name]) => name)).toEqual(names.split(' '))
  expect(table.map(([, spec]) => spec.number)).toEqual(table.map((_, number) => number))
})
