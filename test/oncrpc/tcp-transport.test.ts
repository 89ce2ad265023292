import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import {
  CONNECTION_CALLS_MAX,
  CONNECTION_RECEIVE_MAX_BYTES,
  CONNECTION_UNSENT_MAX_BYTES,
  RPC_FRAGMENTS_MAX,
  RPC_RECORD_MAX_BYTES,
} from '../../src/oncrpc/limits.ts'
import { type TcpLimits, TcpTransport } from '../../src/oncrpc/tcp-transport.ts'
import { callMessage, fragment, RawClient, type RawReply } from './raw-client.ts'
import { SERVED_PROCEDURES as P, ServedProgram } from './served-program.ts'

const KIB = 1024
const LIMITS: TcpLimits = { connectionsMax: 64, idleMs: 1000, stalledMs: 60_000 }
const cleanUps: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(program = new ServedProgram(), limits = LIMITS) {
  const { server, clock, logger } = program
  const transport = await TcpTransport.listen({ server, host: '127.0.0.1', port: 0, clock, logger }, limits)
  cleanUps.push(() => transport.stop(0))
  const connect = async () => {
    const client = await RawClient.connect(transport.port)
    cleanUps.push(() => client.destroy())
    return client
  }
  return { program, transport, connect }
}

/** Waits for what other sockets and timers do; fails the test by its time limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

const xids = (replies: readonly RawReply[]) => replies.map((reply) => reply.xid)

describe('calls and replies', () => {
  test('one call, one reply', async () => {
    const { connect } = await start()
    const client = await connect()
    client.send(fragment(callMessage(P.ECHO, 1, Buffer.from('hello'))))
    const reply = await client.reply()
    expect(reply).toMatchObject({ xid: 1, refusal: undefined })
    expect(reply.result.toString('hex')).toBe('0000000568656c6c6f000000')
  })

  test('many calls in one chunk are answered in order', async () => {
    const { connect } = await start()
    const client = await connect()
    const calls = Array.from({ length: 500 }, (_, xid) =>
      fragment(callMessage(P.ECHO, xid, Buffer.from([xid & 255]))),
    )
    client.send(...calls)
    const replies = await client.replies(500)
    expect(xids(replies)).toEqual(calls.map((_, xid) => xid))
    expect(replies.every((reply, xid) => reply.result[4] === (xid & 255))).toBe(true)
  })

  test('a slow sender, byte by byte', async () => {
    const { connect } = await start()
    const client = await connect()
    for (const byte of fragment(callMessage(P.ECHO, 9, Buffer.from('slow')))) {
      client.send(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await client.reply()).xid).toBe(9)
  })

  test('a call in many fragments', async () => {
    const { connect } = await start()
    const client = await connect()
    const call = callMessage(P.ECHO, 9, Buffer.from('in pieces'))
    const pieces = Array.from({ length: call.length }, (_, at) =>
      fragment(call.subarray(at, at + 1), at === call.length - 1),
    )
    client.send(...pieces, fragment(callMessage(P.NULL, 10, undefined)))
    expect(xids(await client.replies(2))).toEqual([9, 10])
  })

  test('replies come when they are ready, not in the order of the calls', async () => {
    const { program, connect } = await start()
    const client = await connect()
    for (const xid of [1, 2, 3]) client.send(fragment(callMessage(P.HOLD, xid, Buffer.from([xid]))))
    client.send(fragment(callMessage(P.NULL, 4, undefined)))
    expect((await client.reply()).xid).toBe(4)
    for (const held of program.held.splice(0).reverse()) {
      held.release()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const replies = await client.replies(3)
    expect(xids(replies)).toEqual([3, 2, 1])
    expect(replies.map((reply) => reply.result[4])).toEqual([3, 2, 1])
  })

  test('data of every size, copied and borrowed, and calls around it', async () => {
    const { program, connect } = await start()
    const client = await connect()
    const counts = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 300 * KIB + 3, 1024 * KIB, 5]
    client.send(...counts.map((count, xid) => fragment(callMessage(P.DATA, xid, count))))
    const replies = await client.replies(counts.length)
    for (const [xid, count] of counts.entries()) {
      const { result } = replies[xid]!
      expect(replies[xid]!.xid).toBe(xid)
      expect(result.readUInt32BE()).toBe(count)
      expect(result.subarray(4, 4 + count).equals(Buffer.alloc(count, count & 0xff))).toBe(true)
    }
    client.destroy()
    await until(() => program.load.buffersUsedBytes === 0)
  })

  test('arguments stay as they are while their calls are worked on', async () => {
    const { connect } = await start()
    const client = await connect()
    const data = Array.from({ length: 300 }, (_, index) => Buffer.alloc((index * 7919) % 50_000, index))
    for (const [xid, bytes] of data.entries()) client.send(fragment(callMessage(P.SHA1, xid, bytes)))
    const digests = new Map(
      (await client.replies(300)).map((reply) => [reply.xid, reply.result.subarray(4, 24)]),
    )
    for (const [xid, bytes] of data.entries()) {
      expect(digests.get(xid)?.equals(createHash('sha1').update(bytes).digest())).toBe(true)
    }
  })

  test('a client that has said everything still gets its replies', async () => {
    const { program, connect } = await start()
    const client = await connect()
    client.socket.end(fragment(callMessage(P.HOLD, 1, Buffer.from('late'))))
    await until(() => program.held.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    program.releaseAll()
    expect((await client.reply()).xid).toBe(1)
    await client.closed
  })

  test('a retransmit over another connection gets the same reply', async () => {
    const { program, connect } = await start()
    const [first, second] = [await connect(), await connect()]
    const call = fragment(callMessage(P.ADD, 77, 5))
    first.send(call)
    const reply = await first.record()
    first.destroy()
    second.send(call)
    expect(await second.record()).toEqual(reply)
    expect(program.total).toBe(5)
  })
})

describe('what is no RPC closes the connection and nothing else', () => {
  const garbage: [string, Buffer][] = [
    ['an absurd length', Buffer.from('ffffffff', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.0\r\n\r\n')],
    ['a record too short for a call', fragment(Buffer.alloc(8))],
    ['an empty record', fragment(Buffer.alloc(0))],
    [
      'too many fragments',
      Buffer.concat(Array(RPC_FRAGMENTS_MAX + 1).fill(fragment(Buffer.alloc(1), false))),
    ],
    ['one byte too many', fragment(Buffer.alloc(RPC_RECORD_MAX_BYTES + 1)).subarray(0, 4)],
  ]

  test.each(garbage)('%s', async (_, bytes) => {
    const { program, transport, connect } = await start()
    const [bad, good] = [await connect(), await connect()]
    bad.send(bytes)
    await bad.closed
    good.send(fragment(callMessage(P.NULL, 1, undefined)))
    expect((await good.reply()).xid).toBe(1)
    good.destroy()
    await until(() => transport.connectionCount === 0)
    expect(program.load.buffersUsedBytes).toBe(0)
  })

  test('the longest record is taken', async () => {
    const { connect } = await start()
    const client = await connect()
    const call = callMessage(P.ECHO, 1, Buffer.alloc(1024 * KIB, 7))
    // The rest of the record is behind the arguments: garbage to the procedure, but not to the transport.
    client.send(fragment(Buffer.concat([call, Buffer.alloc(RPC_RECORD_MAX_BYTES - call.length)])))
    expect((await client.reply()).refusal).toEqual({ stat: 'GARBAGE_ARGS' })
    client.send(fragment(call))
    expect((await client.reply()).result.length).toBe(4 + 1024 * KIB)
  })

  test('a client that is reset in the middle of everything', async () => {
    const { program, transport, connect } = await start()
    const client = await connect()
    client.send(
      fragment(callMessage(P.HOLD, 1, Buffer.alloc(1000))),
      fragment(Buffer.alloc(100)).subarray(0, 50),
    )
    await until(() => program.held.length === 1)
    client.socket.resetAndDestroy()
    await until(() => transport.connectionCount === 0)
    program.releaseAll()
    await until(() => program.load.buffersUsedBytes === 0)
    expect(program.load.callsInFlight).toBe(0)
  })
})

describe('limits', () => {
  test('calls in flight of one connection, at the limit and one past it', async () => {
    const { program, connect } = await start()
    const client = await connect()
    const calls = Array.from({ length: CONNECTION_CALLS_MAX + 1 }, (_, xid) =>
      fragment(callMessage(P.HOLD, xid, Buffer.from('x'))),
    )
    client.send(...calls)
    await until(() => program.held.length === CONNECTION_CALLS_MAX)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(program.held.length).toBe(CONNECTION_CALLS_MAX)
    program.held.shift()!.release()
    await until(() => program.held.length === CONNECTION_CALLS_MAX)
    program.releaseAll()
    expect(new Set(xids(await client.replies(CONNECTION_CALLS_MAX + 1))).size).toBe(CONNECTION_CALLS_MAX + 1)
  })

  test('a client that never reads its replies does not make memory grow', async () => {
    const { program, connect } = await start()
    const [client, other] = [await connect(), await connect()]
    client.socket.pause()
    const asked = 40
    for (let xid = 0; xid < asked; xid += 1) client.send(fragment(callMessage(P.DATA, xid, 1024 * KIB)))
    let most = 0
    await until(() => {
      most = Math.max(most, program.load.buffersUsedBytes)
      return program.calls > 4
    })
    for (let index = 0; index < 50; index += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      most = Math.max(most, program.load.buffersUsedBytes)
    }
    const served = program.calls
    expect(served).toBeLessThan(asked)
    // Its unsent replies, one more that went over the limit, and receive buffers.
    expect(most).toBeLessThan(CONNECTION_UNSENT_MAX_BYTES + 6 * 1024 * KIB)
    other.send(fragment(callMessage(P.NULL, 1, undefined)))
    expect((await other.reply()).xid).toBe(1)
    client.socket.resume()
    let got = 0
    while (got < asked) got += (await client.replies(1)).length
    expect(program.calls).toBe(asked + 1)
  })

  test('receive buffers of one connection: calls beyond them wait', async () => {
    const { program, connect } = await start()
    const client = await connect()
    const calls = 24
    const data = Buffer.alloc(1024 * KIB)
    for (let xid = 0; xid < calls; xid += 1) client.send(fragment(callMessage(P.HOLD, xid, data)))
    const most = Math.ceil(CONNECTION_RECEIVE_MAX_BYTES / data.length) + 1
    await until(() => program.held.length >= most - 3)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(program.held.length).toBeLessThanOrEqual(most)
    expect(program.load.buffersUsedBytes).toBeLessThan(CONNECTION_RECEIVE_MAX_BYTES + 4 * 1024 * KIB)
    const replies = client.replies(calls)
    let isDone = false
    void replies.then(() => {
      isDone = true
    })
    await until(() => {
      program.releaseAll()
      return isDone
    })
    expect(new Set(xids(await replies)).size).toBe(calls)
  })

  test('in all: calls over the limit wait, and every connection gets its turn', async () => {
    const program = new ServedProgram({ limits: { callsMax: 4, buffersMaxBytes: 1 << 30 } })
    const { connect } = await start(program)
    const [greedy, modest] = [await connect(), await connect()]
    for (let xid = 0; xid < 10; xid += 1) greedy.send(fragment(callMessage(P.HOLD, xid, Buffer.from('x'))))
    await until(() => program.held.length === 4)
    modest.send(
      fragment(callMessage(P.HOLD, 100, Buffer.from('y'))),
      fragment(callMessage(P.HOLD, 101, Buffer.from('z'))),
    )
    await until(() => program.held.length === 5)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(program.held.length).toBe(5)
    const replies = Promise.all([greedy.replies(10), modest.replies(2)])
    let isDone = false
    void replies.then(() => {
      isDone = true
    })
    await until(() => {
      program.releaseAll()
      return isDone
    })
    expect(xids((await replies)[1])).toEqual([100, 101])
    expect(program.load.callsInFlight).toBe(0)
  })

  test('in all: with no buffer left, every connection gets one call after the other', async () => {
    const program = new ServedProgram({ limits: { callsMax: 100, buffersMaxBytes: 1 } })
    const { connect } = await start(program)
    const clients = [await connect(), await connect()]
    for (const client of clients) {
      for (let xid = 0; xid < 20; xid += 1) client.send(fragment(callMessage(P.DATA, xid, 100 * KIB)))
    }
    for (const client of clients) expect(await client.replies(20)).toHaveLength(20)
  })

  test('connections: at the limit an idle one makes room, otherwise the new one is refused', async () => {
    const { program, transport, connect } = await start(new ServedProgram(), { ...LIMITS, connectionsMax: 2 })
    const [first, second] = [await connect(), await connect()]
    for (const client of [first, second]) {
      client.send(fragment(callMessage(P.NULL, 1, undefined)))
      await client.reply()
    }
    const refused = await connect()
    await refused.closed
    expect(transport.connectionCount).toBe(2)
    second.send(fragment(callMessage(P.HOLD, 2, Buffer.from('busy'))))
    await until(() => program.held.length === 1)
    program.clock.elapsedMs += LIMITS.idleMs
    const third = await connect()
    await first.closed
    third.send(fragment(callMessage(P.NULL, 3, undefined)))
    expect((await third.reply()).xid).toBe(3)
    program.releaseAll()
    expect((await second.reply()).xid).toBe(2)
  })

  test('a connection that owes the rest of a record is closed after its time; an idle one is not', async () => {
    const stalledMs = 30
    const { program, connect } = await start(new ServedProgram(), { ...LIMITS, stalledMs })
    const [stalled, idle] = [await connect(), await connect()]
    stalled.send(fragment(callMessage(P.NULL, 1, undefined)).subarray(0, 20))
    const timer = setInterval(() => {
      program.clock.elapsedMs += stalledMs / 3
    }, 5)
    await stalled.closed
    clearInterval(timer)
    idle.send(fragment(callMessage(P.NULL, 1, undefined)))
    expect((await idle.reply()).xid).toBe(1)
  })
})

describe('stop', () => {
  test('lets calls in flight finish and their replies arrive, and takes no more', async () => {
    const { program, transport, connect } = await start()
    const [client, idle] = [await connect(), await connect()]
    client.send(fragment(callMessage(P.HOLD, 1, Buffer.alloc(500 * KIB, 3))))
    await until(() => program.held.length === 1)
    const stopped = transport.stop(5000)
    await idle.closed
    client.send(fragment(callMessage(P.NULL, 2, undefined)))
    await expect(RawClient.connect(transport.port)).rejects.toThrow()
    program.releaseAll()
    expect((await client.reply()).xid).toBe(1)
    await stopped
    await client.closed
    expect(program.calls).toBe(1)
    expect(program.load.buffersUsedBytes).toBe(0)
  })

  test('does not wait longer than it is told', async () => {
    const { program, transport, connect } = await start()
    const client = await connect()
    client.send(fragment(callMessage(P.HOLD, 1, Buffer.from('never'))))
    await until(() => program.held.length === 1)
    await transport.stop(10)
    await client.closed
  })

  test('an address in use is an error of the start', async () => {
    const { program, transport } = await start()
    const { server, clock, logger } = program
    const options = { server, host: '127.0.0.1', port: transport.port, clock, logger }
    await expect(TcpTransport.listen(options)).rejects.toThrow('EADDRINUSE')
  })
})
