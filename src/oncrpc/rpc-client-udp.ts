import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { type Random, systemRandom } from '../base/random.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import { XdrError } from '../xdr/errors.ts'
import type { RpcCredentials } from './auth-sys.ts'
import type { ConnectionTarget } from './client-connection.ts'
import { readReplyXid } from './message.ts'
import type { ProcedureSpec } from './procedure.ts'
import { ReservedPorts } from './reserved-port.ts'
import { type ArgsOf, type RemoteProgram, ReplyDecoder, RequestEncoder, type ResOf } from './rpc-request.ts'

/** A call is sent again after this time, then after twice as long, and so on. */
const FIRST_RESEND_MS = 500

export interface UdpCallOptions {
  /** For messages: "nfs://host/path". */
  readonly name: string
  readonly credentials: RpcCredentials
  readonly waitMaxMs: number
  /** Come from a port below 1024 if that can be had (default: when running as root). */
  readonly reservedPort?: boolean
  readonly random?: Random
}

/**
 * One call over UDP, for portmappers and mount servers that speak nothing else: a socket of its own, the same xid at
 * every resend. Throws ServerUnavailableError after the bounded wait, RpcError if the server refuses.
 */
export async function callOverUdp<Table, Name extends keyof Table & string>(
  target: ConnectionTarget,
  remote: RemoteProgram<Table>,
  name: Name,
  args: ArgsOf<Table[Name]>,
  options: UdpCallOptions,
): Promise<ResOf<Table[Name]>> {
  const spec = remote.procedures[name] as ProcedureSpec<unknown, unknown>
  const random = options.random ?? systemRandom
  const xid = Buffer.from(random.bytes(4)).readUInt32BE(0)
  const request = Buffer.concat(
    new RequestEncoder(options.credentials, { marked: false }).encode(xid, remote, spec, args),
  )
  const decoder = new ReplyDecoder(options.name)
  const decode = (reply: Uint8Array): { readonly result: unknown } | undefined => {
    decoder.reader.reset(reply, 0, reply.length)
    return readReplyXid(decoder.reader) === xid ? { result: decoder.result(remote, name, spec) } : undefined
  }
  const { address, family } = await lookup(target.host).catch((cause: unknown) => {
    throw new ServerUnavailableError(options.name, 0, { cause })
  })
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' })
  try {
    const allowed = options.reservedPort ?? process.getuid?.() === 0
    await bind(socket, new ReservedPorts(random, { allowed }))
    const exchanged = exchange(socket, { host: address, port: target.port }, request, decode, options)
    return (await exchanged) as ResOf<Table[Name]>
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}

async function bind(socket: Socket, ports: ReservedPorts): Promise<void> {
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.once('error', reject)
    socket.bind(ports.port ?? 0, resolve)
    try {
      await promise
      return
    } catch (error) {
      if (!ports.refused(error as Error)) throw error
    } finally {
      socket.removeAllListeners()
    }
  }
}

function exchange(
  socket: Socket,
  target: ConnectionTarget,
  request: Uint8Array,
  decode: (reply: Uint8Array) => { readonly result: unknown } | undefined,
  options: UdpCallOptions,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  let malformed: XdrError | undefined
  let resend: NodeJS.Timeout | undefined
  const end = setTimeout(
    () => reject(new ServerUnavailableError(options.name, options.waitMaxMs, { cause: malformed })),
    options.waitMaxMs,
  )
  const send = (resendMs: number) => {
    socket.send(request)
    resend = setTimeout(() => send(resendMs * 2), resendMs)
  }
  // A connected socket: datagrams from anybody else do not arrive.
  socket.on('connect', () => send(FIRST_RESEND_MS))
  // ECONNREFUSED: nobody listens there, and sending again will not change it.
  socket.on('error', (cause) => reject(new ServerUnavailableError(options.name, 0, { cause })))
  socket.on('message', (reply) => {
    try {
      const answer = decode(reply)
      if (answer !== undefined) resolve(answer.result)
    } catch (error) {
      if (error instanceof XdrError) malformed = error
      else reject(error)
    }
  })
  socket.connect(target.port, target.host)
  return promise.finally(() => {
    clearTimeout(end)
    clearTimeout(resend)
  })
}
