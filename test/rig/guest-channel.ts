import type { Readable, Writable } from 'node:stream'
import { lineSplitter } from './run-command.ts'

/** What programs/guest-agent.py says; the grammar is in its head. */
type AgentMessage =
  | { readonly say: 'ready' }
  | { readonly say: 'read'; readonly bytes: number }
  | { readonly say: 'output'; readonly id: number; readonly stream: 1 | 2; readonly data: string }
  | { readonly say: 'done'; readonly id: number; readonly code: number }
  | { readonly say: 'failed'; readonly id: number; readonly why: string }

export interface AgentCommand {
  readonly argv: readonly string[]
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly input?: string | Uint8Array | undefined
  /** Called with each piece of output as it comes. */
  readonly onOutput?: ((stream: 'stdout' | 'stderr', data: Buffer) => void) | undefined
}

export interface RunningCommand {
  /** The exit code, or minus the signal that ended it. Rejects when the guest dies or the command cannot start. */
  readonly ended: Promise<number>
  /** SIGKILL to the command and its children. */
  kill(): void
}

interface Pending {
  readonly onOutput: AgentCommand['onOutput']
  readonly resolve: (code: number) => void
  readonly reject: (error: Error) => void
}

const PUT_PIECE_BYTES = 24 * 1024
/** User-Mode Linux stops reading a serial line for good once the terminal's buffer of 4,096 bytes was full. */
const UNREAD_MAX_BYTES = 2048

/** Our end of the line to the agent in a guest. Many commands may run at once. */
export class GuestChannel {
  /** Resolves when the agent is up. Rejects when the guest dies first. */
  readonly ready: Promise<void>
  readonly #toGuest: Writable
  readonly #pending = new Map<number, Pending>()
  #unsent = Buffer.alloc(0)
  #unreadBytes = 0
  #lastId = 0
  #dead: Error | undefined
  #onReady!: { resolve: () => void; reject: (error: Error) => void }

  constructor(fromGuest: Readable, toGuest: Writable) {
    this.#toGuest = toGuest
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = { resolve, reject }
    })
    // Whoever waits for it gets the rejection; nobody must.
    this.ready.catch(() => {})
    fromGuest.on(
      'data',
      lineSplitter((line) => this.#receive(line)),
    )
    // A guest that dies is reported by `fail`, with the reason.
    fromGuest.on('error', () => {})
    toGuest.on('error', () => {})
  }

  run(command: AgentCommand): RunningCommand {
    const { argv, cwd, env, input = '' } = command
    const id = this.#nextId()
    const ended = this.#answerTo(id, command.onOutput)
    this.#send({ do: 'run', id, argv, cwd, env, data: Buffer.from(input).toString('base64') })
    return { ended, kill: () => this.#send({ do: 'kill', id }) }
  }

  /** Writes a file in the guest, with the folders that lead to it. */
  async put(path: string, content: Uint8Array, mode: number): Promise<void> {
    for (let at = 0; at === 0 || at < content.length; at += PUT_PIECE_BYTES) {
      const id = this.#nextId()
      const data = Buffer.from(content.subarray(at, at + PUT_PIECE_BYTES)).toString('base64')
      const done = this.#answerTo(id, undefined)
      this.#send({ do: 'put', id, path, mode, first: at === 0, data })
      await done
    }
  }

  async get(path: string): Promise<Buffer> {
    const pieces: Buffer[] = []
    const id = this.#nextId()
    const done = this.#answerTo(id, (_, data) => pieces.push(data))
    this.#send({ do: 'get', id, path })
    await done
    return Buffer.concat(pieces)
  }

  /** Asks the guest to switch itself off. */
  switchOff(): void {
    this.#send({ do: 'off' })
  }

  /** The guest is gone: everything that waits, now or later, gets this error. */
  fail(error: Error): void {
    this.#dead = error
    this.#onReady.reject(error)
    for (const pending of this.#pending.values()) pending.reject(error)
    this.#pending.clear()
  }

  #nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  #answerTo(id: number, onOutput: AgentCommand['onOutput']): Promise<number> {
    if (this.#dead) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => this.#pending.set(id, { onOutput, resolve, reject }))
  }

  #send(request: object): void {
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(`${JSON.stringify(request)}\n`)])
    this.#sendMore()
  }

  #sendMore(): void {
    const piece = this.#unsent.subarray(0, UNREAD_MAX_BYTES - this.#unreadBytes)
    if (piece.length === 0 || this.#dead) return
    this.#unsent = this.#unsent.subarray(piece.length)
    this.#unreadBytes += piece.length
    this.#toGuest.write(piece)
  }

  #receive(line: string): void {
    // Before the agent is up the line may carry something else.
    if (!line.startsWith('{"say"')) return
    const message = JSON.parse(line) as AgentMessage
    if (message.say === 'ready') {
      this.#onReady.resolve()
      return
    }
    if (message.say === 'read') {
      this.#unreadBytes -= message.bytes
      this.#sendMore()
      return
    }
    const pending = this.#pending.get(message.id)
    if (message.say === 'output') {
      const stream = message.stream === 1 ? 'stdout' : 'stderr'
      pending?.onOutput?.(stream, Buffer.from(message.data, 'base64'))
      return
    }
    this.#pending.delete(message.id)
    if (message.say === 'done') pending?.resolve(message.code)
    else pending?.reject(new Error(`guest: ${message.why}`))
  }
}
