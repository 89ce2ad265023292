import type { XdrCodec } from '../../xdr/codec.ts'
import { XdrError } from '../../xdr/errors.ts'
import { getQuantity64, setQuantity64 } from '../../xdr/quantity.ts'
import type { fattr3, nfstime3 } from './basic-types.ts'
import { FTYPE3, FTYPE3_NAMES } from './ftype3.ts'

/** Length of a fattr3 on the wire: it has no optional part. */
export const FATTR3_BYTES = 84

/**
 * fattr3 by hand: it is in nearly every reply, and a thousand times in a listing. The table in basic-types.ts says
 * what it must be, and a test compares the two.
 */
export const hot_fattr3: XdrCodec<fattr3> = {
  encode(writer, value) {
    const at = writer.claim(FATTR3_BYTES)
    setFattr3(writer.view, at, value)
  },
  decode: (reader) => getFattr3(reader.view, reader.claim(FATTR3_BYTES)),
}

export function setFattr3(view: DataView, at: number, value: fattr3): void {
  view.setUint32(at, FTYPE3[value.type])
  view.setUint32(at + 4, value.mode)
  view.setUint32(at + 8, value.nlink)
  view.setUint32(at + 12, value.uid)
  view.setUint32(at + 16, value.gid)
  setQuantity64(view, at + 20, value.size)
  setQuantity64(view, at + 28, value.used)
  view.setUint32(at + 36, value.rdev.specdata1)
  view.setUint32(at + 40, value.rdev.specdata2)
  view.setBigUint64(at + 44, value.fsid)
  view.setBigUint64(at + 52, value.fileid)
  setTime(view, at + 60, value.atime)
  setTime(view, at + 68, value.mtime)
  setTime(view, at + 76, value.ctime)
}

export function getFattr3(view: DataView, at: number): fattr3 {
  const type = FTYPE3_NAMES[view.getUint32(at)]
  if (type === undefined) throw new XdrError(`ftype3 of unknown value ${view.getUint32(at)}`, at)
  return {
    type,
    mode: view.getUint32(at + 4),
    nlink: view.getUint32(at + 8),
    uid: view.getUint32(at + 12),
    gid: view.getUint32(at + 16),
    size: getQuantity64(view, at + 20),
    used: getQuantity64(view, at + 28),
    rdev: { specdata1: view.getUint32(at + 36), specdata2: view.getUint32(at + 40) },
    fsid: view.getBigUint64(at + 44),
    fileid: view.getBigUint64(at + 52),
    atime: getTime(view, at + 60),
    mtime: getTime(view, at + 68),
    ctime: getTime(view, at + 76),
  }
}

function setTime(view: DataView, at: number, time: nfstime3): void {
  view.setUint32(at, time.seconds)
  view.setUint32(at + 4, time.nanoseconds)
}

function getTime(view: DataView, at: number): nfstime3 {
  return { seconds: view.getUint32(at), nanoseconds: view.getUint32(at + 4) }
}
