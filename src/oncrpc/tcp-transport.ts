import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { STOP_DRAIN_MS, TCP_CONNECTIONS_MAX, TCP_IDLE_MS, TCP_STALLED_MS } from './limits.ts'
import type { RpcServer } from './rpc-server.ts'
import { TcpConnection } from './tcp-connection.ts'

export interface TcpLimits {
  readonly connectionsMax: number
  readonly idleMs: number
  readonly stalledMs: number
}

export interface ListenOptions {
  readonly server: RpcServer
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly clock: Clock
  readonly logger: Logger
}

const DEFAULT_LIMITS: TcpLimits = {
  connectionsMax: TCP_CONNECTIONS_MAX,
  idleMs: TCP_IDLE_MS,
  stalledMs: TCP_STALLED_MS,
}
/** How often connections are looked at. */
const CHECKS_PER_LIMIT = 6
/** The kernel probes a peer that says nothing after this time. */
const KEEP_ALIVE_MS = 60_000

/** Accepts RPC over TCP on one address. */
export class TcpTransport {
  readonly #options: ListenOptions
  readonly #limits: TcpLimits
  readonly #listener: Server
  readonly #connections = new Set<TcpConnection>()
  readonly #timer: NodeJS.Timeout
  #port = 0
  #noneLeft: (() => void) | undefined

  /** Rejects when the address cannot be listened on. */
  static async listen(options: ListenOptions, limits: TcpLimits = DEFAULT_LIMITS): Promise<TcpTransport> {
    const transport = new TcpTransport(options, limits)
    transport.#listener.listen(options.port, options.host)
    try {
      await once(transport.#listener, 'listening')
    } catch (error) {
      clearInterval(transport.#timer)
      throw error
    }
    transport.#port = (transport.#listener.address() as AddressInfo).port
    transport.#listener.on('error', (err) => options.logger.warn({ err }, 'a connection was not accepted'))
    return transport
  }

  private constructor(options: ListenOptions, limits: TcpLimits) {
    this.#options = options
    this.#limits = limits
    this.#listener = createServer({
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    })
    this.#listener.on('connection', (socket) => this.#accepted(socket))
    this.#timer = setInterval(() => this.#closeStalled(), limits.stalledMs / CHECKS_PER_LIMIT)
    this.#timer.unref()
  }

  /** The one that was asked for, or the one that was free. */
  get port(): number {
    return this.#port
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /**
   * Accepts and serves nothing new; lets calls in flight finish and their replies be taken, for `drainMs` at most;
   * closes everything.
   */
  async stop(drainMs: number = STOP_DRAIN_MS): Promise<void> {
    clearInterval(this.#timer)
    this.#listener.close()
    for (const connection of this.#connections) connection.stop()
    const late = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy()
    }, drainMs)
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#noneLeft = resolve
      })
    }
    clearTimeout(late)
  }

  #accepted(socket: Socket): void {
    // Reset before we came to it.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    if (this.#connections.size >= this.#limits.connectionsMax && !this.#closeIdlest()) {
      this.#options.logger.warn({ client: socket.remoteAddress }, 'too many connections: refused')
      socket.destroy()
      return
    }
    const connection = new TcpConnection(socket, this.#options.server, () => this.#closed(connection))
    this.#connections.add(connection)
  }

  #closed(connection: TcpConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#noneLeft?.()
  }

  /** NFS clients connect again when they have something to say, so an idle connection may go. */
  #closeIdlest(): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    let idlest: TcpConnection | undefined
    let longestMs = this.#limits.idleMs
    for (const connection of this.#connections) {
      const quietMs = connection.quietMs(nowMs)
      if (!connection.isIdle || quietMs < longestMs) continue
      idlest = connection
      longestMs = quietMs
    }
    if (idlest === undefined) return false
    this.#connections.delete(idlest)
    idlest.destroy()
    return true
  }

  #closeStalled(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const connection of this.#connections) {
      const quietMs = connection.quietMs(nowMs)
      if (!connection.isWaitingForPeer || quietMs < this.#limits.stalledMs) continue
      this.#options.logger.info({ client: connection.address, quietMs }, 'connection stalled: closed')
      connection.destroy()
    }
  }
}
