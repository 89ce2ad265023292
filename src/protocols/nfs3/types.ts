import {
  bool,
  enumeration,
  fileData,
  linkedList,
  nothing,
  optional,
  struct,
  uint32,
  union,
  type XdrValue,
} from '../../xdr/codec.ts'
import {
  cookie3,
  cookieverf3,
  count3,
  createverf3,
  diropargs3,
  fattr3,
  fileid3,
  filename3,
  ftype3,
  nfs_fh3,
  nfspath3,
  nfstime3,
  offset3,
  post_op_attr,
  post_op_fh3,
  sattr3,
  size3,
  specdata3,
  wcc_data,
  writeverf3,
} from './basic-types.ts'
import { hot_entryplus3_list } from './hot-entryplus3.ts'
import { res3 } from './status.ts'

// Arguments and results of RFC 1813's procedures, in its order and with its names. A type's value is its codec.

/** Most bytes of file data in one READ or WRITE; what FSINFO says as rtmax and wtmax. */
export const NFS3_DATA_MAX_BYTES = 1024 * 1024

// 3.3.1 GETATTR

export const GETATTR3args = struct({ object: nfs_fh3 })
export type GETATTR3args = XdrValue<typeof GETATTR3args>
export const GETATTR3resok = struct({ obj_attributes: fattr3 })
export type GETATTR3resok = XdrValue<typeof GETATTR3resok>
export const GETATTR3res = res3(GETATTR3resok, nothing)
export type GETATTR3res = XdrValue<typeof GETATTR3res>

// 3.3.2 SETATTR

/** undefined: no guard. */
export const sattrguard3 = optional(nfstime3)
export type sattrguard3 = XdrValue<typeof sattrguard3>
export const SETATTR3args = struct({ object: nfs_fh3, new_attributes: sattr3, guard: sattrguard3 })
export type SETATTR3args = XdrValue<typeof SETATTR3args>
export const SETATTR3resok = struct({ obj_wcc: wcc_data })
export type SETATTR3resok = XdrValue<typeof SETATTR3resok>
export const SETATTR3resfail = SETATTR3resok
export type SETATTR3resfail = SETATTR3resok
export const SETATTR3res = res3(SETATTR3resok, SETATTR3resfail)
export type SETATTR3res = XdrValue<typeof SETATTR3res>

// 3.3.3 LOOKUP

export const LOOKUP3args = struct({ what: diropargs3 })
export type LOOKUP3args = XdrValue<typeof LOOKUP3args>
export const LOOKUP3resok = struct({
  object: nfs_fh3,
  obj_attributes: post_op_attr,
  dir_attributes: post_op_attr,
})
export type LOOKUP3resok = XdrValue<typeof LOOKUP3resok>
export const LOOKUP3resfail = struct({ dir_attributes: post_op_attr })
export type LOOKUP3resfail = XdrValue<typeof LOOKUP3resfail>
export const LOOKUP3res = res3(LOOKUP3resok, LOOKUP3resfail)
export type LOOKUP3res = XdrValue<typeof LOOKUP3res>

// 3.3.4 ACCESS

export const ACCESS3args = struct({ object: nfs_fh3, access: uint32 })
export type ACCESS3args = XdrValue<typeof ACCESS3args>
export const ACCESS3resok = struct({ obj_attributes: post_op_attr, access: uint32 })
export type ACCESS3resok = XdrValue<typeof ACCESS3resok>
export const ACCESS3resfail = struct({ obj_attributes: post_op_attr })
export type ACCESS3resfail = XdrValue<typeof ACCESS3resfail>
export const ACCESS3res = res3(ACCESS3resok, ACCESS3resfail)
export type ACCESS3res = XdrValue<typeof ACCESS3res>

// 3.3.5 READLINK

export const READLINK3args = struct({ symlink: nfs_fh3 })
export type READLINK3args = XdrValue<typeof READLINK3args>
export const READLINK3resok = struct({ symlink_attributes: post_op_attr, data: nfspath3 })
export type READLINK3resok = XdrValue<typeof READLINK3resok>
export const READLINK3resfail = struct({ symlink_attributes: post_op_attr })
export type READLINK3resfail = XdrValue<typeof READLINK3resfail>
export const READLINK3res = res3(READLINK3resok, READLINK3resfail)
export type READLINK3res = XdrValue<typeof READLINK3res>

// 3.3.6 READ

export const READ3args = struct({ file: nfs_fh3, offset: offset3, count: count3 })
export type READ3args = XdrValue<typeof READ3args>
/** `data` is borrowed: it must not change before the reply has been sent. */
export const READ3resok = struct({
  file_attributes: post_op_attr,
  count: count3,
  eof: bool,
  data: fileData(NFS3_DATA_MAX_BYTES),
})
export type READ3resok = XdrValue<typeof READ3resok>
export const READ3resfail = struct({ file_attributes: post_op_attr })
export type READ3resfail = XdrValue<typeof READ3resfail>
export const READ3res = res3(READ3resok, READ3resfail)
export type READ3res = XdrValue<typeof READ3res>

// 3.3.7 WRITE

export const stable_how = enumeration({ UNSTABLE: 0, DATA_SYNC: 1, FILE_SYNC: 2 })
export type stable_how = XdrValue<typeof stable_how>
/** `data` is a view into the receive buffer: borrowed until the result is there. */
export const WRITE3args = struct({
  file: nfs_fh3,
  offset: offset3,
  count: count3,
  stable: stable_how,
  data: fileData(NFS3_DATA_MAX_BYTES),
})
export type WRITE3args = XdrValue<typeof WRITE3args>
export const WRITE3resok = struct({
  file_wcc: wcc_data,
  count: count3,
  committed: stable_how,
  verf: writeverf3,
})
export type WRITE3resok = XdrValue<typeof WRITE3resok>
export const WRITE3resfail = struct({ file_wcc: wcc_data })
export type WRITE3resfail = XdrValue<typeof WRITE3resfail>
export const WRITE3res = res3(WRITE3resok, WRITE3resfail)
export type WRITE3res = XdrValue<typeof WRITE3res>

// 3.3.8 CREATE

export const createmode3 = enumeration({ UNCHECKED: 0, GUARDED: 1, EXCLUSIVE: 2 })
export type createmode3 = XdrValue<typeof createmode3>
const createattributes = struct({ obj_attributes: sattr3 })
export const createhow3 = union('mode', createmode3, {
  UNCHECKED: createattributes,
  GUARDED: createattributes,
  EXCLUSIVE: struct({ verf: createverf3 }),
})
export type createhow3 = XdrValue<typeof createhow3>
export const CREATE3args = struct({ where: diropargs3, how: createhow3 })
export type CREATE3args = XdrValue<typeof CREATE3args>
export const CREATE3resok = struct({ obj: post_op_fh3, obj_attributes: post_op_attr, dir_wcc: wcc_data })
export type CREATE3resok = XdrValue<typeof CREATE3resok>
export const CREATE3resfail = struct({ dir_wcc: wcc_data })
export type CREATE3resfail = XdrValue<typeof CREATE3resfail>
export const CREATE3res = res3(CREATE3resok, CREATE3resfail)
export type CREATE3res = XdrValue<typeof CREATE3res>

// 3.3.9 MKDIR, 3.3.10 SYMLINK, 3.3.11 MKNOD: their results are CREATE's

export const MKDIR3args = struct({ where: diropargs3, attributes: sattr3 })
export type MKDIR3args = XdrValue<typeof MKDIR3args>
export const MKDIR3res = CREATE3res
export type MKDIR3res = CREATE3res

export const symlinkdata3 = struct({ symlink_attributes: sattr3, symlink_data: nfspath3 })
export type symlinkdata3 = XdrValue<typeof symlinkdata3>
export const SYMLINK3args = struct({ where: diropargs3, symlink: symlinkdata3 })
export type SYMLINK3args = XdrValue<typeof SYMLINK3args>
export const SYMLINK3res = CREATE3res
export type SYMLINK3res = CREATE3res

const devicedata3 = struct({ dev_attributes: sattr3, spec: specdata3 })
const pipedata3 = struct({ pipe_attributes: sattr3 })
const notspecial = struct({})
/** The types that are not special files decode (RFC: `default: void`), so that the procedure can say BADTYPE. */
export const mknoddata3 = union('type', ftype3, {
  NF3CHR: devicedata3,
  NF3BLK: devicedata3,
  NF3SOCK: pipedata3,
  NF3FIFO: pipedata3,
  NF3REG: notspecial,
  NF3DIR: notspecial,
  NF3LNK: notspecial,
})
export type mknoddata3 = XdrValue<typeof mknoddata3>
export const MKNOD3args = struct({ where: diropargs3, what: mknoddata3 })
export type MKNOD3args = XdrValue<typeof MKNOD3args>
export const MKNOD3res = CREATE3res
export type MKNOD3res = CREATE3res

// 3.3.12 REMOVE, 3.3.13 RMDIR

export const REMOVE3args = struct({ object: diropargs3 })
export type REMOVE3args = XdrValue<typeof REMOVE3args>
export const REMOVE3resok = struct({ dir_wcc: wcc_data })
export type REMOVE3resok = XdrValue<typeof REMOVE3resok>
export const REMOVE3resfail = REMOVE3resok
export type REMOVE3resfail = REMOVE3resok
export const REMOVE3res = res3(REMOVE3resok, REMOVE3resfail)
export type REMOVE3res = XdrValue<typeof REMOVE3res>

export const RMDIR3args = REMOVE3args
export type RMDIR3args = REMOVE3args
export const RMDIR3res = REMOVE3res
export type RMDIR3res = REMOVE3res

// 3.3.14 RENAME

export const RENAME3args = struct({ from: diropargs3, to: diropargs3 })
export type RENAME3args = XdrValue<typeof RENAME3args>
export const RENAME3resok = struct({ fromdir_wcc: wcc_data, todir_wcc: wcc_data })
export type RENAME3resok = XdrValue<typeof RENAME3resok>
export const RENAME3resfail = RENAME3resok
export type RENAME3resfail = RENAME3resok
export const RENAME3res = res3(RENAME3resok, RENAME3resfail)
export type RENAME3res = XdrValue<typeof RENAME3res>

// 3.3.15 LINK

export const LINK3args = struct({ file: nfs_fh3, link: diropargs3 })
export type LINK3args = XdrValue<typeof LINK3args>
export const LINK3resok = struct({ file_attributes: post_op_attr, linkdir_wcc: wcc_data })
export type LINK3resok = XdrValue<typeof LINK3resok>
export const LINK3resfail = LINK3resok
export type LINK3resfail = LINK3resok
export const LINK3res = res3(LINK3resok, LINK3resfail)
export type LINK3res = XdrValue<typeof LINK3res>

// 3.3.16 READDIR

export const READDIR3args = struct({ dir: nfs_fh3, cookie: cookie3, cookieverf: cookieverf3, count: count3 })
export type READDIR3args = XdrValue<typeof READDIR3args>
export const entry3 = struct({ fileid: fileid3, name: filename3, cookie: cookie3 })
export type entry3 = XdrValue<typeof entry3>
export const dirlist3 = struct({ entries: linkedList(entry3), eof: bool })
export type dirlist3 = XdrValue<typeof dirlist3>
export const READDIR3resok = struct({
  dir_attributes: post_op_attr,
  cookieverf: cookieverf3,
  reply: dirlist3,
})
export type READDIR3resok = XdrValue<typeof READDIR3resok>
export const READDIR3resfail = struct({ dir_attributes: post_op_attr })
export type READDIR3resfail = XdrValue<typeof READDIR3resfail>
export const READDIR3res = res3(READDIR3resok, READDIR3resfail)
export type READDIR3res = XdrValue<typeof READDIR3res>

// 3.3.17 READDIRPLUS

export const READDIRPLUS3args = struct({
  dir: nfs_fh3,
  cookie: cookie3,
  cookieverf: cookieverf3,
  dircount: count3,
  maxcount: count3,
})
export type READDIRPLUS3args = XdrValue<typeof READDIRPLUS3args>
export const entryplus3 = struct({
  fileid: fileid3,
  name: filename3,
  cookie: cookie3,
  name_attributes: post_op_attr,
  name_handle: post_op_fh3,
})
export type entryplus3 = XdrValue<typeof entryplus3>
/** The list is by hand; it is the same as `linkedList(entryplus3)`. */
export const dirlistplus3 = struct({ entries: hot_entryplus3_list, eof: bool })
export type dirlistplus3 = XdrValue<typeof dirlistplus3>
export const READDIRPLUS3resok = struct({
  dir_attributes: post_op_attr,
  cookieverf: cookieverf3,
  reply: dirlistplus3,
})
export type READDIRPLUS3resok = XdrValue<typeof READDIRPLUS3resok>
export const READDIRPLUS3resfail = struct({ dir_attributes: post_op_attr })
export type READDIRPLUS3resfail = XdrValue<typeof READDIRPLUS3resfail>
export const READDIRPLUS3res = res3(READDIRPLUS3resok, READDIRPLUS3resfail)
export type READDIRPLUS3res = XdrValue<typeof READDIRPLUS3res>

// 3.3.18 FSSTAT

export const FSSTAT3args = struct({ fsroot: nfs_fh3 })
export type FSSTAT3args = XdrValue<typeof FSSTAT3args>
export const FSSTAT3resok = struct({
  obj_attributes: post_op_attr,
  tbytes: size3,
  fbytes: size3,
  abytes: size3,
  tfiles: size3,
  ffiles: size3,
  afiles: size3,
  invarsec: uint32,
})
export type FSSTAT3resok = XdrValue<typeof FSSTAT3resok>
export const FSSTAT3resfail = struct({ obj_attributes: post_op_attr })
export type FSSTAT3resfail = XdrValue<typeof FSSTAT3resfail>
export const FSSTAT3res = res3(FSSTAT3resok, FSSTAT3resfail)
export type FSSTAT3res = XdrValue<typeof FSSTAT3res>

// 3.3.19 FSINFO

/** The bits of FSINFO3resok.properties. */
export const FSF3_LINK = 0x0001
export const FSF3_SYMLINK = 0x0002
export const FSF3_HOMOGENEOUS = 0x0008
export const FSF3_CANSETTIME = 0x0010

export const FSINFO3args = struct({ fsroot: nfs_fh3 })
export type FSINFO3args = XdrValue<typeof FSINFO3args>
export const FSINFO3resok = struct({
  obj_attributes: post_op_attr,
  rtmax: uint32,
  rtpref: uint32,
  rtmult: uint32,
  wtmax: uint32,
  wtpref: uint32,
  wtmult: uint32,
  dtpref: uint32,
  maxfilesize: size3,
  time_delta: nfstime3,
  properties: uint32,
})
export type FSINFO3resok = XdrValue<typeof FSINFO3resok>
export const FSINFO3resfail = struct({ obj_attributes: post_op_attr })
export type FSINFO3resfail = XdrValue<typeof FSINFO3resfail>
export const FSINFO3res = res3(FSINFO3resok, FSINFO3resfail)
export type FSINFO3res = XdrValue<typeof FSINFO3res>

// 3.3.20 PATHCONF

export const PATHCONF3args = struct({ object: nfs_fh3 })
export type PATHCONF3args = XdrValue<typeof PATHCONF3args>
export const PATHCONF3resok = struct({
  obj_attributes: post_op_attr,
  linkmax: uint32,
  name_max: uint32,
  no_trunc: bool,
  chown_restricted: bool,
  case_insensitive: bool,
  case_preserving: bool,
})
export type PATHCONF3resok = XdrValue<typeof PATHCONF3resok>
export const PATHCONF3resfail = struct({ obj_attributes: post_op_attr })
export type PATHCONF3resfail = XdrValue<typeof PATHCONF3resfail>
export const PATHCONF3res = res3(PATHCONF3resok, PATHCONF3resfail)
export type PATHCONF3res = XdrValue<typeof PATHCONF3res>

// 3.3.21 COMMIT

export const COMMIT3args = struct({ file: nfs_fh3, offset: offset3, count: count3 })
export type COMMIT3args = XdrValue<typeof COMMIT3args>
export const COMMIT3resok = struct({ file_wcc: wcc_data, verf: writeverf3 })
export type COMMIT3resok = XdrValue<typeof COMMIT3resok>
export const COMMIT3resfail = struct({ file_wcc: wcc_data })
export type COMMIT3resfail = XdrValue<typeof COMMIT3resfail>
export const COMMIT3res = res3(COMMIT3resok, COMMIT3resfail)
export type COMMIT3res = XdrValue<typeof COMMIT3res>
