import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { Timestamp } from '../../src/base/clock.ts'
import type { Attributes } from '../../src/vfs/attributes.ts'
import { FsFault } from '../../src/vfs/faults.ts'
import type {
  Caller,
  CreateHow,
  CreateResult,
  FileSystem,
  NodeId,
  SpecialNode,
  Wcc,
} from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { Role } from './expected.ts'
import { bytesOf, type Call } from './operation.ts'
import type { Answer, Handle, ListAnswer, ListPage, SubjectView } from './subject.ts'

type Looks = Partial<Record<Role, Attributes>>

/** A FileSystem in this process, asked as nfsd asks it. */
export class FileSystemView implements SubjectView {
  readonly overTheWire = false
  readonly #fs: FileSystem

  constructor(fs: FileSystem) {
    this.#fs = fs
  }

  async root(): Promise<Handle> {
    return this.#handle(this.#fs.root, this.#fs.generationOf(this.#fs.root))
  }

  async perform(caller: Caller, call: Call, guardCtime: Timestamp | undefined): Promise<Answer> {
    try {
      const handles = [
        'node' in call ? call.node : '',
        'directory' in call ? call.directory : '',
        'toDirectory' in call ? call.toDirectory : '',
      ]
      for (const handle of handles.filter((each) => each !== '')) {
        const resolved = await this.#fs.resolve(nodeOf(handle), generationOf(handle))
        if (!resolved.ok) return refused(resolved.status)
      }
      return await this.#ask(caller, call, guardCtime)
    } catch (error) {
      if (error instanceof FsFault) return { status: error.status, looks: {} }
      throw error
    }
  }

  async list(caller: Caller, directory: Handle, page: ListPage): Promise<ListAnswer> {
    try {
      return await this.#list(caller, directory, page)
    } catch (error) {
      if (error instanceof FsFault) return refusedList(error.status, undefined)
      throw error
    }
  }

  async #list(caller: Caller, directory: Handle, page: ListPage): Promise<ListAnswer> {
    const resolved = await this.#fs.resolve(nodeOf(directory), generationOf(directory))
    if (!resolved.ok) return refusedList(resolved.status, undefined)
    const options = { maxEntries: page.size, withAttributes: page.plus }
    const result = await this.#fs.readdir(caller, nodeOf(directory), Number(page.afterCookie), options)
    if (!result.ok) return refusedList(result.status, result.fail.attributes)
    const { eof, attributes, entries } = result.value
    return {
      status: 'OK',
      eof,
      directory: attributes,
      entries: entries.map((entry) => ({
        name: byteKey(entry.name),
        fileid: BigInt(entry.node),
        cookie: BigInt(entry.cookie),
        attributes: entry.attributes,
        handle: page.plus ? this.#handle(entry.node, entry.generation) : undefined,
      })),
    }
  }

  #handle(node: NodeId, generation: number): Handle {
    return `${node}.${generation}.${this.#fs.fsid}`
  }

  async #ask(caller: Caller, call: Call, guardCtime: Timestamp | undefined): Promise<Answer> {
    const fs = this.#fs
    switch (call.do) {
      case 'getattr': {
        const result = await fs.getattr(caller, nodeOf(call.node))
        return result.ok ? ok({ object: result.value }) : refused(result.status)
      }
      case 'setattr': {
        const result = await fs.setattr(caller, nodeOf(call.node), call.changes, guardCtime)
        return result.ok ? ok(object(result.value.wcc)) : refused(result.status, object(result.fail.wcc))
      }
      case 'access': {
        const result = await fs.access(caller, nodeOf(call.node), call.wanted)
        if (!result.ok) return refused(result.status, { object: result.fail.attributes })
        return { ...ok({ object: result.value.attributes }), granted: result.value.granted }
      }
      case 'readlink': {
        const result = await fs.readlink(caller, nodeOf(call.node))
        if (!result.ok) return refused(result.status, { object: result.fail.attributes })
        return { ...ok({ object: result.value.attributes }), target: byteKey(result.value.target) }
      }
      case 'fsstat': {
        const result = await fs.fsstat(caller, nodeOf(call.node))
        if (!result.ok) return refused(result.status, { object: result.fail.attributes })
        return ok({ object: result.value.attributes })
      }
      case 'fsinfo':
      case 'pathconf':
        throw new Error(`${call.do} is not asked of the port`)
      case 'read':
      case 'write':
      case 'commit':
        return this.#askData(caller, call)
      default:
        return this.#askNames(caller, call)
    }
  }

  async #askData(caller: Caller, call: Extract<Call, { do: 'read' | 'write' | 'commit' }>): Promise<Answer> {
    const node = nodeOf(call.node)
    const verifier = () => Buffer.from(this.#fs.writeVerifier).toString('hex')
    if (call.do === 'read') {
      const into = new Uint8Array(call.countBytes).fill(0xee)
      const result = await this.#fs.read(caller, node, call.offsetBytes, into)
      if (!result.ok) return refused(result.status, { object: result.fail.attributes })
      const { countBytes, eof, attributes } = result.value
      return { ...ok({ object: attributes }), eof, data: into.subarray(0, countBytes) }
    }
    if (call.do === 'commit') {
      const result = await this.#fs.commit(caller, node)
      if (!result.ok) return refused(result.status, object(result.fail.wcc))
      return { ...ok(object(result.value.wcc)), verifier: verifier() }
    }
    const { offsetBytes, stability } = call
    const result = await this.#fs.write(caller, node, offsetBytes, bytesOf(call.data), stability)
    if (!result.ok) return refused(result.status, object(result.fail.wcc))
    const { wcc, committed } = result.value
    return { ...ok(object(wcc)), committed, verifier: verifier() }
  }

  async #askNames(
    caller: Caller,
    call: Extract<
      Call,
      { do: 'lookup' | 'create' | 'mkdir' | 'symlink' | 'mknod' | 'remove' | 'rmdir' | 'rename' | 'link' }
    >,
  ): Promise<Answer> {
    const fs = this.#fs
    const directory = nodeOf(call.directory)
    const name = fromByteKey(call.name)
    switch (call.do) {
      case 'lookup': {
        const result = await fs.lookup(caller, directory, name)
        if (!result.ok) return refused(result.status, { directory: result.fail.attributes })
        const { node, generation, attributes } = result.value.object
        const looks = { object: attributes, directory: result.value.directory }
        return { ...ok(looks), handle: this.#handle(node, generation) }
      }
      case 'create':
        return this.#made(await fs.create(caller, directory, name, howOf(call.how)))
      case 'mkdir':
        return this.#made(await fs.mkdir(caller, directory, name, call.changes))
      case 'symlink':
        return this.#made(await fs.symlink(caller, directory, name, fromByteKey(call.target), call.changes))
      case 'mknod':
        return this.#made(await fs.mknod(caller, directory, name, call.special as SpecialNode, call.changes))
      case 'remove':
      case 'rmdir': {
        const result = await fs[call.do](caller, directory, name)
        return result.ok
          ? ok(inDirectory(result.value.wcc))
          : refused(result.status, inDirectory(result.fail.wcc))
      }
      case 'rename': {
        const to = nodeOf(call.toDirectory)
        const result = await fs.rename(caller, directory, name, to, fromByteKey(call.toName))
        const wcc = result.ok ? result.value : result.fail
        const looks = {
          ...inDirectory(wcc.from),
          'to.before': wcc.to.before,
          to: wcc.to.after,
        }
        return result.ok ? ok(looks) : refused(result.status, looks)
      }
      case 'link': {
        const result = await fs.link(caller, nodeOf(call.node), directory, name)
        const { attributes, wcc } = result.ok ? result.value : result.fail
        const looks = { ...inDirectory(wcc), object: attributes }
        return result.ok ? ok(looks) : refused(result.status, looks)
      }
    }
  }

  #made(result: CreateResult): Answer {
    if (!result.ok) return refused(result.status, inDirectory(result.fail.wcc))
    const { node, generation, attributes } = result.value.object
    const looks = { object: attributes, ...inDirectory(result.value.wcc) }
    return { ...ok(looks), handle: this.#handle(node, generation) }
  }
}

function refusedList(status: FsStatus, directory: Attributes | undefined): ListAnswer {
  return { status, entries: [], eof: false, directory }
}

function howOf(how: Extract<Call, { do: 'create' }>['how']): CreateHow {
  return how.mode === 'exclusive' ? { mode: 'exclusive', verifier: fromByteKey(how.verifier) } : how
}

function nodeOf(handle: Handle): NodeId {
  return Number(handle.split('.')[0]) as NodeId
}

function generationOf(handle: Handle): number {
  return Number(handle.split('.')[1])
}

type MaybeLooks = { readonly [role in Role]?: Attributes | undefined }

function ok(looks: MaybeLooks): Answer {
  return { status: 'OK', looks: present(looks) }
}

function refused(status: FsStatus, looks: MaybeLooks = {}): Answer {
  return { status, looks: present(looks) }
}

function present(looks: MaybeLooks): Looks {
  return Object.fromEntries(Object.entries(looks).filter(([, look]) => look !== undefined))
}

function object(wcc: Wcc): MaybeLooks {
  return { 'object.before': wcc.before, object: wcc.after }
}

function inDirectory(wcc: Wcc): MaybeLooks {
  return { 'directory.before': wcc.before, directory: wcc.after }
}
