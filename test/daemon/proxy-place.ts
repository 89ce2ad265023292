import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProxyOptions, RowfsProcess } from '../rig/proxy-process.ts'
import { ViewClient } from './view-client.ts'

/** An image server and proxies over it, in a directory of their own; `end` stops and removes all of it. */
export class ProxyPlace {
  readonly directory = mkdtempSync(join(tmpdir(), 'rowfs-proxy-'))
  readonly image = join(this.directory, 'image')
  readonly state = join(this.directory, 'state')
  #server: RowfsProcess | undefined
  readonly #running: { stop(): Promise<unknown> }[] = []

  constructor() {
    mkdirSync(join(this.image, 'etc'), { recursive: true })
    writeFileSync(join(this.image, 'motd'), 'from the image\n')
    writeFileSync(join(this.image, 'gone'), 'will be removed\n')
    writeFileSync(join(this.image, 'etc', 'hostname'), 'image\n')
  }

  async startImageServer(): Promise<RowfsProcess> {
    const directories = [`${this.image}:image`]
    const state = join(this.directory, 'export')
    const extraArguments = process.getuid?.() === 0 ? [] : ['--allow-atime']
    this.#server = await RowfsProcess.startExport({ directories, state, extraArguments })
    this.#running.push(this.#server)
    return this.#server
  }

  async startProxy(options: Partial<ProxyOptions> = {}): Promise<RowfsProcess> {
    const base = this.#server?.url('/image') ?? (await this.startImageServer()).url('/image')
    const proxy = await RowfsProcess.startProxy({ base, state: this.state, ...options })
    this.#running.push(proxy)
    return proxy
  }

  async mount(proxy: RowfsProcess, view = 'default'): Promise<ViewClient> {
    const client = await ViewClient.mount(proxy.port, view)
    this.#running.push({ stop: () => client.close() })
    return client
  }

  async end(): Promise<void> {
    for (const each of this.#running.splice(0).reverse()) await each.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
