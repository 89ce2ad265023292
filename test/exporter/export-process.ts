import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, '../../src/main.ts')
const START_MAX_MS = 30_000

export interface StartOptions {
  readonly allowAtime?: boolean
  /** Put before the program: to start it with fewer rights, or in another namespace. */
  readonly prefix?: readonly string[]
}

/** A running image server in a process of its own. */
export class ExportProcess {
  readonly port: number
  readonly said: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number, said: string) {
    this.#child = child
    this.port = port
    this.said = said
  }

  static async start(
    stateDir: string,
    directories: readonly string[],
    options: StartOptions = {},
  ): Promise<ExportProcess> {
    const flags = [
      '--state',
      stateDir,
      '--listen',
      '127.0.0.1:0',
      ...(options.allowAtime ? ['--allow-atime'] : []),
    ]
    const own = [process.execPath, PROGRAM, 'export', ...flags, ...directories]
    const [program, ...args] = [...(options.prefix ?? []), ...own]
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const port = new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => child.kill('SIGKILL'), START_MAX_MS)
      const hear = (chunk: Buffer) => {
        said += chunk.toString()
        const found = /listening on 127\.0\.0\.1:(\d+)/.exec(said)
        if (found === null) return
        clearTimeout(late)
        resolve(Number(found[1]))
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.on('close', (code) => {
        clearTimeout(late)
        reject(new Error(`the image server ended with exit code ${code}: ${said}`))
      })
    })
    return new ExportProcess(child, await port, said)
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The exit code, or the signal's name. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode!
    this.#child.kill(signal)
    const [code, by] = (await once(this.#child, 'exit')) as [number | null, string | null]
    return code ?? by!
  }
}
