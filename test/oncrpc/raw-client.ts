import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { AuthSysCredentials } from '../../src/oncrpc/auth-sys.ts'
import {
  encodeCredential,
  type RpcRefusal,
  readReply,
  readReplyXid,
  writeCall,
} from '../../src/oncrpc/message.ts'
import type { ProcedureSpec } from '../../src/oncrpc/procedure.ts'
import { XdrReader } from '../../src/xdr/reader.ts'
import { XdrWriter } from '../../src/xdr/writer.ts'
import { SERVED_PROGRAM } from './served-program.ts'

const ROOT: AuthSysCredentials = {
  flavor: 'sys',
  uid: 0,
  gid: 0,
  gids: [0],
  machineName: Buffer.from('test'),
}

/** One call as bytes, without record mark. */
export function callMessage<Args, Res>(
  spec: ProcedureSpec<Args, Res>,
  xid: number,
  args: Args,
  options: { readonly version?: number; readonly credentials?: AuthSysCredentials } = {},
): Buffer {
  const credential = new XdrWriter(512)
  encodeCredential(credential, options.credentials ?? ROOT)
  const writer = new XdrWriter(512)
  const target = { program: SERVED_PROGRAM, version: options.version ?? 2, procedure: spec.number }
  writeCall(writer, xid, target, credential.toBytes())
  spec.args.encode(writer, args)
  return Buffer.from(writer.toBytes())
}

/** One fragment. */
export function fragment(bytes: Uint8Array, isLast = true): Buffer {
  const mark = Buffer.alloc(4)
  mark.writeUInt32BE((bytes.length | (isLast ? 0x8000_0000 : 0)) >>> 0)
  return Buffer.concat([mark, bytes])
}

export interface RawReply {
  readonly xid: number | undefined
  readonly refusal: RpcRefusal | undefined
  readonly result: Buffer
}

export function parseReply(message: Buffer): RawReply {
  const reader = new XdrReader(message)
  const xid = readReplyXid(reader)
  const refusal = readReply(reader)
  return { xid, refusal, result: message.subarray(reader.position) }
}

/** A socket and nothing else: what is sent is what the test says, what comes is cut into records. */
export class RawClient {
  readonly socket: Socket
  readonly closed: Promise<unknown>
  #bytes: Buffer = Buffer.alloc(0)
  #wake: () => void = () => undefined

  static async connect(port: number): Promise<RawClient> {
    const client = new RawClient(connect({ port, host: '127.0.0.1', allowHalfOpen: true }))
    await once(client.socket, 'connect')
    return client
  }

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    // How the server closes (in order or by reset) is the kernel's choice.
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('end', () => socket.end())
  }

  get receivedBytes(): number {
    return this.#bytes.length
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  async reply(): Promise<RawReply> {
    return parseReply(await this.record())
  }

  async replies(count: number): Promise<RawReply[]> {
    const replies: RawReply[] = []
    while (replies.length < count) replies.push(await this.reply())
    return replies
  }

  async record(): Promise<Buffer> {
    for (;;) {
      if (this.#bytes.length >= 4) {
        const end = 4 + (this.#bytes.readUInt32BE(0) & 0x7fff_ffff)
        if (this.#bytes.length >= end) {
          const record = this.#bytes.subarray(4, end)
          this.#bytes = this.#bytes.subarray(end)
          return record
        }
      }
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve
        this.closed.then(() => reject(new Error('closed while a reply was awaited')))
      })
    }
  }

  destroy(): void {
    this.socket.destroy()
  }
}
