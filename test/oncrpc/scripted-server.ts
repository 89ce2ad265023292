import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { procedure } from '../../src/oncrpc/procedure.ts'
import type { RemoteProgram } from '../../src/oncrpc/rpc-request.ts'
import { fileData, nothing, opaque, uint32 } from '../../src/xdr/codec.ts'
import { XdrReader } from '../../src/xdr/reader.ts'

const DATA_MAX_BYTES = 1024 * 1024

export const TEST_PROCEDURES = {
  NULL: procedure(0, nothing, nothing, { idempotent: true, mutates: false }),
  ECHO: procedure(1, opaque(DATA_MAX_BYTES), opaque(DATA_MAX_BYTES), { idempotent: true, mutates: false }),
  ADD: procedure(2, uint32, uint32, { idempotent: false, mutates: true }),
  STORE: procedure(3, fileData(DATA_MAX_BYTES), uint32, { idempotent: true, mutates: true }),
} as const

export const TEST_PROGRAM: RemoteProgram<typeof TEST_PROCEDURES> = {
  name: 'test',
  program: 0x2000_0001,
  version: 1,
  procedures: TEST_PROCEDURES,
}

/** A call as it came over the wire. */
export interface SeenCall {
  readonly xid: number
  readonly program: number
  readonly procedure: number
  /** The whole message: header and arguments. */
  readonly message: Buffer
  /** Only the arguments. */
  readonly args: Buffer
  readonly connection: ScriptedConnection
}

/** The server's end of one connection. */
export class ScriptedConnection {
  readonly socket: Socket
  /** 0 for the first connection that the server took. */
  readonly index: number
  constructor(socket: Socket, index: number) {
    this.socket = socket
    this.index = index
  }

  reply(xid: number, result: Uint8Array): void {
    this.record(acceptedReply(xid, result))
  }

  record(message: Uint8Array): void {
    this.socket.write(marked(message, true))
  }

  raw(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }
}

/** An RPC server that does what a test tells it: `onCall` is run for every call, in order of arrival. */
export class ScriptedServer {
  readonly calls: SeenCall[] = []
  readonly connections: ScriptedConnection[] = []
  readonly #server: Server
  readonly #onCall: (call: SeenCall) => void

  private constructor(onCall: (call: SeenCall) => void) {
    this.#onCall = onCall
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async listen(onCall: (call: SeenCall) => void, port = 0): Promise<ScriptedServer> {
    const server = new ScriptedServer(onCall)
    server.#server.listen(port, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get target() {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(socket: Socket): void {
    const connection = new ScriptedConnection(socket, this.connections.length)
    this.connections.push(connection)
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      for (;;) {
        const lengthBytes =
          received.length < 4 ? Number.POSITIVE_INFINITY : received.readUInt32BE(0) & 0x7fff_ffff
        if (received.length < 4 + lengthBytes) return
        const message = Buffer.from(received.subarray(4, 4 + lengthBytes))
        received = received.subarray(4 + lengthBytes)
        const call = { ...readCall(message), connection }
        this.calls.push(call)
        this.#onCall(call)
      }
    })
  }
}

export function readCall(message: Buffer): Omit<SeenCall, 'connection'> {
  const reader = new XdrReader(message)
  const xid = reader.uint32()
  reader.fixedOpaque(8)
  const program = reader.uint32()
  reader.fixedOpaque(4)
  const number = reader.uint32()
  for (const _ of ['credential', 'verifier']) {
    reader.uint32()
    reader.opaque(400)
  }
  return { xid, program, procedure: number, message, args: message.subarray(reader.position) }
}

/** rpc_msg, REPLY, MSG_ACCEPTED, AUTH_NONE, SUCCESS and the result (RFC 5531 section 9), written by hand. */
export function acceptedReply(xid: number, result: Uint8Array): Buffer {
  return Buffer.concat([words(xid, 1, 0, 0, 0, 0), result])
}

export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

export function marked(fragment: Uint8Array, isLast: boolean): Buffer {
  return Buffer.concat([words(((isLast ? 0x8000_0000 : 0) | fragment.length) >>> 0), fragment])
}
