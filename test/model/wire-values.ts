import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { fattr3, ftype3, sattr3, wcc_data } from '../../src/protocols/nfs3/basic-types.ts'
import type {
  CREATE3res,
  createhow3,
  mknoddata3,
  REMOVE3res,
  stable_how,
} from '../../src/protocols/nfs3/types.ts'
import type { NodeType, TimeChange } from '../../src/vfs/attributes.ts'
import type { Stability } from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { Role } from './expected.ts'
import type { Changes, How, Special } from './operation.ts'
import type { Answer, Handle, ListAnswer, SeenAttributes } from './subject.ts'

/** Between the words of the wire and those of the model. */

const NODE_TYPE: Readonly<Record<ftype3, NodeType>> = {
  NF3REG: 'file',
  NF3DIR: 'directory',
  NF3BLK: 'block',
  NF3CHR: 'character',
  NF3LNK: 'symlink',
  NF3SOCK: 'socket',
  NF3FIFO: 'fifo',
}

export const STABLE_HOW: Readonly<Record<Stability, stable_how>> = {
  unstable: 'UNSTABLE',
  'data-sync': 'DATA_SYNC',
  'file-sync': 'FILE_SYNC',
}

export const STABILITY: Readonly<Record<stable_how, Stability>> = {
  UNSTABLE: 'unstable',
  DATA_SYNC: 'data-sync',
  FILE_SYNC: 'file-sync',
}

export function handleText(bytes: Uint8Array): Handle {
  return Buffer.from(bytes).toString('hex')
}

export function handleBytes(handle: Handle): Uint8Array {
  return new Uint8Array(Buffer.from(handle, 'hex'))
}

type WireLooks = { readonly [role in Role]?: fattr3 | Partial<SeenAttributes> | undefined }

export function ok(looks: WireLooks): Answer {
  return { status: 'OK', looks: seenLooks(looks) }
}

export function refused(status: FsStatus, looks: WireLooks): Answer {
  return { status, looks: seenLooks(looks) }
}

export function wcc(role: 'object' | 'directory' | 'to', { before, after }: wcc_data): WireLooks {
  const seen = before && { sizeBytes: before.size, mtime: before.mtime, ctime: before.ctime }
  return { [`${role}.before`]: seen, [role]: after }
}

export function made(result: CREATE3res): Answer {
  if (!result.ok) return refused(result.status, wcc('directory', result.fail.dir_wcc))
  const { obj, obj_attributes, dir_wcc } = result.value
  const answer = ok({ ...wcc('directory', dir_wcc), object: obj_attributes })
  return obj === undefined ? answer : { ...answer, handle: handleText(obj) }
}

export function removed(result: REMOVE3res): Answer {
  return result.ok
    ? ok(wcc('directory', result.value.dir_wcc))
    : refused(result.status, wcc('directory', result.fail.dir_wcc))
}

function seenLooks(looks: WireLooks): Answer['looks'] {
  const seen: Partial<Record<Role, Partial<SeenAttributes>>> = {}
  for (const role of Object.keys(looks) as Role[]) {
    const look = looks[role]
    if (look !== undefined) seen[role] = 'size' in look ? seenAttributes(look) : look
  }
  return seen
}

export function seenAttributes(attributes: fattr3): SeenAttributes {
  const { mode, nlink, uid, gid, size, used, rdev, fsid, fileid, atime, mtime, ctime } = attributes
  return {
    type: NODE_TYPE[attributes.type],
    mode,
    nlink,
    uid,
    gid,
    sizeBytes: size,
    usedBytes: used,
    rdevMajor: rdev.specdata1,
    rdevMinor: rdev.specdata2,
    fsid,
    fileid,
    atime,
    mtime,
    ctime,
  }
}

export function sattr(changes: Changes): sattr3 {
  const { mode, uid, gid, sizeBytes } = changes
  const time = (change: TimeChange | undefined) => (change === 'server' ? 'SET_TO_SERVER_TIME' : change)
  return { mode, uid, gid, size: sizeBytes, atime: time(changes.atime), mtime: time(changes.mtime) }
}

export function createHow(how: How): createhow3 {
  if (how.mode === 'exclusive') return { mode: 'EXCLUSIVE', verf: fromByteKey(how.verifier) }
  return { mode: how.mode === 'guarded' ? 'GUARDED' : 'UNCHECKED', obj_attributes: sattr(how.changes) }
}

export function special(wanted: Special, changes: Changes): mknoddata3 {
  switch (wanted.type) {
    case 'block':
    case 'character': {
      const spec = { specdata1: wanted.rdevMajor, specdata2: wanted.rdevMinor }
      const type = wanted.type === 'block' ? 'NF3BLK' : 'NF3CHR'
      return { type, dev_attributes: sattr(changes), spec }
    }
    case 'socket':
      return { type: 'NF3SOCK', pipe_attributes: sattr(changes) }
    case 'fifo':
      return { type: 'NF3FIFO', pipe_attributes: sattr(changes) }
    case 'file':
      return { type: 'NF3REG' }
    case 'directory':
      return { type: 'NF3DIR' }
    case 'symlink':
      return { type: 'NF3LNK' }
  }
}

export function refusedList(status: FsStatus, directory: fattr3 | undefined): ListAnswer {
  const seen = directory && seenAttributes(directory)
  return { status, entries: [], eof: false, directory: seen }
}

interface WireEntry {
  readonly fileid: bigint
  readonly name: Uint8Array
  readonly cookie: bigint
  readonly name_attributes?: fattr3 | undefined
  readonly name_handle?: Uint8Array | undefined
}

export function listAnswer(listing: {
  readonly dir_attributes: fattr3 | undefined
  readonly reply: { readonly entries: readonly WireEntry[]; readonly eof: boolean }
}): ListAnswer {
  const { dir_attributes, reply } = listing
  return {
    status: 'OK',
    eof: reply.eof,
    directory: dir_attributes && seenAttributes(dir_attributes),
    entries: reply.entries.map(({ name, fileid, cookie, name_attributes, name_handle }) => ({
      name: byteKey(name),
      fileid,
      cookie,
      attributes: name_attributes && seenAttributes(name_attributes),
      handle: name_handle && handleText(name_handle),
    })),
  }
}
