import type { ChildProcess } from 'node:child_process'
import type { AgentCommand, GuestChannel } from './guest-channel.ts'
import type { CommandResult } from './run-command.ts'

/** An NFS export to mount. */
export interface GuestMount {
  readonly server: string
  readonly export: string
  /** Where; default /mnt/nfs. */
  readonly at?: string
  /** Default 2049; 0 asks the server's portmapper. */
  readonly nfsPort?: number
  /** Default: the same port as NFS (rowfs has both on one). 0 asks the server's portmapper. */
  readonly mountPort?: number
  /** More mount options, comma-separated: "ro,noac". */
  readonly options?: string
}

export interface GuestCommandOptions extends Omit<AgentCommand, 'argv'> {
  /** Default two minutes. */
  readonly timeoutMs?: number
}

/** The guest's kernel died or its process ended; the message ends with what its console said. */
export class GuestDiedError extends Error {
  override readonly name = 'GuestDiedError'
}
/** A command did not end in time; the message ends with its output so far and the kernel's messages. */
export class GuestTimeoutError extends Error {
  override readonly name = 'GuestTimeoutError'
}
/** The export could not be mounted; the message has mount's own words and the kernel's. */
export class GuestMountError extends Error {
  override readonly name = 'GuestMountError'
}
/** A command that had to succeed did not. */
export class GuestCommandError extends Error {
  override readonly name = 'GuestCommandError'
}

export const DEFAULT_MOUNT_POINT = '/mnt/nfs'
const DEFAULT_NFS_PORT = 2049
const DEFAULT_COMMAND_TIMEOUT_MS = 120_000
const MOUNT_TIMEOUT_MS = 60_000
const SWITCH_OFF_TIMEOUT_MS = 10_000
const CONSOLE_KEPT_BYTES = 64 * 1024
const SHOWN_LINES = 25

/** A booted machine with an agent in it. Made by `startUmlGuest` or `startQemuGuest`. */
export class Guest {
  readonly address: string
  readonly #process: ChildProcess
  readonly #channel: GuestChannel
  readonly #exited: Promise<void>
  readonly #dispose: () => void
  #console = ''
  #switchedOff = false

  /** `dispose` is called once, when the machine's process has ended. The process's stdout and stderr are its console. */
  constructor(
    process: ChildProcess,
    channel: GuestChannel,
    options: { readonly address: string; readonly dispose: () => void },
  ) {
    this.address = options.address
    this.#process = process
    this.#channel = channel
    this.#dispose = options.dispose
    for (const stream of [process.stdout!, process.stderr!]) {
      stream.on('data', (data: Buffer) => {
        this.#console = (this.#console + data.toString('latin1')).slice(-CONSOLE_KEPT_BYTES)
      })
    }
    this.#exited = new Promise((resolve) => {
      process.on('error', (error) => {
        this.#channel.fail(error)
        resolve()
      })
      process.on('close', (code, signal) => {
        const how = this.#switchedOff ? 'was switched off' : `died (exit code ${code}, signal ${signal})`
        this.#channel.fail(new GuestDiedError(`the guest ${how}\nconsole: ${lastLines(this.#console)}`))
        resolve()
      })
    })
  }

  /** Waits for the agent. When it does not come the machine is ended. */
  async waitUntilUp(timeoutMs: number): Promise<void> {
    const late = new GuestTimeoutError(`the guest was not up after ${timeoutMs} ms`)
    try {
      await within(timeoutMs, this.#channel.ready, late)
    } catch (error) {
      await this.kill()
      if (error === late) late.message += `\nconsole: ${lastLines(this.#console)}`
      throw error
    }
  }

  /**
   * Runs a script in bash (a string) or a program (a list) and collects its output. A non-zero exit code is a value; a command that
   * does not end in time is killed and thrown, a guest that dies is thrown.
   */
  async run(command: string | readonly string[], options: GuestCommandOptions = {}): Promise<CommandResult> {
    const argv = typeof command === 'string' ? ['bash', '-c', command] : command
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    const running = this.#channel.run({
      ...options,
      argv,
      onOutput: (stream, data) => {
        output[stream].push(data)
        options.onOutput?.(stream, data)
      },
    })
    const timeoutMs = options.timeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS
    const late = new GuestTimeoutError(`not done after ${timeoutMs} ms: ${argv.join(' ')}`)
    try {
      const code = await within(timeoutMs, running.ended, late)
      const exitCode = code < 0 ? 128 - code : code
      return { exitCode, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) }
    } catch (error) {
      if (error !== late) throw error
      running.kill()
      const said = lastLines(Buffer.concat([...output.stdout, ...output.stderr]).toString())
      late.message += `\noutput: ${said}\nkernel: ${await this.kernelMessages()}`
      throw late
    }
  }

  /** As `run`; throws when the exit code is not 0. Returns standard output as text. */
  async mustRun(command: string | readonly string[], options?: GuestCommandOptions): Promise<string> {
    const result = await this.run(command, options)
    if (result.exitCode === 0) return result.stdout.toString()
    const said = lastLines(`${result.stdout}${result.stderr}`)
    throw new GuestCommandError(`exit code ${result.exitCode} of: ${command}\n${said}`)
  }

  /** NFSv3 over TCP, without locks unless `options` has "lock". Throws GuestMountError. */
  async mount(mount: GuestMount): Promise<void> {
    const at = mount.at ?? DEFAULT_MOUNT_POINT
    const source = `${mount.server}:${mount.export}`
    await this.mustRun(['mkdir', '-p', at])
    const argv = ['mount', '-t', 'nfs', '-o', mountOptions(mount), source, at]
    const result = await this.run(argv, { timeoutMs: MOUNT_TIMEOUT_MS })
    if (result.exitCode === 0) return
    const said = `${result.stdout}${result.stderr}`.trim()
    throw new GuestMountError(
      `cannot mount ${source} (${mountOptions(mount)}): ${said}\nkernel: ${await this.kernelMessages()}`,
    )
  }

  /** In the order given; when one fails the guest is ended, as nobody has it yet. */
  async mountAll(mounts: readonly GuestMount[]): Promise<void> {
    try {
      for (const mount of mounts) await this.mount(mount)
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  async unmount(at = DEFAULT_MOUNT_POINT): Promise<void> {
    await this.mustRun(['umount', at])
  }

  /** Forgets every page, name and attribute that can be forgotten, so that the next access asks the server. */
  async dropCaches(): Promise<void> {
    await this.mustRun('sync; echo 3 >/proc/sys/vm/drop_caches')
  }

  put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    return this.#channel.put(path, Buffer.from(content), mode)
  }

  get(path: string): Promise<Buffer> {
    return this.#channel.get(path)
  }

  /** The kernel's last messages; says so when the guest does not answer. */
  async kernelMessages(): Promise<string> {
    const lines: Buffer[] = []
    const { ended } = this.#channel.run({ argv: ['dmesg'], onOutput: (_, data) => lines.push(data) })
    try {
      await within(5000, ended, new Error('the guest does not answer'))
      return lastLines(Buffer.concat(lines).toString())
    } catch (error) {
      return `${(error as Error).message}\n${lastLines(this.#console)}`
    }
  }

  /** Unmounts what can be unmounted and switches the machine off; a machine that does not obey is killed. */
  async stop(): Promise<void> {
    try {
      await within(SWITCH_OFF_TIMEOUT_MS, this.#switchOff(), new Error('does not switch off'))
    } catch {
      await this.kill()
    }
    this.#dispose()
  }

  /** Ends the machine at once, as a power cut would. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
    this.#dispose()
  }

  async #switchOff(): Promise<void> {
    await this.run('umount -a -t nfs,nfs4', { timeoutMs: SWITCH_OFF_TIMEOUT_MS / 2 })
    this.#switchedOff = true
    this.#channel.switchOff()
    await this.#exited
  }
}

function mountOptions(mount: GuestMount): string {
  const nfsPort = mount.nfsPort ?? DEFAULT_NFS_PORT
  const mountPort = mount.mountPort ?? nfsPort
  // retry=0: a server that is not there is told at once, not after two minutes.
  const options = ['vers=3', 'proto=tcp', 'mountproto=tcp', 'retry=0']
  if (nfsPort !== 0) options.push(`port=${nfsPort}`)
  if (mountPort !== 0) options.push(`mountport=${mountPort}`)
  const more = mount.options?.split(',') ?? []
  if (!more.includes('lock')) options.push('nolock')
  return options.concat(more).join(',')
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-SHOWN_LINES).join('\n')
}

async function within<T>(limitMs: number, work: Promise<T>, late: Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, limitMs, late)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
