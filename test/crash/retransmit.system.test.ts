import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Timestamp } from '../../src/base/clock.ts'
import type { sattr3 } from '../../src/protocols/nfs3/basic-types.ts'
import { CALLERS, ROOT_CALLER } from '../model/operation.ts'
import { mount, nfs3Call, nfs3Result } from '../model/rpc-message.ts'
import { RpcSocket } from '../model/rpc-socket.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { CrashRig } from './crash-rig.ts'

const ROOT = CALLERS[ROOT_CALLER]!
const EFFECT_TIMEOUT_MS = 5000
const POLL_MS = 5
const STATUS_AT = 24

const NO_CHANGE: sattr3 = {
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  atime: undefined,
  mtime: undefined,
}

/** A directory of a case, with what the case needs in it. */
interface Place {
  readonly dir: Uint8Array
  readonly file: Uint8Array
  readonly fileCtime: Timestamp
}

/** Calls that must not be carried out twice: each would answer another way, or change something, the second time. */
const CASES: Readonly<Record<string, (xid: number, place: Place) => Uint8Array>> = {
  'SETATTR with guard': (xid, { file, fileCtime }) =>
    nfs3Call(xid, ROOT, 'SETATTR', {
      object: file,
      new_attributes: { ...NO_CHANGE, mode: 0o600 },
      guard: fileCtime,
    }),
  'CREATE UNCHECKED over a file': (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'CREATE', {
      where: { dir, name: Buffer.from('file') },
      how: { mode: 'UNCHECKED', obj_attributes: { ...NO_CHANGE, size: 0 } },
    }),
  'CREATE GUARDED': (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'CREATE', {
      where: { dir, name: Buffer.from('new') },
      how: { mode: 'GUARDED', obj_attributes: { ...NO_CHANGE, mode: 0o644 } },
    }),
  'CREATE EXCLUSIVE': (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'CREATE', {
      where: { dir, name: Buffer.from('new') },
      how: { mode: 'EXCLUSIVE', verf: Buffer.from('verifier') },
    }),
  MKDIR: (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'MKDIR', {
      where: { dir, name: Buffer.from('new') },
      attributes: { ...NO_CHANGE, mode: 0o755 },
    }),
  SYMLINK: (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'SYMLINK', {
      where: { dir, name: Buffer.from('new') },
      symlink: { symlink_attributes: NO_CHANGE, symlink_data: Buffer.from('target') },
    }),
  MKNOD: (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'MKNOD', {
      where: { dir, name: Buffer.from('new') },
      what: { type: 'NF3FIFO', pipe_attributes: { ...NO_CHANGE, mode: 0o600 } },
    }),
  REMOVE: (xid, { dir }) => nfs3Call(xid, ROOT, 'REMOVE', { object: { dir, name: Buffer.from('file') } }),
  RMDIR: (xid, { dir }) => nfs3Call(xid, ROOT, 'RMDIR', { object: { dir, name: Buffer.from('empty') } }),
  RENAME: (xid, { dir }) =>
    nfs3Call(xid, ROOT, 'RENAME', {
      from: { dir, name: Buffer.from('file') },
      to: { dir, name: Buffer.from('renamed') },
    }),
  LINK: (xid, { dir, file }) =>
    nfs3Call(xid, ROOT, 'LINK', { file, link: { dir, name: Buffer.from('new') } }),
}

/** The proxy as clients that lose replies see it: every message over a connection of its own. */
class LossyClient {
  readonly #port: number
  #nextXid = 1000

  constructor(port: number) {
    this.#port = port
  }

  async place(name: string): Promise<Place> {
    const root = await mount(this.#port, '/default', ROOT)
    const dir = await this.#make(
      nfs3Call(this.xid(), ROOT, 'MKDIR', {
        where: { dir: root, name: Buffer.from(name) },
        attributes: { ...NO_CHANGE, mode: 0o755 },
      }),
    )
    const file = await this.#make(
      nfs3Call(this.xid(), ROOT, 'CREATE', {
        where: { dir, name: Buffer.from('file') },
        how: { mode: 'GUARDED', obj_attributes: { ...NO_CHANGE, mode: 0o644, size: 5000 } },
      }),
    )
    await this.#make(
      nfs3Call(this.xid(), ROOT, 'MKDIR', {
        where: { dir, name: Buffer.from('empty') },
        attributes: NO_CHANGE,
      }),
    )
    const got = nfs3Result(
      'GETATTR',
      await this.send(nfs3Call(this.xid(), ROOT, 'GETATTR', { object: file })),
    )
    if (!got.result.ok) throw new Error(got.result.status)
    return { dir, file, fileCtime: got.result.value.obj_attributes.ctime }
  }

  xid(): number {
    this.#nextXid += 1
    return this.#nextXid
  }

  async send(message: Uint8Array): Promise<Buffer> {
    const socket = await RpcSocket.open(this.#port)
    try {
      return await socket.call(message)
    } finally {
      socket.close()
    }
  }

  /** Sends a call, waits until it has had its effect, and closes the connection without a look at the reply. */
  async sendAndLose(message: Uint8Array, place: Place): Promise<void> {
    const before = await this.look(place)
    const socket = await RpcSocket.open(this.#port)
    socket.send(message)
    const deadlineMs = Date.now() + EFFECT_TIMEOUT_MS
    while ((await this.look(place)) === before) {
      if (Date.now() > deadlineMs) throw new Error('the call has no effect')
      await sleep(POLL_MS)
    }
    socket.close()
  }

  /** Everything that a case can change, times included, as text. */
  async look({ dir, file }: Place): Promise<string> {
    const list = { dir, cookie: 0n, cookieverf: new Uint8Array(8), count: 8192 }
    const lookup = (xid: number, name: string) =>
      this.send(nfs3Call(xid, ROOT, 'LOOKUP', { what: { dir, name: Buffer.from(name) } }))
    const replies = [
      await this.send(nfs3Call(1, ROOT, 'GETATTR', { object: dir })),
      await this.send(nfs3Call(2, ROOT, 'READDIR', list)),
      await this.send(nfs3Call(3, ROOT, 'GETATTR', { object: file })),
      await lookup(4, 'new'),
      await lookup(5, 'renamed'),
    ]
    return replies.map((reply) => reply.toString('hex')).join('\n')
  }

  async #make(message: Uint8Array): Promise<Uint8Array> {
    const { result } = nfs3Result('CREATE', await this.send(message))
    if (!result.ok || result.value.obj === undefined) throw new Error('the place cannot be made')
    return new Uint8Array(result.value.obj)
  }
}

interface Sent {
  readonly name: string
  readonly place: Place
  readonly message: Uint8Array
  readonly reply: Buffer | undefined
  /** After the effect. */
  readonly look: string
}

describeWithRigs('retransmitted calls', ['image-tree', 'ganesha'], () => {
  let rig: CrashRig
  let proxy: RowfsProcess
  let client: LossyClient
  let places = 0

  beforeAll(async () => {
    rig = await CrashRig.start()
    proxy = await RowfsProcess.startProxy(rig.proxyOptions('local'))
    client = new LossyClient(proxy.port)
  })
  afterAll(async () => {
    await proxy?.kill()
    await rig?.stop()
  })

  async function newPlace(): Promise<Place> {
    places += 1
    return client.place(`place-${places}`)
  }

  function expectSuccess(name: string, reply: Buffer): void {
    expect(reply.readUInt32BE(STATUS_AT), `${name}: status`).toBe(0)
  }

  /** The same reply as before (or one and the same from now on), and nothing happens any more. */
  async function expectReplayed({ name, place, message, reply, look }: Sent): Promise<void> {
    const again = await client.send(message)
    expectSuccess(name, again)
    if (reply !== undefined) expect(again.equals(reply), `${name}: the same reply`).toBe(true)
    expect((await client.send(message)).equals(again), `${name}: the same reply a third time`).toBe(true)
    expect(await client.look(place), `${name}: its effect, once`).toBe(look)
  }

  async function sendAll(lose: boolean): Promise<Sent[]> {
    const sent: Sent[] = []
    for (const [name, make] of Object.entries(CASES)) {
      const place = await newPlace()
      const message = make(client.xid(), place)
      const reply = lose ? undefined : await client.send(message)
      if (lose) await client.sendAndLose(message, place)
      else expectSuccess(name, reply!)
      sent.push({ name, place, message, reply, look: await client.look(place) })
    }
    return sent
  }

  describe.each(Object.keys(CASES))('%s', (name) => {
    test('first reply lost, sent again on a new connection', async () => {
      const place = await newPlace()
      const message = CASES[name]!(client.xid(), place)
      await client.sendAndLose(message, place)
      await expectReplayed({ name, place, message, reply: undefined, look: await client.look(place) })
    })

    test('sent again while it is being carried out', async () => {
      const place = await newPlace()
      const message = CASES[name]!(client.xid(), place)
      const [first, second, third] = await Promise.all([1, 2, 3].map(() => client.send(message)))
      expectSuccess(name, first!)
      expect(second!.equals(first!) && third!.equals(first!)).toBe(true)
      await expectReplayed({ name, place, message, reply: first, look: await client.look(place) })
    })

    test('with another xid it is another call', async () => {
      const place = await newPlace()
      expectSuccess(name, await client.send(CASES[name]!(client.xid(), place)))
      const look = await client.look(place)
      const other = await client.send(CASES[name]!(client.xid(), place))
      const changed = (await client.look(place)) !== look
      // EXCLUSIVE with the same verifier succeeds again by design; all others fail, or change something.
      const refused = other.readUInt32BE(STATUS_AT) !== 0
      expect(refused || changed).toBe(name !== 'CREATE EXCLUSIVE')
    })
  })

  test('sent again after a clean restart', async () => {
    const sent = await sendAll(false)
    expect((await proxy.stop()).exitCode).toBe(0)
    await proxy.start()
    for (const each of sent) await expectReplayed(each)
  })

  test('sent again after kill -9', async () => {
    const sent = await sendAll(false)
    await proxy.kill()
    await proxy.start()
    for (const each of sent) await expectReplayed(each)
  })

  test('first reply lost, and killed before it was asked for again', async () => {
    const sent = await sendAll(true)
    await proxy.kill()
    await proxy.start()
    for (const each of sent) await expectReplayed(each)
  })
})
