import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { isPromise } from '../base/awaitable.ts'
import { XdrWriter } from '../xdr/writer.ts'
import { CredentialCache } from './credential-cache.ts'
import { STOP_DRAIN_MS, UDP_CALLS_MAX, UDP_REPLY_MAX_BYTES } from './limits.ts'
import { plainAddress, type RpcPeer } from './rpc-peer.ts'
import type { RpcServer } from './rpc-server.ts'
import type { ListenOptions } from './tcp-transport.ts'

const REPLY_BUFFER_BYTES = 2048

/** The sender of one datagram: one call, at most one reply. */
class UdpPeer implements RpcPeer {
  readonly address: string
  readonly port: number
  readonly transport = 'udp'
  readonly credentials: CredentialCache
  readonly #owner: UdpTransport
  readonly #remote: RemoteInfo
  #writer: XdrWriter | undefined

  constructor(owner: UdpTransport, remote: RemoteInfo, credentials: CredentialCache) {
    this.#owner = owner
    this.#remote = remote
    this.credentials = credentials
    this.address = plainAddress(remote.address)
    this.port = remote.port
  }

  get isOpen(): boolean {
    return this.#owner.isOpen
  }

  beginReply(): XdrWriter {
    this.#writer = new XdrWriter(REPLY_BUFFER_BYTES)
    return this.#writer
  }

  endReply(dataBuffer: Buffer | undefined): void {
    this.#owner.send(this.#writer!, this.#remote, dataBuffer)
  }

  cancelReply(): void {
    this.#writer = undefined
  }
}

/** Answers RPC over UDP on one address. A datagram that is not a call is dropped, as are calls over the limit. */
export class UdpTransport {
  readonly #server: RpcServer
  readonly #options: ListenOptions
  readonly #socket: Socket
  readonly #credentials = new CredentialCache()
  #calls = 0
  /** Given to the socket and not yet sent. */
  #replies = 0
  #isStopping = false
  #isOpen = true
  #idle: (() => void) | undefined

  /** Rejects when the address cannot be bound. */
  static async listen(options: ListenOptions): Promise<UdpTransport> {
    const transport = new UdpTransport(options)
    transport.#socket.bind(options.port, options.host)
    await once(transport.#socket, 'listening')
    transport.#socket.on('error', (err) => options.logger.warn({ err }, 'UDP socket'))
    return transport
  }

  private constructor(options: ListenOptions) {
    this.#server = options.server
    this.#options = options
    this.#socket = createSocket(isIPv6(options.host) ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes, remote) => this.#received(bytes, remote))
  }

  get port(): number {
    return this.#socket.address().port
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  send(writer: XdrWriter, remote: RemoteInfo, dataBuffer: Buffer | undefined): void {
    const { load } = this.#server
    if (writer.lengthBytes > UDP_REPLY_MAX_BYTES) {
      const { address } = remote
      this.#options.logger.warn(
        { client: address, bytes: writer.lengthBytes },
        'reply too long for UDP: dropped',
      )
      if (dataBuffer !== undefined) load.giveBuffer(dataBuffer)
      return
    }
    this.#replies += 1
    // An unreachable client is the client's trouble.
    this.#socket.send(writer.parts(), remote.port, remote.address, () => {
      this.#replies -= 1
      if (dataBuffer !== undefined) load.giveBuffer(dataBuffer)
      this.#wakeIfIdle()
    })
  }

  /** Serves nothing new; lets calls in flight finish and replies leave, for `drainMs` at most; closes the socket. */
  async stop(drainMs: number = STOP_DRAIN_MS): Promise<void> {
    this.#isStopping = true
    if (this.#calls + this.#replies > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, drainMs)
        this.#idle = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
    this.#isOpen = false
    this.#socket.close()
    await once(this.#socket, 'close')
  }

  #received(bytes: Buffer, remote: RemoteInfo): void {
    if (this.#isStopping || this.#calls >= UDP_CALLS_MAX || this.#server.load.isOverloaded) return
    const peer = new UdpPeer(this, remote, this.#credentials)
    const done = this.#server.receive(peer, bytes, 0, bytes.length)
    if (isPromise(done)) this.#finishLater(done)
  }

  async #finishLater(done: Promise<boolean>): Promise<void> {
    this.#calls += 1
    await done
    this.#calls -= 1
    this.#wakeIfIdle()
  }

  #wakeIfIdle(): void {
    if (this.#calls + this.#replies === 0) this.#idle?.()
  }
}
