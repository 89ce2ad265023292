import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { RPC_RECORD_MAX_BYTES } from '../../src/oncrpc/limits.ts'
import { MALFORMED_REPLIES_MAX } from '../../src/oncrpc/rpc-client-limits.ts'
import { MalformedReplyError } from '../../src/oncrpc/rpc-error.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import {
  bytes,
  callEcho,
  cleanUps,
  client,
  echo,
  failureOf,
  QUICK,
  serve,
  unusedPort,
} from './client-under-test.ts'
import { acceptedReply, marked, TEST_PROGRAM, words } from './scripted-server.ts'

describe('record marking of replies', () => {
  test('a reply in many fragments, a byte at a time', async () => {
    const server = await serve(async (call) => {
      const reply = acceptedReply(call.xid, call.args)
      const cut = [reply.subarray(0, 3), reply.subarray(3, 3), reply.subarray(3, 20), reply.subarray(20)]
      const wire = Buffer.concat(cut.map((fragment, index) => marked(fragment, index === cut.length - 1)))
      for (const byte of wire) {
        call.connection.raw(Buffer.of(byte))
        await new Promise((done) => setImmediate(done))
      }
    })
    expect(await callEcho(client(server.target), 'in pieces')).toBe('in pieces')
  })

  test('a reply at the limit is taken', async () => {
    const server = await serve((call) => {
      const reply = acceptedReply(call.xid, call.args)
      call.connection.record(Buffer.concat([reply, Buffer.alloc(RPC_RECORD_MAX_BYTES - reply.length)]))
    })
    expect(await callEcho(client(server.target), 'long')).toBe('long')
    expect(server.connections).toHaveLength(1)
  })

  test('a longer one is not: the connection is made anew and the call sent again', async () => {
    const server = await serve((call) => {
      if (call.connection.index === 0)
        call.connection.raw(words((0x8000_0000 | (RPC_RECORD_MAX_BYTES + 1)) >>> 0))
      else echo(call)
    })
    expect(await callEcho(client(server.target), 'again')).toBe('again')
    expect(server.calls.map((call) => call.connection.index)).toEqual([0, 1])
  })
})

describe('faults of the connection', () => {
  test('unanswered calls are sent again with the same xids, answered ones are not', async () => {
    const server = await serve((call) => {
      if (call.connection.index > 0 || call.args.includes('first')) echo(call)
      else if (server.calls.length === 3) call.connection.socket.end()
    })
    const subject = client(server.target)
    const results = ['first', 'second', 'third'].map((text) => callEcho(subject, text))
    expect(await Promise.all(results)).toEqual(['first', 'second', 'third'])
    const [first, second, third, ...again] = server.calls.map((call) => call.message)
    expect(first).toBeDefined()
    expect(again).toEqual([second, third])
  })

  test('a server with a reply cache does a call once although its reply was lost', async () => {
    let sum = 0
    const cache = new Map<number, Buffer>()
    const server = await serve((call) => {
      const cached = cache.get(call.xid)
      if (cached !== undefined) {
        call.connection.reply(call.xid, cached)
        return
      }
      sum += call.args.readUInt32BE(0)
      cache.set(call.xid, words(sum))
      call.connection.reset()
    })
    const subject = client(server.target)
    expect(await subject.call(TEST_PROGRAM, 'ADD', 5)).toBe(5)
    expect(await subject.call(TEST_PROGRAM, 'ADD', 5)).toBe(10)
    expect(sum).toBe(10)
  })

  test('a server that says nothing is asked, then left for a new connection', async () => {
    const server = await serve((call) => {
      if (call.connection.index > 0) echo(call)
    })
    expect(await callEcho(client(server.target), 'silence')).toBe('silence')
    expect(server.calls.map((call) => [call.connection.index, call.procedure])).toEqual([
      [0, 1],
      [0, 0],
      [1, 1],
    ])
  })

  test('a server that is only slow keeps its connection', async () => {
    const server = await serve((call) => {
      if (call.procedure === 0) call.connection.reply(call.xid, Buffer.alloc(0))
      else setTimeout(() => echo(call), QUICK.silenceMaxMs * 3)
    })
    expect(await callEcho(client(server.target), 'slow')).toBe('slow')
    expect(server.connections).toHaveLength(1)
  })

  test.each([
    ['rubbish', (xid: number) => words(xid, 1, 77)],
    ['a call', (xid: number) => words(xid, 0, 2, 1, 1, 1, 0, 0, 0, 0)],
    ['a result cut short', (xid: number) => acceptedReply(xid, words(100, 1))],
    ['three bytes', () => Buffer.alloc(3)],
  ])('%s for a reply costs the connection, not the calls', async (_, reply) => {
    const server = await serve((call) => {
      if (call.connection.index > 0) echo(call)
      else if (server.calls.length === 2) call.connection.record(reply(server.calls[0]!.xid))
    })
    const subject = client(server.target)
    expect(await Promise.all([callEcho(subject, 'one'), callEcho(subject, 'two')])).toEqual(['one', 'two'])
    expect(server.connections).toHaveLength(2)
  })

  test('a call whose replies are never readable fails; the others do not', async () => {
    const server = await serve((call) => {
      if (call.args.includes('bad')) call.connection.reply(call.xid, words(100, 1))
      else if (call.connection.index >= MALFORMED_REPLIES_MAX) echo(call)
    })
    const subject = client(server.target)
    const [bad, good] = await Promise.allSettled([callEcho(subject, 'bad'), callEcho(subject, 'good')])
    expect(bad).toMatchObject({ status: 'rejected', reason: { status: 'IO' } })
    expect((bad as PromiseRejectedResult).reason).toBeInstanceOf(MalformedReplyError)
    expect(good).toEqual({ status: 'fulfilled', value: 'good' })
    expect(server.calls.filter((call) => call.args.includes('bad'))).toHaveLength(MALFORMED_REPLIES_MAX)
  })

  test('a server that closes when idle is not down, and is connected to again', async () => {
    const server = await serve(echo)
    const subject = client(server.target)
    await callEcho(subject, 'one')
    server.connections[0]!.socket.end()
    await once(server.connections[0]!.socket, 'close')
    expect(subject.state).toEqual({ state: 'up' })
    expect(await callEcho(subject, 'two')).toBe('two')
    expect(server.connections).toHaveLength(2)
  })
})

describe('a server that is not there', () => {
  test('a call fails after the bounded wait with JUKEBOX, and the server is down until it answers', async () => {
    const port = await unusedPort()
    const subject = client({ host: '127.0.0.1', port }, { limits: { waitMaxMs: 200 } })
    const states: string[] = []
    subject.onState(({ state }) => states.push(state))
    expect(subject.state).toEqual({ state: 'untried' })
    const failure = await failureOf(callEcho(subject, 'x'))
    expect(failure).toBeInstanceOf(ServerUnavailableError)
    expect(failure).toMatchObject({ status: 'JUKEBOX', cause: { code: 'ECONNREFUSED' } })
    expect((failure as ServerUnavailableError).waitedMs).toBeGreaterThanOrEqual(200)
    expect((failure as ServerUnavailableError).waitedMs).toBeLessThan(1000)
    expect(subject.state).toMatchObject({ state: 'down', since: { seconds: expect.any(Number) } })
    await serve(echo, port)
    expect(await callEcho(subject, 'back')).toBe('back')
    expect(subject.state).toEqual({ state: 'up' })
    expect(states).toEqual(['down', 'up'])
  })

  test('a call made while it is down waits only for what is left of the wait', async () => {
    const subject = client(
      { host: '127.0.0.1', port: await unusedPort() },
      { limits: { waitMaxMs: 400, waitMinMs: 20 } },
    )
    await failureOf(callEcho(subject, 'first'))
    for (const text of ['second', 'third']) {
      const failure = await failureOf(callEcho(subject, text))
      expect((failure as ServerUnavailableError).waitedMs).toBeGreaterThanOrEqual(20)
      expect((failure as ServerUnavailableError).waitedMs).toBeLessThan(300)
    }
  })

  test('a call that may take longer is given longer', async () => {
    const server = await serve((call) => {
      if (call.procedure === 0) call.connection.reply(call.xid, Buffer.alloc(0))
      else setTimeout(() => echo(call), 400)
    })
    const subject = client(server.target, { limits: { waitMaxMs: 100 } })
    const long = subject.call(TEST_PROGRAM, 'ECHO', bytes('long'), { waitMaxMs: 2000 })
    const short = failureOf(callEcho(subject, 'short'))
    expect(await short).toBeInstanceOf(ServerUnavailableError)
    expect(Buffer.from(await long).toString()).toBe('long')
  })

  test('a server that comes back within the wait answers calls made before', async () => {
    const port = await unusedPort()
    const subject = client({ host: '127.0.0.1', port })
    const results = Promise.all([callEcho(subject, 'a'), callEcho(subject, 'b')])
    await sleep(100)
    await serve(echo, port)
    expect(await results).toEqual(['a', 'b'])
  })

  test('data of a failed call is not sent once its owner may change it', async () => {
    const data = Buffer.alloc(1024 * 1024, 1)
    const received: Buffer[] = []
    const slow = createServer((socket) => {
      socket.on('error', () => {})
      socket.pause()
      setTimeout(() => socket.on('data', (chunk) => received.push(chunk)).resume(), 500)
    })
    slow.listen(0, '127.0.0.1')
    await once(slow, 'listening')
    cleanUps.push(async () => {
      slow.close()
    })
    const { port } = slow.address() as { port: number }
    const subject = client({ host: '127.0.0.1', port }, { limits: { waitMaxMs: 150, silenceMaxMs: 5000 } })
    const calls = Array.from({ length: 20 }, () => failureOf(subject.call(TEST_PROGRAM, 'STORE', data)))
    await Promise.all(calls)
    data.fill(2)
    await sleep(600)
    expect(received.length).toBeGreaterThan(0)
    expect(Buffer.concat(received).subarray(200).includes(Buffer.alloc(64, 2))).toBe(false)
  })
})
