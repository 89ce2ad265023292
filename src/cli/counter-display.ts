import type { WriteStream } from 'node:tty'
import { formatBytes } from './output.ts'

export interface ShownCounters {
  readonly calls: number
  readonly changes: number
  readonly fromImage: number
  readonly fromCache: number
  readonly fromShadow: number
}

/** A terminal's line is written anew so often, a plain one at most so often. */
const TERMINAL_INTERVAL_MS = 500
const PLAIN_INTERVAL_MS = 5_000

/** Live counters: one line that changes on a terminal, a line at each change (now and then) anywhere else. */
export class CounterDisplay {
  readonly #out: Pick<WriteStream, 'write' | 'isTTY'>
  readonly #read: () => ShownCounters
  readonly #timer: NodeJS.Timeout
  #shown = ''

  constructor(out: Pick<WriteStream, 'write' | 'isTTY'>, read: () => ShownCounters) {
    this.#out = out
    this.#read = read
    this.#timer = setInterval(() => this.#show(), out.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS)
    this.#show()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#show()
    if (this.#out.isTTY) this.#out.write('\n')
  }

  #show(): void {
    const line = counterLine(this.#read())
    if (line === this.#shown) return
    this.#shown = line
    // Erase to the end of the line (ECMA-48 EL): the line before may have been longer.
    this.#out.write(this.#out.isTTY ? `\r${line}\u001b[K` : `${line}\n`)
  }
}

export function counterLine(counters: ShownCounters): string {
  const { calls, changes, fromImage, fromCache, fromShadow } = counters
  return (
    `${calls} calls, ${changes} changes; read ${formatBytes(fromImage)} from the image, ` +
    `${formatBytes(fromCache)} from the cache, ${formatBytes(fromShadow)} from the shadow`
  )
}
