import { sameBytes } from '../../src/base/bytes.ts'
import type { ArgsOf, ResOf } from '../../src/oncrpc/rpc-request.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM } from '../../src/protocols/mount3/procedures.ts'
import { mountres3 } from '../../src/protocols/mount3/types.ts'
import type { fattr3, sattr3 } from '../../src/protocols/nfs3/basic-types.ts'
import { NFS3_PROCEDURES } from '../../src/protocols/nfs3/procedures.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { encodeXdr, type XdrCodec } from '../../src/xdr/codec.ts'
import { XdrReader } from '../../src/xdr/reader.ts'
import { SparseBytes } from '../model/sparse-bytes.ts'
import { ScriptedServer, type SeenCall } from '../oncrpc/scripted-server.ts'

type Procedures = typeof NFS3_PROCEDURES
export type NfsProcedure = keyof Procedures
export type NfsAnswers = {
  [Name in NfsProcedure]: (args: ArgsOf<Procedures[Name]>) => ResOf<Procedures[Name]>
}

/** What a test lets happen to a call: 'drop' and 'reset' happen after the server has done it, without an answer. */
export type Fault = 'drop' | 'reset' | 'refuse-connection' | FsStatus | undefined

interface MemoryObject {
  readonly id: number
  readonly type: 'NF3REG' | 'NF3DIR'
  mode: number
  names: Map<string, MemoryObject>
  sizeBytes: number
  content: SparseBytes
  /** What a crash goes back to; undefined: all is stable. */
  stable: { readonly sizeBytes: number; readonly content: SparseBytes } | undefined
  changes: number
}

const NO_WCC = { before: undefined, after: undefined }
const ENTRIES_PER_PAGE = 7

/**
 * An NFSv3 and MOUNT server on loopback whose files live in memory and whose UNSTABLE writes are lost in a crash. Only
 * files and directories. Every answer can be replaced, every call can be made to fail.
 */
export class MemoryNfsServer {
  readonly root = newObject(1, 'NF3DIR')
  readonly calls: { readonly procedure: NfsProcedure; readonly args: unknown }[] = []
  /** Answers in place of the server's own. */
  readonly answers: Partial<NfsAnswers> = {}
  fault: (procedure: NfsProcedure, args: unknown) => Fault = () => undefined
  /** Waited for before a call is carried out, and before it is answered: for calls that overtake each other. */
  before: (procedure: NfsProcedure) => Promise<void> | undefined = () => undefined
  after: (procedure: NfsProcedure) => Promise<void> | undefined = () => undefined
  verifier = 1
  /** Handles of another generation are stale. */
  generation = 1
  readTransferBytes = 65_536
  writeTransferBytes = 65_536
  #objects = new Map<number, MemoryObject>([[1, this.root]])
  #lastId = 1
  #server: ScriptedServer | undefined
  #port = 0

  static async start(): Promise<MemoryNfsServer> {
    const server = new MemoryNfsServer()
    await server.listen()
    return server
  }

  get url(): string {
    return `nfs://127.0.0.1/export?nfsport=${this.#port}&mountport=${this.#port}`
  }

  count(procedure: NfsProcedure): number {
    return this.calls.filter((call) => call.procedure === procedure).length
  }

  async listen(): Promise<void> {
    this.#server = await ScriptedServer.listen((call) => this.#serve(call), this.#port)
    this.#port = this.#server.target.port
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }

  /** What was not committed is gone, connections are cut, and the verifier is another one. */
  crash(): void {
    for (const object of this.#objects.values()) {
      if (object.stable === undefined) continue
      object.sizeBytes = object.stable.sizeBytes
      object.content = object.stable.content.copy()
      object.stable = undefined
    }
    this.verifier += 1
    for (const { socket } of this.#server?.connections ?? []) socket.resetAndDestroy()
  }

  object(path: string): MemoryObject | undefined {
    let object: MemoryObject | undefined = this.root
    for (const name of path.split('/').filter(Boolean)) object = object?.names.get(name)
    return object
  }

  add(path: string, type: 'NF3REG' | 'NF3DIR', data: Uint8Array = new Uint8Array(0)): MemoryObject {
    const at = path.lastIndexOf('/')
    const object = newObject(++this.#lastId, type)
    object.content.write(0, data)
    object.sizeBytes = data.length
    this.#objects.set(object.id, object)
    this.object(path.slice(0, at))!.names.set(path.slice(at + 1), object)
    return object
  }

  handle(object: MemoryObject): Uint8Array {
    const handle = Buffer.alloc(12)
    handle.writeUInt32BE(this.generation, 0)
    handle.writeUInt32BE(object.id, 8)
    return new Uint8Array(handle)
  }

  attributes(object: MemoryObject): fattr3 {
    const time = { seconds: object.changes, nanoseconds: 0 }
    return {
      type: object.type,
      mode: object.mode,
      nlink: 1,
      uid: 0,
      gid: 0,
      size: object.sizeBytes,
      used: object.sizeBytes,
      rdev: { specdata1: 0, specdata2: 0 },
      fsid: 1n,
      fileid: BigInt(object.id),
      atime: time,
      mtime: time,
      ctime: time,
    }
  }

  #serve(call: SeenCall): void {
    if (call.program === MOUNT3_PROGRAM) {
      const isMount = call.procedure === MOUNT3_PROCEDURES.MNT.number
      const value = { fhandle: this.handle(this.root), auth_flavors: [1] }
      call.connection.reply(call.xid, isMount ? encodeXdr(mountres3, { ok: true, value }) : new Uint8Array(0))
      return
    }
    const names = Object.keys(NFS3_PROCEDURES) as NfsProcedure[]
    const procedure = names.find((name) => NFS3_PROCEDURES[name].number === call.procedure)!
    const spec = NFS3_PROCEDURES[procedure]
    const args = (spec.args as XdrCodec<unknown>).decode(new XdrReader(call.args))
    this.calls.push({ procedure, args })
    const fault = this.fault(procedure, args)
    if (fault === 'refuse-connection') call.connection.reset()
    else void this.#carryOut(call, procedure, args, fault)
  }

  async #carryOut(call: SeenCall, procedure: NfsProcedure, args: unknown, fault: Fault): Promise<void> {
    await this.before(procedure)
    const isStatus = fault !== undefined && fault !== 'drop' && fault !== 'reset'
    const answer = isStatus ? failure(procedure, fault as FsStatus) : this.#answer(procedure, args)
    await this.after(procedure)
    if (fault === 'reset') call.connection.reset()
    if (fault === 'reset' || fault === 'drop') return
    const { res } = NFS3_PROCEDURES[procedure]
    call.connection.reply(call.xid, encodeXdr(res as XdrCodec<unknown>, answer))
  }

  #answer(procedure: NfsProcedure, args: unknown): unknown {
    const answers: Partial<NfsAnswers> = { ...this.#own, ...this.answers }
    const answer = answers[procedure] as ((args: unknown) => unknown) | undefined
    try {
      return answer?.(args) ?? failure(procedure, 'NOTSUPP')
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal
      return failure(procedure, refusal as FsStatus)
    }
  }

  /** Throws the status, not an error: the shortest way to say a refusal here. */
  #resolve(handle: Uint8Array, type?: 'NF3REG' | 'NF3DIR'): MemoryObject {
    const bytes = Buffer.from(handle)
    if (bytes.length !== 12) throw 'BADHANDLE'
    const object = this.#objects.get(bytes.readUInt32BE(8))
    if (object === undefined || bytes.readUInt32BE(0) !== this.generation) throw 'STALE'
    if (type !== undefined && object.type !== type) throw type === 'NF3DIR' ? 'NOTDIR' : 'ISDIR'
    return object
  }

  #make(where: { dir: Uint8Array; name: Uint8Array }, type: 'NF3REG' | 'NF3DIR', how: sattr3) {
    const directory = this.#resolve(where.dir, 'NF3DIR')
    const name = text(where.name)
    let object = directory.names.get(name)
    if (object !== undefined && type === 'NF3DIR') throw 'EXIST'
    if (object === undefined) {
      object = newObject(++this.#lastId, type)
      object.mode = how.mode ?? 0
      this.#objects.set(object.id, object)
      directory.names.set(name, object)
    }
    const value = { obj: this.handle(object), obj_attributes: this.attributes(object), dir_wcc: NO_WCC }
    return { ok: true, value } as const
  }

  #remove(what: { dir: Uint8Array; name: Uint8Array }, type: 'NF3REG' | 'NF3DIR') {
    const directory = this.#resolve(what.dir, 'NF3DIR')
    const object = directory.names.get(text(what.name))
    if (object === undefined) throw 'NOENT'
    if (object.type !== type) throw type === 'NF3DIR' ? 'NOTDIR' : 'ISDIR'
    if (object.names.size > 0) throw 'NOTEMPTY'
    directory.names.delete(text(what.name))
    this.#objects.delete(object.id)
    return { ok: true, value: { dir_wcc: NO_WCC } } as const
  }

  #verf(): Uint8Array {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(this.verifier, 4)
    return new Uint8Array(bytes)
  }

  readonly #own: Partial<NfsAnswers> = {
    GETATTR: ({ object }) => ({
      ok: true,
      value: { obj_attributes: this.attributes(this.#resolve(object)) },
    }),
    LOOKUP: ({ what }) => {
      const object = this.#resolve(what.dir, 'NF3DIR').names.get(text(what.name))
      if (object === undefined) throw 'NOENT'
      return {
        ok: true,
        value: {
          object: this.handle(object),
          obj_attributes: this.attributes(object),
          dir_attributes: undefined,
        },
      }
    },
    READ: ({ file, offset, count }) => {
      const object = this.#resolve(file, 'NF3REG')
      const countBytes = Math.max(0, Math.min(count, this.readTransferBytes, object.sizeBytes - offset))
      const data = object.content.read(offset, countBytes)
      const eof = offset + countBytes >= object.sizeBytes
      return { ok: true, value: { file_attributes: this.attributes(object), count: countBytes, eof, data } }
    },
    WRITE: ({ file, offset, data, stable }) => {
      const object = this.#resolve(file, 'NF3REG')
      if (stable === 'UNSTABLE')
        object.stable ??= { sizeBytes: object.sizeBytes, content: object.content.copy() }
      const taken = data.subarray(0, this.writeTransferBytes)
      object.content.write(offset, taken)
      object.sizeBytes = Math.max(object.sizeBytes, offset + taken.length)
      object.changes += 1
      const value = { file_wcc: NO_WCC, count: taken.length, committed: stable, verf: this.#verf() }
      return { ok: true, value }
    },
    COMMIT: ({ file }) => {
      this.#resolve(file, 'NF3REG').stable = undefined
      return { ok: true, value: { file_wcc: NO_WCC, verf: this.#verf() } }
    },
    SETATTR: ({ object: handle, new_attributes }) => {
      const object = this.#resolve(handle)
      if (new_attributes.size !== undefined) {
        object.sizeBytes = new_attributes.size
        object.content.cut(object.sizeBytes)
        // SETATTR is stable, so what a crash goes back to is cut, too.
        if (object.stable !== undefined) {
          const content = object.stable.content
          content.cut(object.sizeBytes)
          object.stable = { sizeBytes: object.sizeBytes, content }
        }
      }
      return { ok: true, value: { obj_wcc: NO_WCC } }
    },
    CREATE: ({ where, how }) => {
      if (how.mode === 'EXCLUSIVE') throw 'NOTSUPP'
      return this.#make(where, 'NF3REG', how.obj_attributes)
    },
    MKDIR: ({ where, attributes }) => this.#make(where, 'NF3DIR', attributes),
    REMOVE: ({ object }) => this.#remove(object, 'NF3REG'),
    RMDIR: ({ object }) => this.#remove(object, 'NF3DIR'),
    READDIR: ({ dir, cookie }) => {
      const { entries, eof } = this.#page(dir, cookie)
      const reply = { entries: entries.map(({ fileid, name, cookie }) => ({ fileid, name, cookie })), eof }
      return { ok: true, value: { dir_attributes: undefined, cookieverf: this.#verf(), reply } }
    },
    READDIRPLUS: ({ dir, cookie, cookieverf }) => {
      if (cookie !== 0n && !sameBytes(cookieverf, this.#verf())) throw 'BAD_COOKIE'
      return {
        ok: true,
        value: { dir_attributes: undefined, cookieverf: this.#verf(), reply: this.#page(dir, cookie) },
      }
    },
    FSSTAT: () => {
      const value = {
        tbytes: 1e12,
        fbytes: 5e11,
        abytes: 4e11,
        tfiles: 1e6,
        ffiles: 5e5,
        afiles: 5e5,
        invarsec: 0,
      }
      return { ok: true, value: { obj_attributes: undefined, ...value } }
    },
    FSINFO: () => ({
      ok: true,
      value: {
        obj_attributes: undefined,
        rtmax: this.readTransferBytes,
        rtpref: this.readTransferBytes,
        rtmult: 1,
        wtmax: this.writeTransferBytes,
        wtpref: this.writeTransferBytes,
        wtmult: 1,
        dtpref: 4096,
        maxfilesize: 2 ** 50,
        time_delta: { seconds: 1, nanoseconds: 0 },
        properties: 0,
      },
    }),
  }

  #page(dir: Uint8Array, cookie: bigint) {
    const directory = this.#resolve(dir, 'NF3DIR')
    const all = [['.', directory] as const, ['..', directory] as const, ...directory.names]
    const from = Number(cookie)
    const entries = all.slice(from, from + ENTRIES_PER_PAGE).map(([name, object], index) => ({
      fileid: BigInt(object.id),
      name: new Uint8Array(Buffer.from(name, 'latin1')),
      cookie: BigInt(from + index + 1),
      name_attributes: this.attributes(object),
      name_handle: this.handle(object),
    }))
    return { entries, eof: from + ENTRIES_PER_PAGE >= all.length }
  }
}

function newObject(id: number, type: 'NF3REG' | 'NF3DIR'): MemoryObject {
  return {
    id,
    type,
    mode: 0,
    names: new Map(),
    sizeBytes: 0,
    content: new SparseBytes(),
    stable: undefined,
    changes: 1,
  }
}

function text(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}

/** A refusal with empty attributes, in whatever shape the procedure has. */
function failure(procedure: NfsProcedure, status: FsStatus): unknown {
  const wcc = { file_wcc: NO_WCC, dir_wcc: NO_WCC, obj_wcc: NO_WCC }
  const attributes = { obj_attributes: undefined, dir_attributes: undefined, file_attributes: undefined }
  const fail = procedure === 'GETATTR' ? undefined : { ...wcc, ...attributes, symlink_attributes: undefined }
  return { ok: false, status, fail }
}
