import type { fattr3, ftype3 } from '../protocols/nfs3/basic-types.ts'
import { type Attributes, MAX_FILE_SIZE_BYTES, MODE_MASK, type NodeType } from '../vfs/attributes.ts'

const NODE_TYPES: Readonly<Record<ftype3, NodeType>> = {
  NF3REG: 'file',
  NF3DIR: 'directory',
  NF3BLK: 'block',
  NF3CHR: 'character',
  NF3LNK: 'symlink',
  NF3SOCK: 'socket',
  NF3FIFO: 'fifo',
}

/** Undefined if the file is longer than MAX_FILE_SIZE_BYTES: offsets in it would not be exact. */
export function attributesOf(wire: fattr3): Attributes | undefined {
  if (wire.size > MAX_FILE_SIZE_BYTES) return undefined
  return {
    type: NODE_TYPES[wire.type],
    // Some servers put the type bits of st_mode in, too.
    mode: wire.mode & MODE_MASK,
    nlink: wire.nlink,
    uid: wire.uid,
    gid: wire.gid,
    sizeBytes: wire.size,
    usedBytes: Math.min(wire.used, MAX_FILE_SIZE_BYTES),
    rdevMajor: wire.rdev.specdata1,
    rdevMinor: wire.rdev.specdata2,
    fsid: wire.fsid,
    fileid: wire.fileid,
    atime: wire.atime,
    mtime: wire.mtime,
    ctime: wire.ctime,
  }
}
