import { afterEach, describe, expect, test } from 'vitest'
import { RpcError } from '../../../src/oncrpc/rpc-error.ts'
import type { Attributes } from '../../../src/vfs/attributes.ts'
import { DamageError, ServerUnavailableError, StorageError } from '../../../src/vfs/faults.ts'
import type { FileSystem, NodeId } from '../../../src/vfs/file-system.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { Look, name } from '../../conformance/harness.ts'
import { MemoryFileSystem } from '../../conformance/memory-file-system.ts'
import { file, plantThroughCalls, treeOf } from '../../conformance/seeds.ts'
import { NfsdRig } from '../rig.ts'
import { withMembers } from '../wrapped-file-system.ts'
import { NO_CHANGES, NO_WCC, wccOf } from './fixture.ts'

let rig: NfsdRig

afterEach(() => rig.stop())

const SATTR = { ...NO_CHANGES, mode: 0o600 }

/** A call of every procedure that changes something, on the file and the root. */
function mutations(root: Uint8Array, fileHandle: Uint8Array) {
  const where = { dir: root, name: name('x') }
  const create = { mode: 'GUARDED', obj_attributes: SATTR } as const
  const data = Buffer.from('data')
  return {
    SETATTR: () => rig.nfs('SETATTR', { object: fileHandle, new_attributes: SATTR, guard: undefined }),
    WRITE: () => rig.nfs('WRITE', { file: fileHandle, offset: 0, count: 4, stable: 'UNSTABLE', data }),
    CREATE: () => rig.nfs('CREATE', { where, how: create }),
    MKDIR: () => rig.nfs('MKDIR', { where, attributes: SATTR }),
    SYMLINK: () => rig.nfs('SYMLINK', { where, symlink: { symlink_attributes: SATTR, symlink_data: data } }),
    MKNOD: () => rig.nfs('MKNOD', { where, what: { type: 'NF3FIFO', pipe_attributes: SATTR } }),
    REMOVE: () => rig.nfs('REMOVE', { object: where }),
    RMDIR: () => rig.nfs('RMDIR', { object: where }),
    RENAME: () => rig.nfs('RENAME', { from: where, to: where }),
    LINK: () => rig.nfs('LINK', { file: fileHandle, link: where }),
  }
}

async function start(members: Partial<FileSystem> = {}, readOnly = false) {
  const fs = new MemoryFileSystem()
  await plantThroughCalls(fs, treeOf([file('/file', 5)]))
  rig = await NfsdRig.start(withMembers(fs, members), { readOnly })
  const look = new Look(fs)
  const fileHandle = rig.handle(await look.node('/file'))
  return { look, fileHandle, calls: mutations(rig.handle(), fileHandle) }
}

describe('read-only', () => {
  test.each([
    ['by the export', {}, true],
    ['by itself', { writable: false }, false],
  ] as const)(
    '%s: every mutation is ROFS with attributes, and nothing is asked of the file system',
    async (_, members, readOnly) => {
      const { look, calls, fileHandle } = await start(members, readOnly)
      const ofFile = wccOf(await look.attributes('/file'))
      const ofRoot = wccOf(await look.attributes('/'))
      expect(failOf(await calls.SETATTR(), 'ROFS').obj_wcc).toEqual(ofFile)
      expect(failOf(await calls.WRITE(), 'ROFS').file_wcc).toEqual(ofFile)
      for (const call of ['CREATE', 'MKDIR', 'SYMLINK', 'MKNOD', 'REMOVE', 'RMDIR'] as const) {
        expect(failOf(await calls[call](), 'ROFS').dir_wcc, call).toEqual(ofRoot)
      }
      expect(failOf(await calls.RENAME(), 'ROFS')).toEqual({ fromdir_wcc: ofRoot, todir_wcc: ofRoot })
      expect(failOf(await calls.LINK(), 'ROFS')).toEqual({
        file_attributes: ofFile.after,
        linkdir_wcc: ofRoot,
      })
      expect(await look.names('/')).toEqual(['file'])

      expect(okOf(await rig.nfs('ACCESS', { object: fileHandle, access: 0x3f })).access).toBe(0x01)
      okOf(await rig.nfs('COMMIT', { file: fileHandle, offset: 0, count: 0 }))
    },
  )
})

describe('two exports', () => {
  test('RENAME and LINK from one to the other are XDEV, with the attributes of both', async () => {
    const { look, fileHandle } = await start()
    const other = new MemoryFileSystem({ fsid: 2n })
    rig.exports.add({ path: Buffer.from('/other'), view: 2, fileSystem: other })
    const otherRoot = rig.handles.encode({ view: 2, node: other.root, generation: 1 })
    const ofRoot = wccOf(await look.attributes('/'))
    const ofOther = wccOf(await new Look(other).attributes('/'))
    const from = { dir: rig.handle(), name: name('file') }
    const to = { dir: otherRoot, name: name('file') }
    expect(failOf(await rig.nfs('RENAME', { from, to }), 'XDEV')).toEqual({
      fromdir_wcc: ofRoot,
      todir_wcc: ofOther,
    })
    expect(failOf(await rig.nfs('LINK', { file: fileHandle, link: to }), 'XDEV')).toEqual({
      file_attributes: wccOf(await look.attributes('/file')).after,
      linkdir_wcc: ofOther,
    })
  })
})

function throwing(error: Error, when: 'at once' | 'later'): () => never {
  const thrown = (): never => {
    throw error
  }
  return when === 'at once' ? thrown : ((async () => thrown()) as unknown as () => never)
}

describe('faults', () => {
  const FAULTS = [
    [new ServerUnavailableError('image', 5000), 'JUKEBOX'],
    [new StorageError('NOSPC', 'disk full'), 'NOSPC'],
    [new DamageError('index', 'checksum'), 'IO'],
  ] as const

  const WHEN = ['at once', 'later'] as const
  const ROWS = FAULTS.flatMap(([fault, status]) => WHEN.map((when) => [fault, when, status] as const))

  test.each(ROWS)('%o, thrown %s, is %s', async (fault, when, status) => {
    const broken = throwing(fault, when)
    const members = { setattr: broken, write: broken, mkdir: broken, rename: broken, read: broken }
    const { calls, fileHandle } = await start(members)
    expect(failOf(await calls.SETATTR(), status).obj_wcc).toEqual(NO_WCC)
    expect(failOf(await calls.WRITE(), status).file_wcc).toEqual(NO_WCC)
    expect(failOf(await calls.MKDIR(), status).dir_wcc).toEqual(NO_WCC)
    expect(failOf(await calls.RENAME(), status)).toEqual({ fromdir_wcc: NO_WCC, todir_wcc: NO_WCC })
    const read = await rig.nfs('READ', { file: fileHandle, offset: 0, count: 1 })
    expect(failOf(read, status).file_attributes).toBeUndefined()
  })

  test('while a handle is resolved', async () => {
    const refusing = async () => {
      throw new ServerUnavailableError('image', 5000)
    }
    const { fileHandle } = await start({ resolve: refusing })
    failOf(await rig.nfs('GETATTR', { object: fileHandle }), 'JUKEBOX')
    expect((await rig.mount('MNT', Buffer.from('/default'))).ok).toBe(true)
  })

  test('a status of resolve goes through', async () => {
    const { fileHandle } = await start({ resolve: () => ({ ok: false, status: 'IO', fail: undefined }) })
    failOf(await rig.nfs('GETATTR', { object: fileHandle }), 'IO')
  })

  test.each(WHEN)('a bug, thrown %s, is SYSTEM_ERR and is logged; the next call is served', async (when) => {
    const broken = throwing(new TypeError('a bug of ours'), when)
    const { calls, fileHandle } = await start({ mkdir: broken, getattr: broken })
    await expect(rig.nfs('GETATTR', { object: fileHandle })).rejects.toThrow(RpcError)
    await expect(calls.MKDIR()).rejects.toMatchObject({ refusal: { stat: 'SYSTEM_ERR' } })
    expect(rig.failures.join()).toContain('a bug of ours')
    okOf(await rig.nfs('ACCESS', { object: fileHandle, access: 1 }))
  })

  test('a refusal of nfsd’s own when the object vanishes meanwhile has no attributes', async () => {
    const stale = { ok: false, status: 'STALE', fail: undefined } as const
    const { calls } = await start({ getattr: () => stale }, true)
    expect(failOf(await calls.MKDIR(), 'ROFS').dir_wcc).toEqual(NO_WCC)
  })
})

test('what the file system keeps of a call is not the receive buffer', async () => {
  const kept: Uint8Array[] = []
  const fs = new MemoryFileSystem()
  const keep = withMembers(fs, {
    mkdir: (caller, node: NodeId, text, changes, seal) => {
      kept.push(text)
      return fs.mkdir(caller, node, text, changes, seal)
    },
  })
  rig = await NfsdRig.start(keep)
  const attributes = SATTR
  for (const text of ['first', 'other']) {
    okOf(await rig.nfs('MKDIR', { where: { dir: rig.handle(), name: name(text) }, attributes }))
  }
  expect(kept.map((each) => Buffer.from(each).toString())).toEqual(['first', 'other'])
  expect(kept[0]!.buffer.byteLength).toBeLessThan(100)
})

test('WRITE answers with the verifier from before it, COMMIT with the one after it', async () => {
  let verifier = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1)
  const fs = new MemoryFileSystem()
  await plantThroughCalls(fs, treeOf([file('/file', 5)]))
  const crash = <T>(value: T): T => {
    verifier = verifier.map((byte) => byte + 1)
    return value
  }
  const losing = withMembers(fs, {
    get writeVerifier() {
      return verifier
    },
    write: (...args: Parameters<FileSystem['write']>) => crash(fs.write(...args)),
    commit: (...args: Parameters<FileSystem['commit']>) => crash(fs.commit(...args)),
  })
  rig = await NfsdRig.start(losing)
  const handle = rig.handle(await new Look(fs).node('/file'))
  const data = Buffer.from('x')
  const written = okOf(
    await rig.nfs('WRITE', { file: handle, offset: 0, count: 1, stable: 'UNSTABLE', data }),
  )
  expect(written.verf).toEqual(Buffer.alloc(8, 1))
  const committed = okOf(await rig.nfs('COMMIT', { file: handle, offset: 0, count: 0 }))
  expect(committed.verf).toEqual(Buffer.alloc(8, 3))
  const attributes: Attributes = await new Look(fs).attributes('/file')
  expect(attributes.sizeBytes).toBe(5)
})

test('the file system is never asked about an offset that no number is exact for', async () => {
  const offsets: number[] = []
  const fs = new MemoryFileSystem()
  await plantThroughCalls(fs, treeOf([file('/file', 5)]))
  const watched = withMembers(fs, {
    read: (caller, node, offset, into) => {
      offsets.push(offset)
      return fs.read(caller, node, offset, into)
    },
    write: (caller, node, offset, data, stability) => {
      offsets.push(offset)
      return fs.write(caller, node, offset, data, stability)
    },
  })
  rig = await NfsdRig.start(watched)
  const handle = rig.handle(await new Look(fs).node('/file'))
  for (const offset of [2 ** 53, 2 ** 63, 2 ** 64 - 2048]) {
    okOf(await rig.nfs('READ', { file: handle, offset, count: 1 }))
    const write = { file: handle, offset, count: 1, stable: 'UNSTABLE', data: Buffer.from('x') } as const
    failOf(await rig.nfs('WRITE', write), 'FBIG')
  }
  expect(offsets).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])
})
