import { ExportClient } from '../exporter/export-client.ts'

const NO_CHANGES = {
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  atime: undefined,
  mtime: undefined,
}

/** A client that names files of one view's root and reads and writes them whole. */
export class ViewClient {
  readonly #client: ExportClient
  readonly #root: Uint8Array

  private constructor(client: ExportClient, root: Uint8Array) {
    this.#client = client
    this.#root = root
  }

  static async mount(port: number, view: string): Promise<ViewClient> {
    const client = new ExportClient(port)
    return new ViewClient(client, await client.mount(`/${view}`))
  }

  /** The file's handle, made if it was not there. */
  async create(name: string): Promise<Uint8Array> {
    const where = { dir: this.#root, name: Buffer.from(name) }
    const how = { mode: 'UNCHECKED', obj_attributes: NO_CHANGES } as const
    const made = await this.#client.nfs('CREATE', { where, how })
    if (!made.ok || made.value.obj === undefined) throw new Error(`CREATE ${name}: ${JSON.stringify(made)}`)
    return new Uint8Array(made.value.obj)
  }

  async write(name: string, text: string): Promise<void> {
    await this.writeAt(await this.create(name), 0, text)
  }

  /** Acknowledged as stable when it resolves. */
  async writeAt(file: Uint8Array, offset: number, text: string): Promise<void> {
    const data = Buffer.from(text)
    const args = { file, offset, count: data.length, stable: 'FILE_SYNC', data } as const
    const written = await this.#client.nfs('WRITE', args)
    if (!written.ok) throw new Error(`WRITE: ${written.status}`)
  }

  /** The whole (small) file, or the status of the refusal. */
  async read(name: string): Promise<string> {
    const found = await this.#client.nfs('LOOKUP', { what: { dir: this.#root, name: Buffer.from(name) } })
    return found.ok ? this.readHandle(found.value.object) : found.status
  }

  async readHandle(file: Uint8Array): Promise<string> {
    const read = await this.#client.nfs('READ', { file: new Uint8Array(file), offset: 0, count: 65_536 })
    return read.ok ? Buffer.from(read.value.data).toString() : read.status
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
