import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { UDP_CALLS_MAX, UDP_REPLY_MAX_BYTES } from '../../src/oncrpc/limits.ts'
import { RPC_SUCCESS_BYTES } from '../../src/oncrpc/message.ts'
import { UdpTransport } from '../../src/oncrpc/udp-transport.ts'
import { callMessage, parseReply, type RawReply } from './raw-client.ts'
import { SERVED_PROCEDURES as P, ServedProgram } from './served-program.ts'

const cleanUps: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start() {
  const program = new ServedProgram()
  const { server, clock, logger } = program
  const transport = await UdpTransport.listen({ server, host: '127.0.0.1', port: 0, clock, logger })
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  cleanUps.push(() => {
    socket.close()
  })
  return {
    program,
    transport,
    socket,
    send: (message: Uint8Array) => sendTo(socket, transport.port, message),
  }
}

function sendTo(socket: Socket, port: number, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
  })
}

async function reply(socket: Socket): Promise<RawReply> {
  const [message] = await once(socket, 'message')
  return parseReply(message)
}

describe('UdpTransport', () => {
  test('answers a call with one datagram', async () => {
    const { transport, socket, send } = await start()
    const answer = reply(socket)
    await send(callMessage(P.ECHO, 1, Buffer.from('hello')))
    expect((await answer).result.toString('hex')).toBe('0000000568656c6c6f000000')
    await transport.stop()
  })

  test('a retransmit while the call is worked on, and one after it, get the same reply', async () => {
    const { program, transport, socket, send } = await start()
    const messages: Buffer[] = []
    socket.on('message', (message) => messages.push(message))
    const call = callMessage(P.ADD_LATER, 5, 3)
    await send(call)
    await send(call)
    while (program.load.callsInFlight < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    program.releaseAll()
    while (messages.length < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    await send(call)
    while (messages.length < 3) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(messages[1]).toEqual(messages[0])
    expect(messages[2]).toEqual(messages[0])
    expect(program.total).toBe(3)
    await transport.stop()
  })

  test('garbage is dropped', async () => {
    const { transport, socket, send } = await start()
    await send(Buffer.from('rubbish'))
    await send(Buffer.alloc(0))
    const answer = reply(socket)
    await send(callMessage(P.NULL, 2, undefined))
    expect((await answer).xid).toBe(2)
    await transport.stop()
  })

  test('the longest reply a datagram can carry, and one that is longer is dropped', async () => {
    const { program, transport, socket, send } = await start()
    const longest = Math.floor((UDP_REPLY_MAX_BYTES - RPC_SUCCESS_BYTES - 4) / 4) * 4
    const answer = reply(socket)
    await send(callMessage(P.DATA, 3, longest))
    expect((await answer).result.length).toBe(4 + longest)
    const next = reply(socket)
    await send(callMessage(P.DATA, 4, longest + 1))
    await send(callMessage(P.NULL, 5, undefined))
    expect((await next).xid).toBe(5)
    expect(program.logged).toHaveLength(1)
    await transport.stop()
    expect(program.load.buffersUsedBytes).toBe(0)
  })

  test('calls in flight, at the limit and one past it', async () => {
    const { program, transport, send } = await start()
    for (let xid = 0; xid < UDP_CALLS_MAX; xid += 1) await send(callMessage(P.HOLD, xid, Buffer.from('x')))
    while (program.held.length < UDP_CALLS_MAX) await new Promise((resolve) => setTimeout(resolve, 1))
    await send(callMessage(P.HOLD, 9999, Buffer.from('x')))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(program.held.length).toBe(UDP_CALLS_MAX)
    program.releaseAll()
    await transport.stop()
  })

  test('stop lets calls in flight finish, but not for ever', async () => {
    const { program, transport, socket, send } = await start()
    await send(callMessage(P.HOLD, 1, Buffer.from('x')))
    while (program.held.length < 1) await new Promise((resolve) => setTimeout(resolve, 1))
    const answer = reply(socket)
    const stopped = transport.stop(5000)
    program.releaseAll()
    expect((await answer).xid).toBe(1)
    await stopped
    const other = await start()
    await other.send(callMessage(P.HOLD, 1, Buffer.from('x')))
    while (other.program.held.length < 1) await new Promise((resolve) => setTimeout(resolve, 1))
    await other.transport.stop(10)
  })
})
