import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { RpcError } from '../../src/oncrpc/rpc-error.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import { bytes, callEcho, client, echo, failureOf, serve, unusedPort } from './client-under-test.ts'
import { type SeenCall, TEST_PROGRAM, words } from './scripted-server.ts'

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
