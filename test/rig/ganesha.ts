import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { runCommand } from './run-command.ts'

export interface GaneshaExport {
  /** The host directory; clients mount it by this path. */
  readonly directory: string
  readonly readOnly?: boolean
}

export interface GaneshaPorts {
  readonly nfs: number
  readonly mount: number
  readonly portmap: number
}

export interface GaneshaOptions {
  readonly exports: readonly GaneshaExport[]
  /** Default: free ports of the loopback interface. */
  readonly ports?: GaneshaPorts
  /** Puts a command line into a network namespace (NetworkNamespace.wrap); default: the namespace we are in. */
  readonly wrap?: (argv: readonly string[]) => string[]
}

const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 5_000
const POLL_MS = 50
/** The kernel kills it when the test process is gone, however that ended. */
const DIE_WITH_US = ['--pdeathsig', 'KILL']

/**
 * An unmodified nfs-ganesha (VFS back end) with the portmapper it must register with. Both have a mount namespace of
 * their own: a private /run for rpcbind's socket, and an /etc/services that tells rpcbind its port, so that many can
 * run at once beside the host's own. Needs root. Whoever starts it calls `stop`.
 */
export class Ganesha {
  readonly host = '127.0.0.1'
  readonly ports: GaneshaPorts
  readonly #options: GaneshaOptions
  readonly #folder: string
  #rpcbind: ChildProcess | undefined
  #server: ChildProcess | undefined
  readonly #endWithUs = () => this.#killAll()

  private constructor(options: GaneshaOptions, ports: GaneshaPorts) {
    this.#options = options
    this.ports = ports
    this.#folder = mkdtempSync(join(tmpdir(), 'rowfs-ganesha-'))
    process.on('exit', this.#endWithUs)
  }

  static async start(options: GaneshaOptions): Promise<Ganesha> {
    const ganesha = new Ganesha(options, options.ports ?? (await freePorts()))
    try {
      await ganesha.#startPortmapper()
      await ganesha.startServer()
      return ganesha
    } catch (error) {
      await ganesha.stop()
      throw error
    }
  }

  /** The URL of an export as `--base` and `--shadow` take it. */
  url(directory: string, settings: Readonly<Record<string, string | number>> = {}): string {
    const query = { nfsport: this.ports.nfs, mountport: this.ports.mount, ...settings }
    const text = Object.entries(query).map(([name, value]) => `${name}=${value}`)
    return `nfs://${this.host}${encodeURI(directory)}?${text.join('&')}`
  }

  /** Starts the server again after `kill`; returns when it answers on both ports. */
  async startServer(): Promise<void> {
    const server = spawn('setpriv', [
      ...DIE_WITH_US,
      'nsenter',
      ...['-t', String(this.#rpcbind!.pid), '-m', '-n'],
      ...['ganesha.nfsd', '-F', '-N', 'NIV_WARN'],
      ...['-L', join(this.#folder, 'ganesha.log'), '-f', this.#settingsFile()],
      ...['-p', join(this.#folder, 'ganesha.pid')],
    ])
    this.#server = server
    const deadline = performance.now() + START_TIMEOUT_MS
    for (const port of [this.ports.nfs, this.ports.mount]) {
      while (!(await this.#listens(port))) {
        if (server.exitCode !== null || performance.now() > deadline) {
          throw new Error(`nfs-ganesha does not listen on port ${port}:\n${this.#log()}`)
        }
        await sleep(POLL_MS)
      }
    }
  }

  /** SIGKILL: what the server had not committed may be lost with it; its files are the kernel's already. */
  async kill(): Promise<void> {
    await end(this.#server, 'SIGKILL')
  }

  /** The server stops answering but keeps its connections, until `resume`. Returns when none of its threads runs. */
  async pause(): Promise<void> {
    this.#server?.kill('SIGSTOP')
    const tasks = `/proc/${this.#server?.pid}/task`
    const isStopped = (task: string) =>
      /^State:\s+T/m.test(readFileSync(join(tasks, task, 'status'), 'latin1'))
    while (!readdirSync(tasks).every(isStopped)) await sleep(1)
  }

  resume(): void {
    this.#server?.kill('SIGCONT')
  }

  /**
   * Killed and started again: same ports, same handles, another write verifier (ganesha's is the second in which it
   * started, so one second is waited for).
   */
  async restart(): Promise<void> {
    await this.kill()
    await sleep(1000)
    await this.startServer()
  }

  async stop(): Promise<void> {
    this.resume()
    await end(this.#server, 'SIGTERM')
    await end(this.#rpcbind, 'SIGKILL')
    process.off('exit', this.#endWithUs)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #startPortmapper(): Promise<void> {
    const services = join(this.#folder, 'services')
    const entry = (protocol: string) => `sunrpc ${this.ports.portmap}/${protocol} portmapper`
    writeFileSync(services, `${entry('tcp')}\n${entry('udp')}\n`)
    const script = `mount -t tmpfs none /run && mkdir -p /run/rpcbind /run/ganesha /var/lib/nfs/ganesha &&
      mount --bind "$0" /etc/services && rpcbind -f & wait`
    // The shell is the first process of a PID namespace, so rpcbind ends with it (it changes its user, which loses
    // the wish to die with its parent).
    const shut = ['unshare', '-m', '--propagation', 'private', '--pid', '--kill-child']
    const argv = ['setpriv', ...DIE_WITH_US, ...shut, 'sh', '-c', script, services]
    const [program, ...args] = this.#options.wrap?.(argv) ?? argv
    this.#rpcbind = spawn(program!, args, { stdio: 'ignore' })
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!(await this.#listens(this.ports.portmap))) {
      if (this.#rpcbind.exitCode !== null || performance.now() > deadline) {
        throw new Error(`rpcbind does not listen on port ${this.ports.portmap}`)
      }
      await sleep(POLL_MS)
    }
  }

  async #listens(port: number): Promise<boolean> {
    const argv = ['bash', '-c', `exec 3<>/dev/tcp/${this.host}/${port}`]
    return (await runCommand(this.#options.wrap?.(argv) ?? argv)).exitCode === 0
  }

  #settingsFile(): string {
    const file = join(this.#folder, 'ganesha.conf')
    const recovery = join(this.#folder, 'recovery')
    mkdirSync(recovery, { recursive: true })
    writeFileSync(file, settings(this.#options.exports, this.ports, recovery))
    return file
  }

  #log(): string {
    const names = readdirSync(this.#folder).filter((name) => name === 'ganesha.log')
    return names.map((name) => readFileSync(join(this.#folder, name), 'utf8').slice(-4000)).join('')
  }

  #killAll(): void {
    this.#server?.kill('SIGKILL')
    this.#rpcbind?.kill('SIGKILL')
  }
}

function settings(exports: readonly GaneshaExport[], ports: GaneshaPorts, recovery: string): string {
  const blocks = exports.map(
    ({ directory, readOnly }, index) =>
      `EXPORT { Export_Id = ${index + 1}; Path = "${directory}"; Pseudo = "${directory}";
        Access_Type = ${readOnly ? 'RO' : 'RW'}; Squash = None; FSAL { Name = VFS; } }`,
  )
  return `NFS_CORE_PARAM { Protocols = 3; NFS_Port = ${ports.nfs}; MNT_Port = ${ports.mount};
      Enable_NLM = false; Enable_RQUOTA = false; Plugins_Dir = /usr/lib/${machine()}/ganesha; }
    NFSV4 { Graceless = true; RecoveryRoot = "${recovery}"; }
    EXPORT_DEFAULTS { SecType = sys, none; Protocols = 3; Transports = TCP, UDP; PrivilegedPort = false; }
    LOG { Default_Log_Level = WARN; }
    ${blocks.join('\n')}\n`
}

/** Debian's multiarch folder: where ganesha's back ends lie. */
function machine(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
}

async function freePorts(): Promise<GaneshaPorts> {
  const [nfs, mount, portmap] = await Promise.all([freePort(), freePort(), freePort()])
  return { nfs, mount, portmap }
}

async function end(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}
