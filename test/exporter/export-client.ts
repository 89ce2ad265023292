import { createHash } from 'node:crypto'
import { byteKey, ownBytes } from '../../src/base/bytes.ts'
import { RpcClient } from '../../src/oncrpc/rpc-client.ts'
import type { ArgsOf, ResOf } from '../../src/oncrpc/rpc-request.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM, MOUNT3_VERSION } from '../../src/protocols/mount3/procedures.ts'
import { NFS3_PROCEDURES, NFS3_PROGRAM, NFS3_VERSION } from '../../src/protocols/nfs3/procedures.ts'
import { okOf } from '../conformance/answers.ts'

const MOUNT = {
  name: 'mount',
  program: MOUNT3_PROGRAM,
  version: MOUNT3_VERSION,
  procedures: MOUNT3_PROCEDURES,
}
const NFS = { name: 'nfs', program: NFS3_PROGRAM, version: NFS3_VERSION, procedures: NFS3_PROCEDURES }

const PAGE_BYTES = 32_768
const READ_BYTES = 262_144

/** One object as a client finds it. */
export interface SeenObject {
  readonly handle: Uint8Array
  readonly fileid: bigint
  readonly type: string
  /** SHA-256 of the content of a file, the target of a link. */
  readonly content: string | undefined
}

/** A client of our own that asks for everything there is. */
export class ExportClient {
  readonly #rpc: RpcClient

  constructor(port: number) {
    const credentials = { flavor: 'sys', uid: 0, gid: 0, gids: [], machineName: Buffer.from('test') } as const
    this.#rpc = new RpcClient(
      { host: '127.0.0.1', port },
      { name: 'export', credentials, reservedPort: false },
    )
  }

  close(): Promise<void> {
    return this.#rpc.close()
  }

  nfs<Name extends keyof typeof NFS3_PROCEDURES & string>(
    name: Name,
    args: ArgsOf<(typeof NFS3_PROCEDURES)[Name]>,
  ): Promise<ResOf<(typeof NFS3_PROCEDURES)[Name]>> {
    return this.#rpc.call(NFS, name, args)
  }

  async mount(path: string): Promise<Uint8Array> {
    const answer = await this.#rpc.call(MOUNT, 'MNT', Buffer.from(path))
    if (!answer.ok) throw new Error(`${path} was not mounted: ${answer.status}`)
    return ownBytes(answer.value.fhandle)
  }

  /** Reads all of a tree through every reading procedure. By path, one character a byte; the root is "". */
  async readAll(exportPath: string, readMaxBytes = 1 << 24): Promise<Map<string, SeenObject>> {
    const seen = new Map<string, SeenObject>()
    const root = await this.mount(exportPath)
    okOf(await this.nfs('FSSTAT', { fsroot: root }))
    okOf(await this.nfs('FSINFO', { fsroot: root }))
    const visit = async (path: string, handle: Uint8Array): Promise<void> => {
      const { obj_attributes } = okOf(await this.nfs('GETATTR', { object: handle }))
      okOf(await this.nfs('ACCESS', { object: handle, access: 0x3f }))
      const { fileid, type, size } = obj_attributes
      let content: string | undefined
      if (type === 'NF3REG') content = await this.#digest(handle, Math.min(Number(size), readMaxBytes))
      if (type === 'NF3LNK') {
        content = byteKey(okOf(await this.nfs('READLINK', { symlink: handle })).data)
      }
      seen.set(path, { handle, fileid: BigInt(fileid), type: String(type), content })
      if (type !== 'NF3DIR') return
      for (const { name, child } of await this.list(handle)) {
        const found = okOf(await this.nfs('LOOKUP', { what: { dir: handle, name } }))
        if (Buffer.compare(found.object, child) !== 0)
          throw new Error(`two handles for ${path}/${byteKey(name)}`)
        await visit(`${path}/${byteKey(name)}`, child)
      }
    }
    await visit('', root)
    return seen
  }

  /** All names of a directory with their handles, without "." and "..". */
  async list(dir: Uint8Array): Promise<{ name: Uint8Array; child: Uint8Array }[]> {
    const found: { name: Uint8Array; child: Uint8Array }[] = []
    let cookie: ArgsOf<(typeof NFS3_PROCEDURES)['READDIRPLUS']>['cookie'] = 0n
    for (;;) {
      const args = { dir, cookie, cookieverf: new Uint8Array(8), dircount: PAGE_BYTES, maxcount: PAGE_BYTES }
      const { reply } = okOf(await this.nfs('READDIRPLUS', args))
      for (const entry of reply.entries) {
        cookie = entry.cookie
        const name = ownBytes(entry.name)
        if (['.', '..'].includes(byteKey(name))) continue
        if (entry.name_handle === undefined) throw new Error(`no handle with ${byteKey(name)}`)
        found.push({ name, child: ownBytes(entry.name_handle) })
      }
      if (reply.eof) return found
    }
  }

  async #digest(file: Uint8Array, sizeBytes: number): Promise<string> {
    const hash = createHash('sha256')
    for (let offset = 0; offset < sizeBytes; offset += READ_BYTES) {
      const count = Math.min(READ_BYTES, sizeBytes - offset)
      hash.update(okOf(await this.nfs('READ', { file, offset, count })).data)
    }
    return hash.digest('hex')
  }
}
