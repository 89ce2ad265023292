import { lstatSync } from 'node:fs'
import { type RowfsProcess, runRowfs } from '../rig/proxy-process.ts'
import { CALLERS, ROOT_CALLER } from './operation.ts'
import { mount } from './rpc-message.ts'
import { RpcSocket } from './rpc-socket.ts'
import { diskPath, type SeedTree } from './seed-tree.ts'
import type { Subject } from './subject.ts'
import { type Line, WireView } from './wire-view.ts'

const NANOSECONDS_PER_SECOND = 1_000_000_000n
/** Far enough apart that two views never use the same xid for different calls. */
const XIDS_PER_VIEW = 0x0400_0000

/** A real proxy process, with one connection for every view. */
export class WireSubject implements Subject {
  readonly #proxy: RowfsProcess
  readonly #state: string
  readonly #lines = new Map<string, Line>()
  readonly #views = new Map<string, WireView>()

  constructor(proxy: RowfsProcess, state: string) {
    this.#proxy = proxy
    this.#state = state
  }

  async view(name: string): Promise<WireView> {
    const known = this.#views.get(name)
    if (known !== undefined) return known
    const { port } = this.#proxy
    const line: Line = { socket: await RpcSocket.open(port) }
    const root = () => mount(port, `/${name}`, CALLERS[ROOT_CALLER]!)
    const view = new WireView(line, this.#views.size * XIDS_PER_VIEW, root)
    this.#lines.set(name, line)
    this.#views.set(name, view)
    return view
  }

  async restart(how: 'clean' | 'kill'): Promise<void> {
    if (how === 'kill') await this.#proxy.kill()
    else await this.#stop()
    await this.#proxy.start()
    await this.reconnect()
  }

  /** After the proxy was started again by others. */
  async reconnect(): Promise<void> {
    for (const line of this.#lines.values()) {
      line.socket.close()
      line.socket = await RpcSocket.open(this.#proxy.port)
    }
  }

  async problems(view: string): Promise<readonly string[]> {
    const { exitCode, stdout, stderr } = await runRowfs(['view', 'check', view, '--state', this.#state])
    return exitCode === 0 ? [] : [stdout.toString(), stderr.toString()]
  }

  async close(): Promise<void> {
    for (const line of this.#lines.values()) line.socket.close()
    await this.#stop()
  }

  async #stop(): Promise<void> {
    const { exitCode, signal } = await this.#proxy.stop()
    if (exitCode !== 0)
      throw new Error(`SIGTERM: exit code ${exitCode}, signal ${signal}\n${this.#proxy.log}`)
  }
}

/** The tree as it is in the directory: nobody can set a ctime, so it is read. */
export function withRealCtimes(tree: SeedTree, directory: string): SeedTree {
  return tree.map((entry) => {
    const { ctimeNs } = lstatSync(diskPath(directory, entry.path), { bigint: true })
    const ctime = {
      seconds: Number(ctimeNs / NANOSECONDS_PER_SECOND),
      nanoseconds: Number(ctimeNs % NANOSECONDS_PER_SECOND),
    }
    return { ...entry, ctime }
  })
}
