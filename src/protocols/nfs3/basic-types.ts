import type { Timestamp } from '../../base/clock.ts'
import {
  enumeration,
  fixedOpaque,
  opaque,
  optional,
  quantity64,
  string,
  struct,
  uint32,
  uint64,
  type XdrCodec,
  type XdrValue,
} from '../../xdr/codec.ts'
import { XdrError } from '../../xdr/errors.ts'
import { FTYPE3 } from './ftype3.ts'
import { hot_fattr3 } from './hot-fattr3.ts'

// The basic types of RFC 1813 (section 2.5 and 2.6), with its names. A type's value is its codec.

export const NFS3_FHSIZE = 64
export const NFS3_COOKIEVERFSIZE = 8
export const NFS3_CREATEVERFSIZE = 8
export const NFS3_WRITEVERFSIZE = 8

/**
 * Longest name or link text that is decoded at all. RFC 1813 has no limit: what is longer than the file system takes
 * is decoded and answered NAMETOOLONG, up to this; beyond, it is GARBAGE_ARGS.
 */
export const NFS3_TEXT_MAX_BYTES = 64 * 1024

export const filename3 = string(NFS3_TEXT_MAX_BYTES)
export const nfspath3 = string(NFS3_TEXT_MAX_BYTES)
export const fileid3 = uint64
export const cookie3 = uint64
export const cookieverf3 = fixedOpaque(NFS3_COOKIEVERFSIZE)
export const createverf3 = fixedOpaque(NFS3_CREATEVERFSIZE)
export const writeverf3 = fixedOpaque(NFS3_WRITEVERFSIZE)
export const uid3 = uint32
export const gid3 = uint32
export const size3 = quantity64
export const offset3 = quantity64
export const mode3 = uint32
export const count3 = uint32

export const ftype3 = enumeration(FTYPE3)
export type ftype3 = XdrValue<typeof ftype3>

export const specdata3 = struct({ specdata1: uint32, specdata2: uint32 })
export type specdata3 = XdrValue<typeof specdata3>

export const nfs_fh3 = opaque(NFS3_FHSIZE)
export type nfs_fh3 = XdrValue<typeof nfs_fh3>

/** RFC 1813 calls the second field `nseconds`; here it has the name of Timestamp's, so that one value is both. */
export const nfstime3: XdrCodec<Timestamp> = struct({ seconds: uint32, nanoseconds: uint32 })
export type nfstime3 = Timestamp

/** What fattr3 is. `fattr3` is the same by hand. */
export const fattr3_table = struct({
  type: ftype3,
  mode: mode3,
  nlink: uint32,
  uid: uid3,
  gid: gid3,
  size: size3,
  used: size3,
  rdev: specdata3,
  fsid: uint64,
  fileid: fileid3,
  atime: nfstime3,
  mtime: nfstime3,
  ctime: nfstime3,
})
export type fattr3 = XdrValue<typeof fattr3_table>
export const fattr3 = hot_fattr3

export const post_op_attr = optional(fattr3)
export type post_op_attr = XdrValue<typeof post_op_attr>

export const wcc_attr = struct({ size: size3, mtime: nfstime3, ctime: nfstime3 })
export type wcc_attr = XdrValue<typeof wcc_attr>

export const pre_op_attr = optional(wcc_attr)
export type pre_op_attr = XdrValue<typeof pre_op_attr>

export const wcc_data = struct({ before: pre_op_attr, after: post_op_attr })
export type wcc_data = XdrValue<typeof wcc_data>

export const post_op_fh3 = optional(nfs_fh3)
export type post_op_fh3 = XdrValue<typeof post_op_fh3>

const DONT_CHANGE = 0
const SET_TO_SERVER_TIME = 1
const SET_TO_CLIENT_TIME = 2

/** set_atime and set_mtime: undefined is DONT_CHANGE, a time is SET_TO_CLIENT_TIME. */
export const set_time: XdrCodec<'SET_TO_SERVER_TIME' | nfstime3 | undefined> = {
  encode(writer, value) {
    if (value === undefined) writer.uint32(DONT_CHANGE)
    else if (value === 'SET_TO_SERVER_TIME') writer.uint32(SET_TO_SERVER_TIME)
    else {
      writer.uint32(SET_TO_CLIENT_TIME)
      nfstime3.encode(writer, value)
    }
  },
  decode(reader) {
    const how = reader.uint32()
    if (how === DONT_CHANGE) return undefined
    if (how === SET_TO_SERVER_TIME) return 'SET_TO_SERVER_TIME'
    if (how === SET_TO_CLIENT_TIME) return nfstime3.decode(reader)
    throw new XdrError(`time_how of unknown value ${how}`, reader.position - 4)
  },
}
export type set_time = XdrValue<typeof set_time>

/** What is undefined is not changed. */
export const sattr3 = struct({
  mode: optional(mode3),
  uid: optional(uid3),
  gid: optional(gid3),
  size: optional(size3),
  atime: set_time,
  mtime: set_time,
})
export type sattr3 = XdrValue<typeof sattr3>

export const diropargs3 = struct({ dir: nfs_fh3, name: filename3 })
export type diropargs3 = XdrValue<typeof diropargs3>
