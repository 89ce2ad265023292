import type { FsResult } from '../../vfs/result.ts'
import type { FsStatus } from '../../vfs/status.ts'
import type { XdrCodec } from '../../xdr/codec.ts'

/** nfsstat3 of success (RFC 1813 section 2.6). */
export const NFS3_OK = 0

/** nfsstat3 of every failure (RFC 1813 section 2.6). The only place where these numbers are written. */
export const NFSSTAT3 = {
  PERM: 1,
  NOENT: 2,
  IO: 5,
  NXIO: 6,
  ACCES: 13,
  EXIST: 17,
  XDEV: 18,
  NODEV: 19,
  NOTDIR: 20,
  ISDIR: 21,
  INVAL: 22,
  FBIG: 27,
  NOSPC: 28,
  ROFS: 30,
  MLINK: 31,
  NAMETOOLONG: 63,
  NOTEMPTY: 66,
  DQUOT: 69,
  STALE: 70,
  REMOTE: 71,
  BADHANDLE: 10001,
  NOT_SYNC: 10002,
  BAD_COOKIE: 10003,
  NOTSUPP: 10004,
  TOOSMALL: 10005,
  SERVERFAULT: 10006,
  BADTYPE: 10007,
  JUKEBOX: 10008,
} as const satisfies Record<FsStatus, number>

const STATUS_OF_NUMBER: ReadonlyMap<number, FsStatus> = new Map(
  (Object.keys(NFSSTAT3) as FsStatus[]).map((status) => [NFSSTAT3[status], status]),
)

/**
 * The name of a failure's number. A number that RFC 1813 does not know is SERVERFAULT, which is its name for an
 * error that "does not map to any of the legal NFS version 3 protocol error values".
 */
export function statusOfNfsstat3(number: number): FsStatus {
  return STATUS_OF_NUMBER.get(number) ?? 'SERVERFAULT'
}

/** union switch (nfsstat3 status) { case NFS3_OK: Ok; default: Fail }: the shape of every NFSv3 result. */
export function res3<Ok, Fail>(ok: XdrCodec<Ok>, fail: XdrCodec<Fail>): XdrCodec<FsResult<Ok, Fail>> {
  return {
    encode(writer, result) {
      if (result.ok) {
        writer.uint32(NFS3_OK)
        ok.encode(writer, result.value)
        return
      }
      writer.uint32(NFSSTAT3[result.status])
      fail.encode(writer, result.fail)
    },
    decode(reader) {
      const number = reader.uint32()
      if (number === NFS3_OK) return { ok: true, value: ok.decode(reader) }
      return { ok: false, status: statusOfNfsstat3(number), fail: fail.decode(reader) }
    },
  }
}
