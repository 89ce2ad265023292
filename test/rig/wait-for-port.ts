import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from './run-command.ts'

const POLL_MS = 50

export interface WaitForPortOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  /** Puts a command line into a network namespace (NetworkNamespace.wrap). */
  readonly wrap: (argv: readonly string[]) => readonly string[]
  /** Asked before every try: true ends the waiting, because the server is gone. */
  readonly isOver: () => boolean
}

/** True as soon as a TCP connection is accepted; false when the server is gone or the time is up. */
export async function waitForPort(options: WaitForPortOptions): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs
  const connect = options.wrap(['bash', '-c', `exec 3<>/dev/tcp/${options.host}/${options.port}`])
  while (!options.isOver() && performance.now() < deadline) {
    if ((await runCommand(connect)).exitCode === 0) return true
    await sleep(POLL_MS)
  }
  return false
}
