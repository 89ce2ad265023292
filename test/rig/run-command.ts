import { spawn } from 'node:child_process'

export interface CommandResult {
  /** The exit code, or 128 + the signal's number. */
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Written to standard input; without it standard input is empty. */
  readonly input?: string | Uint8Array
  /** Kill it after this time (SIGKILL); the exit code is then 137. Default: ten minutes. */
  readonly timeoutMs?: number
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void
}

const DEFAULT_TIMEOUT_MS = 600_000
const SIGNAL_EXIT_BASE = 128
const SIGKILL_NUMBER = 9
const SIGTERM_NUMBER = 15

/** Runs a program to its end and collects what it said. Rejects only when it cannot be started. */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const collect = (into: Buffer[], lines: ((chunk: Buffer) => void) | undefined) => (chunk: Buffer) => {
      into.push(chunk)
      lines?.(chunk)
    }
    child.stdout.on('data', collect(stdout, options.onLine && lineSplitter(options.onLine)))
    child.stderr.on('data', collect(stderr, options.onLine && lineSplitter(options.onLine)))
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const ofSignal = SIGNAL_EXIT_BASE + (signal === 'SIGTERM' ? SIGTERM_NUMBER : SIGKILL_NUMBER)
      resolve({ exitCode: code ?? ofSignal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) })
    })
    // A program that ends without reading its input is no fault of ours.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** As `runCommand`, but anything except exit code 0 is thrown with what the program said. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const result = await runCommand(argv, options)
  if (result.exitCode === 0) return result
  const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-20).join('\n')
  throw new Error(`exit code ${result.exitCode} of: ${argv.join(' ')}\n${said}`)
}

/** Gives whole lines out of chunks; an unfinished last line is kept until its end comes. */
export function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(Buffer.from(line, 'latin1').toString('utf8'))
  }
}
