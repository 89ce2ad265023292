import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { RPC_RECORD_MAX_BYTES } from '../../src/oncrpc/limits.ts'
import { RpcClient, type RpcClientOptions } from '../../src/oncrpc/rpc-client.ts'
import { MALFORMED_REPLIES_MAX } from '../../src/oncrpc/rpc-client-limits.ts'
import { MalformedReplyError, RpcError } from '../../src/oncrpc/rpc-error.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import {
  acceptedReply,
  marked,
  ScriptedServer,
  type SeenCall,
  TEST_PROGRAM,
  words,
} from './scripted-server.ts'

const QUICK = {
  waitMaxMs: 2_000,
  waitMinMs: 50,
  connectTimeoutMs: 500,
  probeAfterMs: 100,
  silenceMaxMs: 200,
  backOffMinMs: 10,
  backOffMaxMs: 50,
}

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function serve(onCall: (call: SeenCall) => void, port?: number): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen(onCall, port)
  cleanUps.push(() => server.close())
  return server
}

function client(target: { host: string; port: number }, options: Partial<RpcClientOptions> = {}): RpcClient {
  const made = new RpcClient(target, {
    name: 'nfs://test',
    ...options,
    limits: { ...QUICK, ...options.limits },
  })
  cleanUps.push(() => made.close())
  return made
}

const echo = (call: SeenCall) => call.connection.reply(call.xid, call.args)
const bytes = (text: string) => Buffer.from(text)
const callEcho = (from: RpcClient, text: string) =>
  from.call(TEST_PROGRAM, 'ECHO', bytes(text)).then((result) => Buffer.from(result).toString())

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}

/** A port on which nobody listens. */
async function unusedPort(): Promise<number> {
  const server = await ScriptedServer.listen(() => {})
  const { port } = server.target
  await server.close()
  return port
}

describe('many calls', () => {
  test('answers find their calls in any order, and what nobody asked for is ignored', async () => {
    const seen: SeenCall[] = []
    const server = await serve((call) => {
      seen.push(call)
      if (seen.length < 20) return
      call.connection.reply(0x7777, bytes('????'))
      for (const earlier of seen.reverse()) {
        echo(earlier)
        echo(earlier)
      }
    })
    const subject = client(server.target)
    const texts = Array.from({ length: 20 }, (_, index) => `call ${index}`)
    expect(await Promise.all(texts.map((text) => callEcho(subject, text)))).toEqual(texts)
    expect(new Set(seen.map((call) => call.xid)).size).toBe(20)
    expect(server.connections).toHaveLength(1)
  })

  test('the calls of one turn are one write', async () => {
    const server = await serve(echo)
    const subject = client(server.target)
    await callEcho(subject, 'connect')
    let chunks = 0
    server.connections[0]!.socket.on('data', () => {
      chunks += 1
    })
    await Promise.all(Array.from({ length: 30 }, (_, index) => callEcho(subject, `call ${index}`)))
    expect(chunks).toBe(1)
  })

  test('at the limit all are sent; one more waits for an answer', async () => {
    const seen: SeenCall[] = []
    const server = await serve((call) => seen.push(call))
    const subject = client(server.target, { limits: { inFlightMax: 3, silenceMaxMs: 5000, waitMaxMs: 5000 } })
    const results = ['a', 'b', 'c', 'd'].map((text) => callEcho(subject, text))
    await expect.poll(() => seen.length).toBe(3)
    await sleep(30)
    expect(seen).toHaveLength(3)
    echo(seen[1]!)
    await expect.poll(() => seen.length).toBe(4)
    for (const call of [seen[0]!, seen[2]!, seen[3]!]) echo(call)
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('what waits for a place waits no longer than any other call', async () => {
    const server = await serve(() => {})
    const subject = client(server.target, { limits: { inFlightMax: 1, waitMaxMs: 150 } })
    const failures = await Promise.all(['a', 'b'].map((text) => failureOf(callEcho(subject, text))))
    for (const failure of failures) expect(failure).toBeInstanceOf(ServerUnavailableError)
  })

  test('results stay what they are while others come', async () => {
    const server = await serve(echo)
    const subject = client(server.target)
    const kept: Uint8Array[] = []
    for (let round = 0; round < 40; round += 1) {
      const sizes = [10, 1000, 40_000, 300_000]
      const calls = sizes.map((size) => subject.call(TEST_PROGRAM, 'ECHO', Buffer.alloc(size, round)))
      kept.push(...(await Promise.all(calls)))
    }
    for (const [index, data] of kept.entries()) {
      expect(Buffer.compare(data, Buffer.alloc(data.length, index >> 2))).toBe(0)
    }
  })

  test('a result may be used up in the moment it arrives, without a copy', async () => {
    const server = await serve(echo)
    const subject = client(server.target)
    const into = new Uint8Array(500_000)
    const views: Uint8Array[] = []
    const calls = Array.from({ length: 10 }, (_, index) =>
      subject.callAndTake(TEST_PROGRAM, 'ECHO', Buffer.alloc(50_000, index), (result) => {
        into.set(result, index * 50_000)
        views.push(result)
        return index
      }),
    )
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(views.every((view) => view.buffer.byteLength >= 256 * 1024)).toBe(true)
    for (let index = 0; index < 10; index += 1) {
      expect(
        Buffer.compare(into.subarray(index * 50_000, (index + 1) * 50_000), Buffer.alloc(50_000, index)),
      ).toBe(0)
    }
  })

  test('large arguments arrive whole', async () => {
    const server = await serve((call) => {
      const sum = call.args.subarray(4).reduce((total, byte) => (total + byte) >>> 0, 0)
      call.connection.reply(call.xid, words(sum))
    })
    const subject = client(server.target)
    for (const size of [1, 3, 65_535, 65_536, 65_537, 1024 * 1024]) {
      expect(await subject.call(TEST_PROGRAM, 'STORE', Buffer.alloc(size, 3))).toBe(size * 3)
    }
  })
})

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

describe('refusals', () => {
  test.each([
    [[1, 0, 0, 0, 1], { stat: 'PROG_UNAVAIL' }, 'IO'],
    [[1, 0, 0, 0, 2, 3, 4], { stat: 'PROG_MISMATCH', low: 3, high: 4 }, 'IO'],
    [[1, 0, 0, 0, 3], { stat: 'PROC_UNAVAIL' }, 'IO'],
    [[1, 0, 0, 0, 4], { stat: 'GARBAGE_ARGS' }, 'IO'],
    [[1, 0, 0, 0, 5], { stat: 'SYSTEM_ERR' }, 'IO'],
    [[1, 1, 0, 2, 2], { stat: 'RPC_MISMATCH', low: 2, high: 2 }, 'IO'],
    [[1, 1, 1, 5], { stat: 'AUTH_ERROR', why: 'AUTH_TOOWEAK' }, 'ACCES'],
    [[1, 1, 1, 13], { stat: 'AUTH_ERROR', why: 13 }, 'ACCES'],
  ])('%j is %j', async (reply, refusal, status) => {
    const server = await serve((call) => call.connection.record(words(call.xid, ...reply)))
    const failure = await failureOf(callEcho(client(server.target), 'x'))
    expect(failure).toBeInstanceOf(RpcError)
    expect(failure).toMatchObject({ refusal, status })
    expect(failure.message).toMatch(/^nfs:\/\/test refuses test ECHO: /)
    expect(server.calls).toHaveLength(1)
  })
})

describe('on the wire', () => {
  test('a call with AUTH_SYS, byte by byte', async () => {
    const server = await serve(echo)
    const subject = client(server.target, {
      credentials: { flavor: 'sys', uid: 7, gid: 8, gids: [9, 10], machineName: bytes('host1') },
      random: { bytes: (count) => new Uint8Array(count) },
      reservedPort: false,
    })
    await callEcho(subject, 'abc')
    expect(server.calls[0]!.message).toEqual(
      Buffer.concat([
        words(1, 0, 2, 0x2000_0001, 1, 1),
        words(1, 36, 0, 5),
        bytes('host1\0\0\0'),
        words(7, 8, 2, 9, 10),
        words(0, 0, 3),
        bytes('abc\0'),
      ]),
    )
  })

  test('root comes from a reserved port, others do not, and a taken one is passed over', async () => {
    const isRoot = process.getuid?.() === 0
    const server = await serve(echo)
    const random = { bytes: (count: number) => Uint8Array.from({ length: count }, () => 3) }
    const first = client(server.target, { random })
    const second = client(server.target, { random })
    await callEcho(first, 'x')
    await callEcho(second, 'x')
    const ports = server.connections.map(({ socket }) => socket.remotePort!)
    expect(new Set(ports).size).toBe(2)
    for (const port of ports) expect(port < 1024).toBe(isRoot)
    const unreserved = client(server.target, { reservedPort: false })
    await callEcho(unreserved, 'x')
    expect(server.connections[2]!.socket.remotePort!).toBeGreaterThanOrEqual(1024)
  })
})

describe('the end', () => {
  test('closing fails what is under way, at once, and what comes after', async () => {
    const server = await serve(() => {})
    const subject = client(server.target)
    const under = failureOf(callEcho(subject, 'under way'))
    await expect.poll(() => server.calls.length).toBe(1)
    const ended = once(server.connections[0]!.socket, 'close')
    await subject.close()
    expect(await under).toBeInstanceOf(ServerUnavailableError)
    expect(await failureOf(callEcho(subject, 'after'))).toBeInstanceOf(ServerUnavailableError)
    await ended
    await subject.close()
    expect(server.connections).toHaveLength(1)
  })

  test('closing while connecting or waiting for the next attempt leaves nothing running', async () => {
    const port = await unusedPort()
    for (const waitedMs of [0, 30]) {
      const subject = client(
        { host: '127.0.0.1', port },
        { limits: { backOffMinMs: 10_000, backOffMaxMs: 10_000 } },
      )
      const failure = failureOf(callEcho(subject, 'x'))
      await sleep(waitedMs)
      await subject.close()
      expect(await failure).toBeInstanceOf(ServerUnavailableError)
    }
    expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([])
  })

  test('a client with nothing to do has no timer running', async () => {
    const server = await serve(echo)
    const subject = client(server.target)
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    await callEcho(subject, 'x')
    await expect.poll(timers).toBeLessThanOrEqual(before + 1)
  })

  test('counts calls, failures and bytes', async () => {
    const server = await serve((call) => {
      if (call.procedure === 2) call.connection.record(words(call.xid, 1, 0, 0, 0, 3))
      else echo(call)
    })
    const subject = client(server.target)
    await callEcho(subject, 'a')
    await callEcho(subject, 'b')
    await failureOf(subject.call(TEST_PROGRAM, 'ADD', 1))
    const { procedures, bytesIn, bytesOut } = subject.counters()
    expect(procedures).toMatchObject([
      { program: 'test', procedure: 'ECHO', calls: 2, failed: 0 },
      { program: 'test', procedure: 'ADD', calls: 1, failed: 0 },
    ])
    const { socket } = server.connections[0]!
    expect(bytesOut).toBe(socket.bytesRead)
    expect(bytesIn).toBe(socket.bytesWritten)
  })
})
