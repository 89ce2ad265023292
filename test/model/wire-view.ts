import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { Timestamp } from '../../src/base/clock.ts'
import { NFS3_COOKIEVERFSIZE } from '../../src/protocols/nfs3/basic-types.ts'
import { FILE_NAME_MAX_BYTES, LINK_MAX, MAX_FILE_SIZE_BYTES } from '../../src/vfs/attributes.ts'
import type { Caller } from '../../src/vfs/file-system.ts'
import { bytesOf, type Call } from './operation.ts'
import { type Nfs3Name, type Nfs3Res, nfs3Call, nfs3Result } from './rpc-message.ts'
import { ConnectionLostError, type RpcSocket } from './rpc-socket.ts'
import type { Answer, Handle, ListAnswer, ListPage, SubjectView } from './subject.ts'
import * as wire from './wire-values.ts'

/** What a listing with no entry takes: attributes, verifier, "no more", eof. */
const LISTING_FIXED_BYTES = 4 + 84 + NFS3_COOKIEVERFSIZE + 4 + 4
/** The longest entry of READDIRPLUS: the name with its frame, attributes and handle. */
const ENTRY_MAX_BYTES = 4 + 8 + 4 + 256 + 8 + 4 + 84 + 4 + 4 + 64

/** Where a view's calls go now; another socket after every restart. */
export interface Line {
  socket: RpcSocket
}

type Perform = { readonly [Do in Call['do']]: (call: Extract<Call, { do: Do }>) => Exchange }

/** A call and how its answer reads. */
interface Exchange {
  readonly message: Uint8Array
  readonly read: (reply: Uint8Array) => Answer
}

/** A view at the end of a socket. Checks besides what only the wire shows: byte counts and fixed values. */
export class WireView implements SubjectView {
  readonly overTheWire = true
  readonly #line: Line
  readonly #rootOf: () => Promise<Uint8Array>
  #nextXid: number
  #last: Exchange | undefined

  constructor(line: Line, firstXid: number, rootOf: () => Promise<Uint8Array>) {
    this.#line = line
    this.#nextXid = firstXid
    this.#rootOf = rootOf
  }

  async root(): Promise<Handle> {
    return wire.handleText(await this.#rootOf())
  }

  async perform(caller: Caller, call: Call, guardCtime: Timestamp | undefined): Promise<Answer> {
    this.#last = this.#exchange(caller, call, guardCtime)
    return this.repeatLast()()
  }

  /** Sends the last call: the same bytes with the same xid, over the connection that there is then. */
  repeatLast(): () => Promise<Answer> {
    const { message, read } = this.#last!
    return async () => read(await this.#line.socket.call(message))
  }

  /**
   * Sends a call and does not wait for the reply but for `crash`; then the same bytes go over the new connection,
   * as a client's do. What a write had before it may be its own first time.
   */
  async performAcross(
    caller: Caller,
    call: Call,
    guardCtime: Timestamp | undefined,
    crash: () => Promise<void>,
  ): Promise<Answer> {
    const first = this.perform(caller, call, guardCtime).catch((error: unknown) => {
      if (!(error instanceof ConnectionLostError)) throw error
    })
    const repeat = this.repeatLast()
    await crash()
    await first
    const answer = await repeat()
    return call.do === 'write' ? { ...answer, unsure: ['object.before'] } : answer
  }

  async list(caller: Caller, directory: Handle, page: ListPage): Promise<ListAnswer> {
    const dir = wire.handleBytes(directory)
    const cookieverf = new Uint8Array(NFS3_COOKIEVERFSIZE)
    for (let count = LISTING_FIXED_BYTES + page.size * 40; ; count += ENTRY_MAX_BYTES) {
      const args = { dir, cookie: page.afterCookie, cookieverf }
      const answer = page.plus
        ? await this.#readdirplus(caller, { ...args, dircount: count, maxcount: count * 2 })
        : await this.#readdir(caller, { ...args, count })
      if (answer.status !== 'TOOSMALL') return answer
      if (count > LISTING_FIXED_BYTES + ENTRY_MAX_BYTES) throw new Error(`TOOSMALL for ${count} bytes`)
    }
  }

  async #readdir(
    caller: Caller,
    args: { dir: Uint8Array; cookie: bigint; cookieverf: Uint8Array; count: number },
  ): Promise<ListAnswer> {
    const { result, lengthBytes } = await this.#ask(caller, 'READDIR', args)
    if (!result.ok) return wire.refusedList(result.status, result.fail.dir_attributes)
    checkBytes(lengthBytes, args.count)
    return wire.listAnswer(result.value)
  }

  async #readdirplus(
    caller: Caller,
    args: { dir: Uint8Array; cookie: bigint; cookieverf: Uint8Array; dircount: number; maxcount: number },
  ): Promise<ListAnswer> {
    const { result, lengthBytes } = await this.#ask(caller, 'READDIRPLUS', args)
    if (!result.ok) return wire.refusedList(result.status, result.fail.dir_attributes)
    checkBytes(lengthBytes, args.maxcount)
    const names = result.value.reply.entries.slice(1).map(({ name }) => 8 + 4 + name.length + 8)
    const namesBytes = names.reduce((sum, bytes) => sum + bytes, 0)
    if (namesBytes > args.dircount) throw new Error(`${namesBytes} bytes of names, dircount ${args.dircount}`)
    return wire.listAnswer(result.value)
  }

  async #ask<Name extends Nfs3Name>(caller: Caller, name: Name, args: Parameters<typeof nfs3Call<Name>>[3]) {
    const message = nfs3Call(this.#xid(), caller, name, args)
    return nfs3Result(name, await this.#line.socket.call(message))
  }

  #xid(): number {
    this.#nextXid = (this.#nextXid + 1) >>> 0
    return this.#nextXid
  }

  #exchange(caller: Caller, call: Call, guardCtime: Timestamp | undefined): Exchange {
    const of = <Name extends Nfs3Name>(
      name: Name,
      args: Parameters<typeof nfs3Call<Name>>[3],
      read: (result: Nfs3Res<Name>) => Answer,
    ): Exchange => ({
      message: nfs3Call(this.#xid(), caller, name, args),
      read: (reply) => read(nfs3Result(name, reply).result),
    })
    const perform: Perform = {
      ...objectCalls(of, guardCtime),
      ...dataCalls(of),
      ...nameCalls(of),
    }
    return (perform[call.do] as (call: Call) => Exchange)(call)
  }
}

type Of = <Name extends Nfs3Name>(
  name: Name,
  args: Parameters<typeof nfs3Call<Name>>[3],
  read: (result: Nfs3Res<Name>) => Answer,
) => Exchange

function objectCalls(of: Of, guard: Timestamp | undefined) {
  return {
    getattr: (call) =>
      of('GETATTR', { object: wire.handleBytes(call.node) }, (result) =>
        result.ok ? wire.ok({ object: result.value.obj_attributes }) : wire.refused(result.status, {}),
      ),
    setattr: (call) => {
      const args = { object: wire.handleBytes(call.node), new_attributes: wire.sattr(call.changes), guard }
      return of('SETATTR', args, (result) => {
        const looks = wire.wcc('object', result.ok ? result.value.obj_wcc : result.fail.obj_wcc)
        return result.ok ? wire.ok(looks) : wire.refused(result.status, looks)
      })
    },
    access: (call) =>
      of('ACCESS', { object: wire.handleBytes(call.node), access: call.wanted }, (result) =>
        result.ok
          ? { ...wire.ok({ object: result.value.obj_attributes }), granted: result.value.access }
          : wire.refused(result.status, { object: result.fail.obj_attributes }),
      ),
    readlink: (call) =>
      of('READLINK', { symlink: wire.handleBytes(call.node) }, (result) =>
        result.ok
          ? { ...wire.ok({ object: result.value.symlink_attributes }), target: byteKey(result.value.data) }
          : wire.refused(result.status, { object: result.fail.symlink_attributes }),
      ),
    fsstat: (call) =>
      of('FSSTAT', { fsroot: wire.handleBytes(call.node) }, (result) => {
        if (!result.ok) return wire.refused(result.status, { object: result.fail.obj_attributes })
        const { tbytes, fbytes, abytes } = result.value
        check(tbytes >= fbytes && fbytes >= abytes && tbytes > 0, 'FSSTAT does not add up')
        return wire.ok({ object: result.value.obj_attributes })
      }),
    fsinfo: (call) =>
      of('FSINFO', { fsroot: wire.handleBytes(call.node) }, (result) => {
        if (!result.ok) return wire.refused(result.status, { object: result.fail.obj_attributes })
        const { rtmax, wtmax, rtpref, wtpref, maxfilesize } = result.value
        check(rtmax >= rtpref && wtmax >= wtpref && rtpref > 0 && wtpref > 0, 'FSINFO does not add up')
        check(maxfilesize === MAX_FILE_SIZE_BYTES, `FSINFO maxfilesize ${maxfilesize}`)
        return wire.ok({ object: result.value.obj_attributes })
      }),
    pathconf: (call) =>
      of('PATHCONF', { object: wire.handleBytes(call.node) }, (result) => {
        if (!result.ok) return wire.refused(result.status, { object: result.fail.obj_attributes })
        const { linkmax, name_max, no_trunc, chown_restricted, case_insensitive } = result.value
        check(linkmax === LINK_MAX && name_max === FILE_NAME_MAX_BYTES, 'PATHCONF limits')
        check(no_trunc && chown_restricted && !case_insensitive, 'PATHCONF flags')
        return wire.ok({ object: result.value.obj_attributes })
      }),
  } satisfies Partial<Perform>
}

function dataCalls(of: Of) {
  return {
    read: (call) => {
      const args = { file: wire.handleBytes(call.node), offset: call.offsetBytes, count: call.countBytes }
      return of('READ', args, (result) => {
        if (!result.ok) return wire.refused(result.status, { object: result.fail.file_attributes })
        const { file_attributes, count, eof, data } = result.value
        check(count === data.length, `READ count ${count} with ${data.length} bytes`)
        return { ...wire.ok({ object: file_attributes }), eof, data }
      })
    },
    write: (call) => {
      const data = bytesOf(call.data)
      const args = {
        file: wire.handleBytes(call.node),
        offset: call.offsetBytes,
        count: data.length,
        stable: wire.STABLE_HOW[call.stability],
        data,
      }
      return of('WRITE', args, (result) => {
        if (!result.ok) return wire.refused(result.status, wire.wcc('object', result.fail.file_wcc))
        const { file_wcc, count, committed, verf } = result.value
        check(count === data.length, `WRITE count ${count} of ${data.length} bytes`)
        const verifier = Buffer.from(verf).toString('hex')
        return { ...wire.ok(wire.wcc('object', file_wcc)), committed: wire.STABILITY[committed], verifier }
      })
    },
    commit: (call) => {
      const args = { file: wire.handleBytes(call.node), offset: call.offsetBytes, count: call.countBytes }
      return of('COMMIT', args, (result) => {
        if (!result.ok) return wire.refused(result.status, wire.wcc('object', result.fail.file_wcc))
        const verifier = Buffer.from(result.value.verf).toString('hex')
        return { ...wire.ok(wire.wcc('object', result.value.file_wcc)), verifier }
      })
    },
  } satisfies Partial<Perform>
}

function nameCalls(of: Of) {
  const where = (call: { readonly directory: Handle; readonly name: string }) => ({
    dir: wire.handleBytes(call.directory),
    name: fromByteKey(call.name),
  })
  return {
    lookup: (call) =>
      of('LOOKUP', { what: where(call) }, (result) => {
        if (!result.ok) return wire.refused(result.status, { directory: result.fail.dir_attributes })
        const { object, obj_attributes, dir_attributes } = result.value
        const looks = { object: obj_attributes, directory: dir_attributes }
        return { ...wire.ok(looks), handle: wire.handleText(object) }
      }),
    create: (call) => of('CREATE', { where: where(call), how: wire.createHow(call.how) }, wire.made),
    mkdir: (call) => of('MKDIR', { where: where(call), attributes: wire.sattr(call.changes) }, wire.made),
    symlink: (call) => {
      const symlink = { symlink_attributes: wire.sattr(call.changes), symlink_data: fromByteKey(call.target) }
      return of('SYMLINK', { where: where(call), symlink }, wire.made)
    },
    mknod: (call) =>
      of('MKNOD', { where: where(call), what: wire.special(call.special, call.changes) }, wire.made),
    remove: (call) => of('REMOVE', { object: where(call) }, wire.removed),
    rmdir: (call) => of('RMDIR', { object: where(call) }, wire.removed),
    rename: (call) => {
      const to = where({ directory: call.toDirectory, name: call.toName })
      return of('RENAME', { from: where(call), to }, (result) => {
        const { fromdir_wcc, todir_wcc } = result.ok ? result.value : result.fail
        const looks = { ...wire.wcc('directory', fromdir_wcc), ...wire.wcc('to', todir_wcc) }
        return result.ok ? wire.ok(looks) : wire.refused(result.status, looks)
      })
    },
    link: (call) =>
      of('LINK', { file: wire.handleBytes(call.node), link: where(call) }, (result) => {
        const { file_attributes, linkdir_wcc } = result.ok ? result.value : result.fail
        const looks = { ...wire.wcc('directory', linkdir_wcc), object: file_attributes }
        return result.ok ? wire.ok(looks) : wire.refused(result.status, looks)
      }),
  } satisfies Partial<Perform>
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

/** `count` and `maxcount` are of the result without its status (READDIR3resok). */
function checkBytes(resultBytes: number, countBytes: number): void {
  check(resultBytes - 4 <= countBytes, `a listing of ${resultBytes - 4} bytes for a count of ${countBytes}`)
}
