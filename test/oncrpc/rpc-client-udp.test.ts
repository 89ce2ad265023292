import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NO_CREDENTIALS } from '../../src/oncrpc/auth-sys.ts'
import { callOverUdp } from '../../src/oncrpc/rpc-client-udp.ts'
import { RpcError } from '../../src/oncrpc/rpc-error.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import { acceptedReply, readCall, TEST_PROGRAM, words } from './scripted-server.ts'

let server: Socket
let port: number
beforeEach(async () => {
  server = createSocket('udp4')
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  port = server.address().port
})
afterEach(() => {
  server.close()
})

function onCall(answer: (call: ReturnType<typeof readCall>, from: RemoteInfo, count: number) => void): void {
  let count = 0
  server.on('message', (message, from) => {
    count += 1
    answer(readCall(message), from, count)
  })
}

const add = (waitMaxMs = 2000) =>
  callOverUdp({ host: '127.0.0.1', port }, TEST_PROGRAM, 'ADD', 5, {
    name: 'nfs://test',
    credentials: NO_CREDENTIALS,
    waitMaxMs,
  })

test('an answer', async () => {
  onCall(({ xid, args }, from) => server.send(acceptedReply(xid, words(args.readUInt32BE(0) + 1)), from.port))
  expect(await add()).toBe(6)
})

test('root comes from a reserved port', async () => {
  let reserved: boolean | undefined
  onCall(({ xid }, from) => {
    reserved = from.port < 1024
    server.send(acceptedReply(xid, words(1)), from.port)
  })
  await add()
  expect(reserved).toBe(process.getuid?.() === 0)
})

test('what is lost is sent again with the same xid; rubbish and other xids are passed over', async () => {
  const xids: number[] = []
  onCall(({ xid }, from, count) => {
    xids.push(xid)
    if (count === 1) return
    server.send(Buffer.alloc(3), from.port)
    server.send(acceptedReply((xid ^ 1) >>> 0, words(1)), from.port)
    server.send(acceptedReply(xid, words(7)), from.port)
  })
  expect(await add()).toBe(7)
  expect(xids[0]).toBe(xids[1])
})

test('answers of another address are not taken', async () => {
  const stranger = createSocket('udp4')
  stranger.bind(0, '127.0.0.1')
  await once(stranger, 'listening')
  onCall(({ xid }, from, count) => {
    stranger.send(acceptedReply(xid, words(666)), from.port, '127.0.0.1')
    if (count === 2) server.send(acceptedReply(xid, words(7)), from.port)
  })
  expect(await add()).toBe(7)
  stranger.close()
})

test('no answer within the bounded wait', async () => {
  onCall(() => {})
  await expect(add(200)).rejects.toThrow(ServerUnavailableError)
})

test('nobody listens: told at once', async () => {
  const free = createSocket('udp4').bind(0, '127.0.0.1')
  await once(free, 'listening')
  port = free.address().port
  free.close()
  await once(free, 'close')
  const began = performance.now()
  await expect(add(10_000)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  expect(performance.now() - began).toBeLessThan(5000)
})

test('a refusal', async () => {
  onCall(({ xid }, from) => server.send(words(xid, 1, 0, 0, 0, 1), from.port))
  await expect(add()).rejects.toThrow(RpcError)
})
