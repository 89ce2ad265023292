import type { FsStatus } from '../../vfs/status.ts'
import {
  array,
  linkedList,
  opaque,
  string,
  struct,
  uint32,
  type XdrCodec,
  type XdrValue,
} from '../../xdr/codec.ts'
import { XdrError } from '../../xdr/errors.ts'

// The types of the MOUNT protocol, version 3 (RFC 1813 appendix I), with its names.

export const MNTPATHLEN = 1024
export const MNTNAMLEN = 255
export const FHSIZE3 = 64
/** Most authentication flavors in a MNT reply that are decoded; servers list a handful. */
export const AUTH_FLAVORS_MAX = 32

/** mountstat3 of success (RFC 1813 section 5.1.5). */
export const MNT3_OK = 0

/** mountstat3 of every failure (RFC 1813 section 5.1.5): a part of the NFSv3 names, with the same numbers. */
export const MOUNTSTAT3 = {
  PERM: 1,
  NOENT: 2,
  IO: 5,
  ACCES: 13,
  NOTDIR: 20,
  INVAL: 22,
  NAMETOOLONG: 63,
  NOTSUPP: 10004,
  SERVERFAULT: 10006,
} as const satisfies Partial<Record<FsStatus, number>>

export type MountStatus = keyof typeof MOUNTSTAT3

const STATUS_OF_NUMBER: ReadonlyMap<number, MountStatus> = new Map(
  (Object.keys(MOUNTSTAT3) as MountStatus[]).map((status) => [MOUNTSTAT3[status], status]),
)

export const fhandle3 = opaque(FHSIZE3)
export const dirpath = string(MNTPATHLEN)
export const name = string(MNTNAMLEN)

export const mountres3_ok = struct({ fhandle: fhandle3, auth_flavors: array(uint32, AUTH_FLAVORS_MAX) })
export type mountres3_ok = XdrValue<typeof mountres3_ok>

/** The shape of FsResult, with the statuses that MOUNT has. */
export type mountres3 =
  | { readonly ok: true; readonly value: mountres3_ok }
  | { readonly ok: false; readonly status: MountStatus; readonly fail: undefined }

export const mountres3: XdrCodec<mountres3> = {
  encode(writer, result) {
    writer.uint32(result.ok ? MNT3_OK : MOUNTSTAT3[result.status])
    if (result.ok) mountres3_ok.encode(writer, result.value)
  },
  decode(reader) {
    const number = reader.uint32()
    if (number === MNT3_OK) return { ok: true, value: mountres3_ok.decode(reader) }
    const status = STATUS_OF_NUMBER.get(number)
    if (status === undefined) throw new XdrError(`mountstat3 of unknown value ${number}`, reader.position - 4)
    return { ok: false, status, fail: undefined }
  },
}

/** One line of DUMP: which host has mounted what. */
export const mountbody = struct({ ml_hostname: name, ml_directory: dirpath })
export type mountbody = XdrValue<typeof mountbody>
export const mountlist = linkedList(mountbody)
export type mountlist = XdrValue<typeof mountlist>

/** One line of EXPORT: a path, and the groups that may mount it (none: everybody). */
export const exportnode = struct({ ex_dir: dirpath, ex_groups: linkedList(name) })
export type exportnode = XdrValue<typeof exportnode>
export const exports = linkedList(exportnode)
export type exports = XdrValue<typeof exports>
