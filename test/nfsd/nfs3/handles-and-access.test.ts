import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HandleCodec } from '../../../src/handles/handle-codec.ts'
import type { ExportSettings } from '../../../src/nfsd/exports.ts'
import { NO_CREDENTIALS } from '../../../src/oncrpc/auth-sys.ts'
import { encodeCredential, writeCall } from '../../../src/oncrpc/message.ts'
import { NFS3_PROCEDURES } from '../../../src/protocols/nfs3/procedures.ts'
import type { NodeId } from '../../../src/vfs/file-system.ts'
import { XdrWriter } from '../../../src/xdr/writer.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { Look, name } from '../../conformance/harness.ts'
import { MemoryFileSystem } from '../../conformance/memory-file-system.ts'
import { dir, file, plantThroughCalls, treeOf } from '../../conformance/seeds.ts'
import { NfsdRig, sys } from '../rig.ts'
import { NO_CHANGES } from './fixture.ts'

let rig: NfsdRig
let look: Look

async function start(settings: Partial<ExportSettings> = {}): Promise<void> {
  const fs = new MemoryFileSystem()
  await plantThroughCalls(fs, treeOf([dir('/open', { mode: 0o777 }), file('/secret', 5, { mode: 0o600 })]))
  look = new Look(fs)
  rig = await NfsdRig.start(fs, settings)
}

const getattr = (object: Uint8Array) => rig.nfs('GETATTR', { object })

afterEach(() => rig.stop())

describe('handles', () => {
  beforeEach(() => start())

  test('of a length that is not ours are BADHANDLE, up to 64 bytes', async () => {
    const handle = rig.handle()
    for (const length of [0, 1, 35, 37, 64]) {
      const wrong = new Uint8Array(length)
      wrong.set(handle.subarray(0, Math.min(length, handle.length)))
      failOf(await getattr(wrong), 'BADHANDLE')
    }
  })

  test('of 65 bytes are GARBAGE_ARGS', async () => {
    expect(await acceptStatOfGetattr(64)).toBe(0)
    expect(await acceptStatOfGetattr(65)).toBe(4)
  })

  test('of another view, made from one’s own, are BADHANDLE', async () => {
    rig.exports.add({ path: Buffer.from('/other'), view: 2, fileSystem: new MemoryFileSystem() })
    okOf(await getattr(rig.handle(rig.fs.root, 2)))
    const forged = Uint8Array.from(rig.handle())
    forged[7] = 2
    failOf(await getattr(forged), 'BADHANDLE')
    const foreign = new HandleCodec(new Uint8Array(32).fill(8))
    failOf(await getattr(foreign.encode({ view: 1, node: rig.fs.root, generation: 1 })), 'BADHANDLE')
  })

  test('of a view that is not exported any more are STALE, and good again when it is', async () => {
    const handle = rig.handle()
    rig.exports.remove(1)
    failOf(await getattr(handle), 'STALE')
    rig.exports.add({ path: Buffer.from('/renamed'), view: 1, fileSystem: rig.fs })
    okOf(await getattr(handle))
  })

  test('of another generation, or of an object that never was, are STALE', async () => {
    const { root } = rig.fs
    failOf(await getattr(rig.handles.encode({ view: 1, node: root, generation: 2 })), 'STALE')
    failOf(await getattr(rig.handles.encode({ view: 1, node: 999_999 as NodeId, generation: 1 })), 'STALE')
  })
})

/** accept_stat of a GETATTR with a handle of this many bytes: what no codec of ours would write. */
async function acceptStatOfGetattr(handleBytes: number): Promise<number> {
  const writer = new XdrWriter(512)
  const credential = new XdrWriter(64)
  encodeCredential(credential, NO_CREDENTIALS)
  writer.uint32(0)
  const target = { program: 100003, version: 3, procedure: NFS3_PROCEDURES.GETATTR.number }
  writeCall(writer, 1, target, credential.toBytes())
  writer.opaque(new Uint8Array(handleBytes))
  writer.patchUint32(0, (0x8000_0000 | (writer.lengthBytes - 4)) >>> 0)
  const socket = connect(rig.port, '127.0.0.1')
  socket.write(writer.toBytes())
  const [reply] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  // record mark, xid, REPLY, MSG_ACCEPTED, verifier (flavor and length), accept_stat
  return reply.readUInt32BE(24)
}

describe('allow list', () => {
  test('is asked at every call, not only at MNT', async () => {
    await start({ allow: ['10.0.0.0/8'] })
    failOf(await getattr(rig.handle()), 'ACCES')
    failOf(
      await rig.nfs('READDIR', { dir: rig.handle(), cookie: 0n, cookieverf: new Uint8Array(8), count: 4096 }),
      'ACCES',
    )
    expect(await rig.nfs('NULL', undefined)).toBeUndefined()
  })

  test('tells nothing of the object', async () => {
    await start({ allow: [] })
    const args = { where: { dir: rig.handle(), name: name('x') }, attributes: NO_CHANGES }
    expect(failOf(await rig.nfs('MKDIR', args), 'ACCES').dir_wcc).toEqual({
      before: undefined,
      after: undefined,
    })
  })

  test('a port that is not privileged', async () => {
    await start({ requirePrivilegedPort: true })
    failOf(await getattr(rig.handle()), 'ACCES')
  })
})

describe('identities', () => {
  const make = async (as: ReturnType<typeof sys> | typeof NO_CREDENTIALS, text: string) => {
    const where = { dir: rig.handle(await look.node('/open')), name: name(text) }
    const made = okOf(await rig.nfs('MKDIR', { where, attributes: { ...NO_CHANGES, mode: 0o755 } }, as))
    return { uid: made.obj_attributes?.uid, gid: made.obj_attributes?.gid }
  }
  const readSecret = async (as: ReturnType<typeof sys> | typeof NO_CREDENTIALS) => {
    const secret = rig.handle(await look.node('/secret'))
    return rig.nfs('READ', { file: secret, offset: 0, count: 5 }, as)
  }

  test('no squash: root is root, others are themselves, AUTH_NONE is nobody', async () => {
    await start()
    expect(await make(sys(0), 'a')).toEqual({ uid: 0, gid: 0 })
    expect(await make(sys(7, 8, [9]), 'b')).toEqual({ uid: 7, gid: 8 })
    expect(await make(NO_CREDENTIALS, 'c')).toEqual({ uid: 65534, gid: 65534 })
    okOf(await readSecret(sys(0)))
    failOf(await readSecret(NO_CREDENTIALS), 'ACCES')
  })

  test('root squash', async () => {
    await start({ squash: 'root', anonUid: 99, anonGid: 98 })
    expect(await make(sys(0), 'a')).toEqual({ uid: 99, gid: 98 })
    expect(await make(sys(7, 8), 'b')).toEqual({ uid: 7, gid: 8 })
    failOf(await readSecret(sys(0)), 'ACCES')
  })

  test('all squash', async () => {
    await start({ squash: 'all', anonUid: 0, anonGid: 0 })
    expect(await make(sys(7, 8), 'b')).toEqual({ uid: 0, gid: 0 })
    okOf(await readSecret(sys(7)))
  })
})
