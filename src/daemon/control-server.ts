import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '../base/logger.ts'
import {
  CONTROL_REQUEST_MAX_BYTES,
  type ControlReply,
  type ControlRequest,
  controlAddress,
} from './control-socket.ts'

const SOCKET_MODE = 0o600
/** A connection that has not sent its request by then is closed. */
export const CONTROL_REQUEST_WAIT_MS = 10_000
export const CONTROL_CONNECTIONS_MAX = 64
/** How long closing waits for requests under way: checking a large view may take longer than a stop may. */
const CLOSE_WAIT_MS = 500

export type ControlHandlers = { readonly [command: string]: (args: unknown) => unknown }

/** Answers `rowfs view` and `rowfs status` while the proxy runs. One request and one reply per connection. */
export class ControlServer {
  readonly #server: Server
  readonly #address: { path: string; close(): void }
  readonly #connections = new Set<Socket>()

  private constructor(server: Server, address: { path: string; close(): void }) {
    this.#server = server
    this.#address = address
  }

  /** Precondition: the state directory is locked by us, so a socket that is there is a left-over. */
  static async listen(directory: string, handlers: ControlHandlers, logger: Logger): Promise<ControlServer> {
    const address = controlAddress(directory)
    rmSync(address.path, { force: true })
    // The client keeps its half open to read: we end ours after the reply.
    const server = createServer({ allowHalfOpen: true })
    server.maxConnections = CONTROL_CONNECTIONS_MAX
    const control = new ControlServer(server, address)
    server.on('connection', (socket) => control.#serve(socket, handlers, logger))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(address.path, resolve)
    })
    chmodSync(address.path, SOCKET_MODE)
    return control
  }

  /** Takes no more requests; waits for those under way, for a bounded time. */
  async close(waitMs: number = CLOSE_WAIT_MS): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#connections) if (!isBusy(socket)) socket.destroy()
    const late = setTimeout(() => {
      for (const socket of this.#connections) socket.destroy()
    }, waitMs)
    await closed
    clearTimeout(late)
    this.#address.close()
  }

  #serve(socket: Socket, handlers: ControlHandlers, logger: Logger): void {
    this.#connections.add(socket)
    let text = ''
    socket.setEncoding('utf8')
    socket.setTimeout(CONTROL_REQUEST_WAIT_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#connections.delete(socket))
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > CONTROL_REQUEST_MAX_BYTES)
        return finish(socket, refusal('TypeError', 'the request is too long'))
      const end = text.indexOf('\n')
      if (end < 0) return
      socket.removeAllListeners('data')
      socket.setTimeout(0)
      void answer(text.slice(0, end), handlers, logger).then((reply) => finish(socket, reply))
    })
  }
}

/** The request is here and the reply is not. */
function isBusy(socket: Socket): boolean {
  return socket.listenerCount('data') === 0
}

function finish(socket: Socket, reply: ControlReply): void {
  socket.end(`${JSON.stringify(reply)}\n`)
}

async function answer(line: string, handlers: ControlHandlers, logger: Logger): Promise<ControlReply> {
  let request: ControlRequest
  try {
    request = JSON.parse(line) as ControlRequest
  } catch {
    return refusal('SyntaxError', 'the request is not JSON')
  }
  const handler = Object.hasOwn(handlers, request.command) ? handlers[request.command] : undefined
  if (handler === undefined) return refusal('TypeError', `unknown command ${String(request.command)}`)
  try {
    return { ok: true, result: await handler(request.args) }
  } catch (error) {
    const { name, message } = error as Error
    logger.warn({ err: error }, `control: ${request.command} failed: ${message}`)
    return refusal(name, message)
  }
}

function refusal(name: string, message: string): ControlReply {
  return { ok: false, name, message }
}
