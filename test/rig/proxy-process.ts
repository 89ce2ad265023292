import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { CrashPoint } from '../../src/base/crash-points.ts'
import { freePort } from './free-port.ts'
import { type CommandResult, runCommand } from './run-command.ts'
import { waitForPort } from './wait-for-port.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const READY_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const LOG_KEPT_CHARACTERS = 1024 * 1024
const LOG_SHOWN_LINES = 30

/** How a rowfs process ended. */
export interface ProcessEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

export interface RowfsPlace {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** NFS and MOUNT. Default: a free port; give one in a namespace. */
  readonly port?: number
  /** Puts a command line into a network namespace (NetworkNamespace.wrap). Default: the namespace we are in. */
  readonly wrap?: (argv: readonly string[]) => string[]
  /** Networks that may mount; default: rowfs' own, loopback. */
  readonly allow?: readonly string[]
  /** More arguments, as they are. */
  readonly extraArguments?: readonly string[]
}

export interface ExportOptions extends RowfsPlace {
  /** Each is exported as /NAME, where it is given as DIR:NAME. */
  readonly directories: readonly string[]
  /** Keeps the key of the handles. */
  readonly state: string
}

export interface ProxyOptions extends RowfsPlace {
  /** nfs://HOST/PATH?nfsport=N&mountport=N */
  readonly base: string
  /** The state directory. */
  readonly state: string
  /** A directory or an nfs:// URL; default: in the state directory. */
  readonly shadow?: string
  readonly views?: readonly string[]
  readonly portmap?: boolean
  readonly crashPoint?: RowfsCrashPoint
}

/** A named place in the write path, and how often it is passed before the process dies there. */
export type RowfsCrashPoint = CrashPoint | `${CrashPoint}:${number}`

/** `rowfs proxy` or `rowfs export` as a child process. It dies with us. */
export class RowfsProcess {
  readonly host: string
  readonly port: number
  readonly #command: readonly string[]
  readonly #wrap: (argv: readonly string[]) => string[]
  #child: ChildProcess | undefined
  #ended: Promise<ProcessEnd> | undefined
  #log = ''

  private constructor(command: readonly string[], place: RowfsPlace, port: number) {
    this.host = place.host ?? '127.0.0.1'
    this.port = port
    this.#wrap = place.wrap ?? ((argv) => [...argv])
    const allow = (place.allow ?? []).flatMap((network) => ['--allow', network])
    const listen = ['--listen', `${this.host}:${port}`]
    this.#command = [...command, ...listen, ...allow, ...(place.extraArguments ?? [])]
  }

  static async startProxy(options: ProxyOptions): Promise<RowfsProcess> {
    const command = ['proxy', '--base', options.base, '--state', options.state]
    if (options.shadow !== undefined) command.push('--shadow', options.shadow)
    for (const view of options.views ?? []) command.push('--view', view)
    if (options.portmap) command.push('--portmap')
    return RowfsProcess.#start(command, options, options.crashPoint)
  }

  static async startExport(options: ExportOptions): Promise<RowfsProcess> {
    const command = ['export', ...options.directories, '--state', options.state]
    return RowfsProcess.#start(command, options, undefined)
  }

  static async #start(
    command: readonly string[],
    place: RowfsPlace,
    crashPoint: RowfsCrashPoint | undefined,
  ): Promise<RowfsProcess> {
    const rowfs = new RowfsProcess(command, place, place.port ?? (await freePort()))
    await rowfs.start(crashPoint)
    return rowfs
  }

  get pid(): number {
    return this.#child!.pid!
  }

  /** What it wrote to standard output and error, over all its starts; the last megabyte. */
  get log(): string {
    return this.#log
  }

  /** Resolves when the process that runs now has ended, by a crash point for instance. */
  get ended(): Promise<ProcessEnd> {
    return this.#ended!
  }

  /** An export of this server as `--base` takes it: "/NAME", or a view. */
  url(path: string): string {
    return `nfs://${this.host}${path}?nfsport=${this.port}&mountport=${this.port}`
  }

  /** Starts it again, on the same port and with the same arguments, after `kill` or `stop`. */
  async start(crashPoint?: RowfsCrashPoint): Promise<void> {
    const [program, ...argv] = this.#wrap([
      ...['setpriv', '--pdeathsig', 'KILL', '--'],
      ...[process.execPath, MAIN, ...this.#command],
    ])
    const env = { ...process.env, ROWFS_CRASH_POINT: crashPoint ?? '' }
    const child = spawn(program!, argv, { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#log = (this.#log + data.toString()).slice(-LOG_KEPT_CHARACTERS)
      })
    }
    this.#ended = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#log += `${error}\n`
        resolve({ exitCode: null, signal: null })
      })
      child.on('close', (exitCode, signal) => resolve({ exitCode, signal }))
    })
    await this.#waitUntilReady(child)
  }

  /** SIGKILL, as a crash: nothing is flushed. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  /** Stops answering but keeps its connections, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** SIGTERM. It has to end by itself; when it does not it is killed, and how it ended says so. */
  async stop(): Promise<ProcessEnd> {
    this.resume()
    this.#child?.kill('SIGTERM')
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const end = await this.#ended!
    clearTimeout(timer)
    return end
  }

  async #waitUntilReady(child: ChildProcess): Promise<void> {
    const { host, port } = this
    const wrap = this.#wrap
    const isOver = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined
    if (await waitForPort({ host, port, wrap, isOver, timeoutMs: READY_TIMEOUT_MS })) return
    await this.kill()
    const said = this.#log.trim().split('\n').slice(-LOG_SHOWN_LINES).join('\n')
    throw new Error(`rowfs does not listen on ${host}:${port}: ${this.#command.join(' ')}\n${said}`)
  }
}

/** Runs a rowfs command to its end: `view diff`, `status`, … */
export function runRowfs(
  args: readonly string[],
  place: Pick<RowfsPlace, 'wrap'> = {},
): Promise<CommandResult> {
  const argv = [process.execPath, MAIN, ...args]
  return runCommand(place.wrap?.(argv) ?? argv)
}
