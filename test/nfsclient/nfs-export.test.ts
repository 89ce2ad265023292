import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { MountError } from '../../src/nfsclient/mount-error.ts'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NFS3_READ_PROCEDURES } from '../../src/nfsclient/nfs3-client.ts'
import { mountres3 } from '../../src/protocols/mount3/types.ts'
import { NFS3_PROCEDURES } from '../../src/protocols/nfs3/procedures.ts'
import { FSINFO3res, type FSINFO3resok, GETATTR3res } from '../../src/protocols/nfs3/types.ts'
import { encodeXdr } from '../../src/xdr/codec.ts'
import { acceptedReply, readCall, ScriptedServer, type SeenCall, words } from '../oncrpc/scripted-server.ts'

const NFS = 100003
const MOUNT = 100005
const PORTMAP = 100000
const ROOT = Uint8Array.of(1, 2, 3, 4, 5)
const FSINFO: FSINFO3resok = {
  obj_attributes: undefined,
  rtmax: 65536,
  rtpref: 32768,
  rtmult: 1,
  wtmax: 16384,
  wtpref: 65536,
  wtmult: 1,
  dtpref: 4096,
  maxfilesize: 2 ** 60,
  time_delta: { seconds: 0, nanoseconds: 1 },
  properties: 0,
}

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Fake {
  readonly mnt?: mountres3
  readonly info?: Partial<FSINFO3resok>
  readonly nfs?: (call: SeenCall) => void
  /** GETPORT's answer for [program, protocol]. */
  readonly port?: (program: number, protocol: number) => number
}

const MOUNTED: mountres3 = { ok: true, value: { fhandle: ROOT, auth_flavors: [1] } }

/** One server that is portmapper, mount server and NFS server on one port. */
async function fakeServer(fake: Fake) {
  const server = await ScriptedServer.listen((call) => {
    if (call.program === PORTMAP) {
      call.connection.reply(
        call.xid,
        words(fake.port?.(call.args.readUInt32BE(0), call.args.readUInt32BE(8)) ?? 0),
      )
    } else if (call.program === MOUNT) {
      call.connection.reply(call.xid, encodeXdr(mountres3, fake.mnt ?? MOUNTED))
    } else if (call.procedure === NFS3_PROCEDURES.FSINFO.number) {
      const value = { ...FSINFO, ...fake.info }
      call.connection.reply(call.xid, encodeXdr(FSINFO3res, { ok: true, value }))
    } else fake.nfs?.(call)
  })
  cleanUps.push(() => server.close())
  return server
}

function exportAt(url: string, waitMaxMs = 3000) {
  const made = new NfsExport(parseNfsUrl(url), NFS3_PROCEDURES, {
    limits: { waitMaxMs, waitMinMs: 20, backOffMinMs: 10, backOffMaxMs: 20 },
  })
  cleanUps.push(() => made.close())
  return made
}

const programsOf = (server: ScriptedServer) => server.calls.map((call) => call.program)

describe('mounting', () => {
  test('with ports: MNT and FSINFO, once, however many ask', async () => {
    const server = await fakeServer({})
    const { port } = server.target
    const subject = exportAt(`nfs://127.0.0.1/srv/a%20b?nfsport=${port}&mountport=${port}&uid=7&gid=8`)
    expect(subject.state).toEqual({ state: 'untried' })
    const [one, two] = await Promise.all([subject.ready(), subject.ready()])
    expect(one).toBe(two)
    expect(subject.mounted).toBe(one)
    expect(one.root).toEqual(ROOT)
    expect(one.limits).toEqual({ readBytes: 32768, writeBytes: 16384, fileMaxBytes: Number.MAX_SAFE_INTEGER })
    expect(programsOf(server)).toEqual([MOUNT, NFS])
    expect(server.calls[0]!.args.toString('latin1')).toBe('\0\0\0\x08/srv/a b')
    expect(server.calls[1]!.message.includes(words(7, 8, 0))).toBe(true)
    expect(subject.state).toEqual({ state: 'up' })
  })

  test.each([
    [{ rtmax: 0, rtpref: 0 }, 4096],
    [{ rtmax: 512, rtpref: 512 }, 4096],
    [{ rtmax: 65536, rtpref: 0 }, 65536],
    [{ rtmax: 0x4000000, rtpref: 0x4000000 }, 1024 * 1024],
  ])('FSINFO %j means reads of %i bytes', async (info, readBytes) => {
    const server = await fakeServer({ info })
    const { port } = server.target
    const { limits } = await exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`).ready()
    expect(limits.readBytes).toBe(readBytes)
  })

  test('without ports the portmapper is asked over TCP', async () => {
    const server = await fakeServer({ port: () => port })
    const { port } = server.target
    await exportAt(`nfs://127.0.0.1/x?portmapport=${port}`).ready()
    expect(programsOf(server)).toEqual([PORTMAP, PORTMAP, MOUNT, NFS])
  })

  test('a portmapper and a mount server that speak UDP only', async () => {
    const nfs = await fakeServer({})
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    cleanUps.push(async () => udp.close())
    const { port } = udp.address()
    const asked: number[] = []
    udp.on('message', (message, from) => {
      const call = readCall(message)
      asked.push(call.program)
      const isMountOverUdp = call.args.readUInt32BE(0) === MOUNT && call.args.readUInt32BE(8) === 17
      const result = call.program === MOUNT ? encodeXdr(mountres3, MOUNTED) : words(isMountOverUdp ? port : 0)
      udp.send(acceptedReply(call.xid, result), from.port)
    })
    const url = `nfs://127.0.0.1/x?nfsport=${nfs.target.port}&portmapport=${port}`
    expect((await exportAt(url, 200).ready()).root).toEqual(ROOT)
    expect(asked).toEqual([PORTMAP, PORTMAP, MOUNT])
  })

  test.each([
    ['nfsport=1', 'MOUNT', 'mountport=N'],
    ['mountport=1', 'NFS', 'nfsport=N'],
  ])('with %s, and %s not registered, says what to do', async (given, service, advice) => {
    const server = await fakeServer({})
    const failure = await failureOf(
      exportAt(`nfs://127.0.0.1/x?portmapport=${server.target.port}&${given}`).ready(),
    )
    expect(failure).toBeInstanceOf(MountError)
    expect(failure).toMatchObject({ status: 'JUKEBOX' })
    expect(failure.message).toContain(`knows no ${service} version 3`)
    expect(failure.message).toContain(advice)
  })

  test.each([
    ['ACCES', 'ACCES', 'allow this machine'],
    ['PERM', 'ACCES', 'allow this machine'],
    ['NOENT', 'IO', 'exports no directory /x'],
    ['NOTDIR', 'IO', 'exports no directory /x'],
    ['SERVERFAULT', 'IO', 'SERVERFAULT'],
  ] as const)('MNT refused with %s is %s and is explained', async (refusal, status, why) => {
    const server = await fakeServer({ mnt: { ok: false, status: refusal, fail: undefined } })
    const { port } = server.target
    const subject = exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`)
    const failure = await failureOf(subject.ready())
    expect(failure).toMatchObject({ name: 'MountError', status })
    expect(failure.message).toContain(why)
    expect(subject.state).toMatchObject({ state: 'down', reason: failure.message })
  })

  test('an export for Kerberos only is refused by us', async () => {
    const server = await fakeServer({ mnt: { ok: true, value: { fhandle: ROOT, auth_flavors: [390003] } } })
    const { port } = server.target
    const failure = await failureOf(exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`).ready())
    expect(failure).toMatchObject({ status: 'ACCES' })
    expect(failure.message).toContain('390003')
  })

  test('nobody there: unavailable after the bounded wait, and tried again the next time', async () => {
    const gone = await ScriptedServer.listen(() => {})
    const { port } = gone.target
    await gone.close()
    const subject = exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`, 200)
    const failure = await failureOf(subject.ready())
    expect(failure).toMatchObject({ name: 'ServerUnavailableError', status: 'JUKEBOX' })
    const server = await ScriptedServer.listen((call) => {
      const result =
        call.program === MOUNT
          ? encodeXdr(mountres3, MOUNTED)
          : encodeXdr(FSINFO3res, { ok: true, value: FSINFO })
      call.connection.reply(call.xid, result)
    }, port)
    cleanUps.push(() => server.close())
    expect((await subject.ready()).root).toEqual(ROOT)
  })

  test('a remount asks MNT again and keeps the connection', async () => {
    const server = await fakeServer({})
    const { port } = server.target
    const subject = exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`)
    const { client } = await subject.ready()
    await subject.remount()
    expect(programsOf(server)).toEqual([MOUNT, NFS, MOUNT, NFS])
    const nfsConnections = server.calls
      .filter((call) => call.program === NFS)
      .map((call) => call.connection.index)
    expect(new Set(nfsConnections).size).toBe(1)
    expect(client.name).toBe(subject.name)
  })
})

describe('calls', () => {
  const jukebox = encodeXdr(GETATTR3res, { ok: false, status: 'JUKEBOX', fail: undefined })
  const stale = encodeXdr(GETATTR3res, { ok: false, status: 'STALE', fail: undefined })

  test('JUKEBOX is asked again with a new xid until there is an answer', async () => {
    const server = await fakeServer({
      nfs: (call) => call.connection.reply(call.xid, server.calls.length < 5 ? jukebox : stale),
    })
    const { port } = server.target
    const { client, root } = await exportAt(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`).ready()
    expect(await client.call('GETATTR', { object: root })).toMatchObject({ ok: false, status: 'STALE' })
    const xids = server.calls.slice(2).map((call) => call.xid)
    expect(xids).toHaveLength(3)
    expect(new Set(xids).size).toBe(3)
  })

  test('JUKEBOX for ever is given back within the bounded wait', async () => {
    const server = await fakeServer({ nfs: (call) => call.connection.reply(call.xid, jukebox) })
    const { port } = server.target
    const { client, root } = await exportAt(
      `nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`,
      500,
    ).ready()
    const began = performance.now()
    expect(await client.call('GETATTR', { object: root })).toMatchObject({ ok: false, status: 'JUKEBOX' })
    expect(performance.now() - began).toBeLessThan(600)
  })

  test('a reading client cannot be made to write: neither by type nor at run time', async () => {
    const server = await fakeServer({})
    const { port } = server.target
    const url = parseNfsUrl(`nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`)
    const subject = new NfsExport(url, NFS3_READ_PROCEDURES)
    cleanUps.push(() => subject.close())
    const { client } = await subject.ready()
    const reading = new Set<string>(Object.keys(NFS3_READ_PROCEDURES))
    for (const [name, spec] of Object.entries(NFS3_PROCEDURES)) {
      if (spec.mutates || name === 'COMMIT') expect(reading.has(name)).toBe(false)
    }
    const sent = server.calls.length
    // @ts-expect-error REMOVE is not a procedure of a reading client
    expect(() => client.call('REMOVE', { object: { dir: ROOT, name: ROOT } })).toThrow('must not call REMOVE')
    // @ts-expect-error nor is what every object has
    expect(() => client.call('constructor', {})).toThrow('must not call')
    expect(server.calls).toHaveLength(sent)
  })
})

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}
