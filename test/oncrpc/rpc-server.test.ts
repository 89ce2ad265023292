import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CredentialCache } from '../../src/oncrpc/credential-cache.ts'
import type { RpcPeer } from '../../src/oncrpc/rpc-peer.ts'
import { XdrWriter } from '../../src/xdr/writer.ts'
import { callMessage, parseReply, type RawReply } from './raw-client.ts'
import { NOT_NOW, SERVED_PROCEDURES as P, ServedProgram } from './served-program.ts'

/** A peer without a socket. */
class Mailbox implements RpcPeer {
  readonly address: string
  readonly port = 700
  readonly transport = 'tcp'
  readonly credentials = new CredentialCache()
  readonly replies: Buffer[] = []
  isOpen = true
  #writer = new XdrWriter(64)

  constructor(address = '192.0.2.1') {
    this.address = address
  }

  beginReply(): XdrWriter {
    this.#writer = new XdrWriter(64)
    return this.#writer
  }

  endReply(): void {
    this.replies.push(Buffer.from(this.#writer.toBytes()))
  }

  cancelReply(): void {
    this.#writer = new XdrWriter(64)
  }
}

async function ask(program: ServedProgram, message: Uint8Array, peer = new Mailbox()): Promise<RawReply> {
  expect(await program.server.receive(peer, message, 0, message.length)).toBe(true)
  expect(peer.replies).toHaveLength(1)
  return parseReply(peer.replies[0]!)
}

const patched = (message: Buffer, at: number, value: number) => {
  const copy = Buffer.from(message)
  copy.writeUInt32BE(value, at)
  return copy
}

describe('a call', () => {
  test('that is answered at once has its reply when receive returns', () => {
    const program = new ServedProgram()
    const peer = new Mailbox()
    const message = callMessage(P.ECHO, 5, Buffer.from('hello'))
    expect(program.server.receive(peer, message, 0, message.length)).toBe(true)
    expect(parseReply(peer.replies[0]!)).toMatchObject({ xid: 5, refusal: undefined })
    expect(parseReply(peer.replies[0]!).result.toString()).toContain('hello')
    expect(program).toMatchObject({ calls: 1, bytesIn: message.length, bytesOut: peer.replies[0]!.length })
  })

  test('is read from its range only', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.ECHO, 5, Buffer.from('hello'))
    const stream = Buffer.concat([Buffer.alloc(8, 1), message, Buffer.alloc(8, 2)])
    const peer = new Mailbox()
    program.server.receive(peer, stream, 8, 8 + message.length)
    expect(parseReply(peer.replies[0]!).result.toString()).toContain('hello')
  })

  test('every RPC error', async () => {
    const program = new ServedProgram()
    const call = callMessage(P.ECHO, 7, Buffer.from('hello'))
    const refusal = async (message: Uint8Array) => (await ask(program, message)).refusal
    expect(await refusal(patched(call, 8, 3))).toEqual({ stat: 'RPC_MISMATCH', low: 2, high: 2 })
    expect(await refusal(patched(call, 12, 100227))).toEqual({ stat: 'PROG_UNAVAIL' })
    for (const version of [0, 3, 5]) {
      const expected = { stat: 'PROG_MISMATCH', low: 2, high: 4 }
      expect(await refusal(patched(call, 16, version))).toEqual(expected)
    }
    for (const procedure of [10, 12, 0xffff_ffff]) {
      expect(await refusal(patched(call, 20, procedure))).toEqual({ stat: 'PROC_UNAVAIL' })
    }
    expect(await refusal(patched(call, 24, 6))).toEqual({ stat: 'AUTH_ERROR', why: 'AUTH_REJECTEDCRED' })
    expect(await refusal(patched(call, 28, 401))).toEqual({ stat: 'AUTH_ERROR', why: 'AUTH_BADCRED' })
    expect(await refusal(patched(call, 36, 256))).toEqual({ stat: 'AUTH_ERROR', why: 'AUTH_BADCRED' })
    const verifierAt = 32 + call.readUInt32BE(28)
    expect(await refusal(patched(call, verifierAt, 1))).toEqual({ stat: 'AUTH_ERROR', why: 'AUTH_BADVERF' })
    expect(await refusal(callMessage(P.THROW, 7, undefined))).toEqual({ stat: 'SYSTEM_ERR' })
    expect(await refusal(callMessage(P.MISTAKE, 7, undefined))).toEqual({ stat: 'SYSTEM_ERR' })
    expect(program.refusals).toHaveLength(14)
    expect(program.logged).toHaveLength(2)
    expect(program.calls).toBe(0)
  })

  test('arguments cut off at every length, or with something behind them, are garbage', async () => {
    const program = new ServedProgram()
    for (const call of [callMessage(P.ECHO, 7, Buffer.from('hello')), callMessage(P.ADD, 7, 1)]) {
      const argsAt = 40 + call.readUInt32BE(28)
      for (let lengthBytes = argsAt; lengthBytes < call.length; lengthBytes += 1) {
        expect((await ask(program, call.subarray(0, lengthBytes))).refusal).toEqual({ stat: 'GARBAGE_ARGS' })
      }
      const longer = Buffer.concat([call, Buffer.alloc(4)])
      expect((await ask(program, longer)).refusal).toEqual({ stat: 'GARBAGE_ARGS' })
    }
    expect(program).toMatchObject({ total: 0, calls: 0 })
  })

  test('what is no RPC message at all', () => {
    const program = new ServedProgram()
    const peer = new Mailbox()
    const call = callMessage(P.NULL, 7, undefined)
    for (const lengthBytes of [0, 4, 8, 12, 23]) {
      expect(program.server.receive(peer, call, 0, lengthBytes)).toBe(false)
    }
    expect(peer.replies).toEqual([])
  })

  test('a reply that nobody asked for is dropped', () => {
    const program = new ServedProgram()
    const peer = new Mailbox()
    const call = patched(callMessage(P.NULL, 7, undefined), 4, 1)
    expect(program.server.receive(peer, call, 0, call.length)).toBe(true)
    expect(peer.replies).toEqual([])
  })

  test('credentials reach the handler; without any NULL is answered too', async () => {
    const program = new ServedProgram()
    const credentials = {
      flavor: 'sys',
      uid: 5,
      gid: 6,
      gids: [1, 2, 3],
      machineName: Buffer.from('m'),
    } as const
    const who = await ask(program, callMessage(P.WHO, 1, undefined, { credentials }))
    expect(who.result.toString('hex')).toBe('0000000500000003')
    const call = callMessage(P.NULL, 1, undefined)
    const bare = Buffer.concat([call.subarray(0, 24), Buffer.alloc(16)])
    expect((await ask(program, bare)).refusal).toBe(undefined)
  })

  test('an error later is SYSTEM_ERR, and its stack is logged', async () => {
    const program = new ServedProgram()
    const answer = ask(program, callMessage(P.THROW_LATER, 3, undefined))
    program.releaseAll()
    expect((await answer).refusal).toEqual({ stat: 'SYSTEM_ERR' })
    expect(JSON.stringify(program.logged)).toContain('THROW_LATER')
    expect(program.load.callsInFlight).toBe(0)
  })

  test('a peer that has gone gets nothing, and buffers come back', async () => {
    const program = new ServedProgram()
    const peer = new Mailbox()
    const message = callMessage(P.DATA, 3, 1000)
    peer.isOpen = false
    program.server.receive(peer, message, 0, message.length)
    expect(peer.replies).toEqual([])
    expect(program.load.buffersUsedBytes).toBe(0)
  })
})

describe('a call that must not be carried out twice', () => {
  test('is answered again with the same bytes, from another port too', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.ADD, 11, 5)
    const [first, again] = [new Mailbox(), new Mailbox()]
    await ask(program, message, first)
    await ask(program, message, again)
    expect(again.replies).toEqual(first.replies)
    expect(program).toMatchObject({ total: 5, calls: 1, replays: 1 })
  })

  test('another client, xid or argument is another call', async () => {
    const program = new ServedProgram()
    await ask(program, callMessage(P.ADD, 11, 5))
    await ask(program, callMessage(P.ADD, 11, 5), new Mailbox('192.0.2.2'))
    await ask(program, callMessage(P.ADD, 12, 5))
    await ask(program, callMessage(P.ADD, 11, 6))
    expect(program.total).toBe(21)
  })

  test('a retransmit while it is worked on shares the reply', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.ADD_LATER, 11, 5)
    const peers = [new Mailbox(), new Mailbox(), new Mailbox()]
    const answers = peers.map((peer) => ask(program, message, peer))
    expect(program.held).toHaveLength(1)
    expect(program.load.callsInFlight).toBe(3)
    program.releaseAll()
    await Promise.all(answers)
    expect(peers[1]!.replies).toEqual(peers[0]!.replies)
    expect(peers[2]!.replies).toEqual(peers[0]!.replies)
    expect(program).toMatchObject({ total: 5, replays: 2 })
    expect(program.load.callsInFlight).toBe(0)
  })

  test('is remembered when the client has gone before the reply', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.ADD_LATER, 11, 5)
    const gone = new Mailbox()
    const answer = program.server.receive(gone, message, 0, message.length)
    gone.isOpen = false
    program.releaseAll()
    await answer
    expect(gone.replies).toEqual([])
    expect((await ask(program, message)).result.readUInt32BE()).toBe(5)
    expect(program.total).toBe(5)
  })

  test('after a failure inside it may be tried again; who waited is told', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.THROW_LATER, 11, undefined)
    const answers = [ask(program, message), ask(program, message)]
    program.releaseAll()
    for (const answer of answers) expect((await answer).refusal).toEqual({ stat: 'SYSTEM_ERR' })
    const again = ask(program, message)
    expect(program.held).toHaveLength(1)
    program.releaseAll()
    await again
  })

  test('the sealed record brings the reply through a restart', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.ADD, 11, 5)
    const first = new Mailbox()
    await ask(program, message, first)
    expect(program.sealed).toHaveLength(1)
    const next = new ServedProgram({ records: program.sealed })
    const again = new Mailbox()
    await ask(next, message, again)
    expect(again.replies).toEqual(first.replies)
    expect(next).toMatchObject({ total: 0, calls: 0, replays: 1 })
  })

  test('if its effect fails after it was sealed, the failure is the reply', async () => {
    const program = new ServedProgram()
    program.failAfterSeal = true
    const message = callMessage(P.ADD, 11, 5)
    expect((await ask(program, message)).result.readUInt32BE()).toBe(0xdead)
    expect((await ask(program, message)).result.readUInt32BE()).toBe(0xdead)
    expect(program.calls).toBe(1)
  })

  test('"ask again" is no answer to keep: the same call later is carried out', async () => {
    const program = new ServedProgram()
    program.isBusy = true
    const message = callMessage(P.ADD, 11, 5)
    expect((await ask(program, message)).result.readUInt32BE()).toBe(NOT_NOW)
    program.isBusy = false
    expect((await ask(program, message)).result.readUInt32BE()).toBe(5)
    expect((await ask(program, message)).result.readUInt32BE()).toBe(5)
    expect(program).toMatchObject({ total: 5, replays: 1 })
  })

  test('an idempotent call is carried out every time', async () => {
    const program = new ServedProgram()
    const message = callMessage(P.WHO, 11, undefined)
    await ask(program, message)
    await ask(program, message)
    expect(program).toMatchObject({ calls: 2, replays: 0 })
  })
})

test('any message, and damaged calls, are answered, dropped or no RPC, and never more than that', async () => {
  const program = new ServedProgram()
  const calls = [
    callMessage(P.ECHO, 1, Buffer.from('hello')),
    callMessage(P.ADD, 2, 5),
    callMessage(P.DATA, 3, 700),
    callMessage(P.WHO, 4, undefined),
  ]
  const damaged = fc
    .tuple(
      fc.constantFrom(...calls),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
      fc.nat(),
    )
    .map(([call, changes, cut]) => {
      const message = Buffer.from(call)
      for (const [at, byte] of changes) message[at % message.length] = byte
      return message.subarray(0, cut % (2 * message.length))
    })
  const anyMessage = fc.oneof(damaged, fc.uint8Array({ maxLength: 200 }))
  await fc.assert(
    fc.asyncProperty(anyMessage, async (message) => {
      const peer = new Mailbox()
      const answered = program.server.receive(peer, message, 0, message.length)
      program.releaseAll()
      await answered
      expect(peer.replies.length).toBeLessThanOrEqual(1)
      for (const reply of peer.replies) {
        expect(parseReply(reply).xid).toBe(Buffer.from(message).readUInt32BE())
      }
    }),
    { numRuns: 2000 },
  )
})
