import { connect, type Socket } from 'node:net'

const LAST_FRAGMENT = 0x8000_0000

/** Thrown when the connection is gone before the reply: the server died, or closed it. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

interface Waiting {
  readonly resolve: (reply: Buffer) => void
  readonly reject: (error: Error) => void
}

/**
 * A TCP connection that sends whole RPC messages as they are. What the product's own client hides is in the hands
 * of the test: the xid, when the connection ends, and which bytes are sent again.
 */
export class RpcSocket {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  #received = Buffer.alloc(0)
  #isLost = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (data) => this.#take(data))
    socket.on('error', () => this.#lose())
    socket.on('close', () => this.#lose())
  }

  static open(port: number, host = '127.0.0.1'): Promise<RpcSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RpcSocket(socket))
      })
    })
  }

  /** Sends a message and waits for the reply with its xid: the reply's message, from its xid on. */
  call(message: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#isLost) reject(new ConnectionLostError('the connection was lost before'))
      this.#waiting.set(Buffer.from(message).readUInt32BE(0), { resolve, reject })
      this.send(message)
    })
  }

  /** Sends a message and does not look for a reply. */
  send(message: Uint8Array): void {
    const mark = Buffer.alloc(4)
    mark.writeUInt32BE((LAST_FRAGMENT | message.length) >>> 0)
    this.#socket.write(Buffer.concat([mark, message]))
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data])
    while (this.#received.length >= 4) {
      const mark = this.#received.readUInt32BE(0)
      const lengthBytes = mark & ~LAST_FRAGMENT
      if (mark < LAST_FRAGMENT) throw new Error('a reply in several fragments')
      if (this.#received.length < 4 + lengthBytes) return
      const message = Buffer.from(this.#received.subarray(4, 4 + lengthBytes))
      this.#received = this.#received.subarray(4 + lengthBytes)
      const xid = message.readUInt32BE(0)
      this.#waiting.get(xid)?.resolve(message)
      this.#waiting.delete(xid)
    }
  }

  #lose(): void {
    this.#isLost = true
    for (const { reject } of this.#waiting.values()) reject(new ConnectionLostError('the connection is lost'))
    this.#waiting.clear()
  }
}
