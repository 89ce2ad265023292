import { expect, test } from 'vitest'
import type { createhow3, mknoddata3 } from '../../../src/protocols/nfs3/types.ts'
import type { FsStatus } from '../../../src/vfs/status.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { name } from '../../conformance/harness.ts'
import { AS_ALICE, NO_CHANGES, NO_WCC, overTheWire, wccOf } from './fixture.ts'

const ATTRIBUTES = { ...NO_CHANGES, mode: 0o640, uid: 5, gid: 6 }

/** Names that cannot be made, and what that is called. */
const BAD_NAMES: readonly (readonly [string, FsStatus])[] = [
  ['.', 'EXIST'],
  ['..', 'EXIST'],
  ['', 'ACCES'],
  ['a/b', 'ACCES'],
  ['a\0', 'ACCES'],
  ['n'.repeat(256), 'NAMETOOLONG'],
  ['file', 'EXIST'],
]

overTheWire('CREATE', (current) => {
  const create = async (dir: Uint8Array, text: string, how: createhow3, credentials?: typeof AS_ALICE) =>
    current().nfs('CREATE', { where: { dir, name: name(text) }, how }, credentials)
  const guarded = { mode: 'GUARDED', obj_attributes: ATTRIBUTES } as const
  const unchecked = { mode: 'UNCHECKED', obj_attributes: ATTRIBUTES } as const

  test('makes a file with its attributes, and the longest name', async () => {
    for (const text of ['new', 'n'.repeat(255), '\xff\xfe', '...']) {
      const before = await current().look.attributes('/')
      const got = okOf(await create(await current().at('/'), text, guarded))
      expect(got).toEqual({
        obj: Buffer.from(await current().at(`/${text}`)),
        obj_attributes: await current().attributes(`/${text}`),
        dir_wcc: wccOf(await current().look.attributes('/'), before),
      })
      expect(got.obj_attributes).toMatchObject({ type: 'NF3REG', mode: 0o640, uid: 5, gid: 6, size: 0 })
    }
  })

  test('UNCHECKED takes the file that is there, and cuts it', async () => {
    const node = await current().look.node('/file')
    const how = { mode: 'UNCHECKED', obj_attributes: { ...ATTRIBUTES, size: 3 } } as const
    const got = okOf(await create(await current().at('/'), 'file', how))
    expect(got.obj_attributes).toMatchObject({ fileid: BigInt(node), size: 3, mode: 0o644, uid: 0 })
    expect(okOf(await create(await current().at('/'), 'file', unchecked)).obj_attributes).toMatchObject({
      size: 3,
    })
  })

  test('EXCLUSIVE knows its own verifier again', async () => {
    const dir = await current().at('/')
    const verf = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])
    const first = okOf(await create(dir, 'x', { mode: 'EXCLUSIVE', verf }))
    expect(okOf(await create(dir, 'x', { mode: 'EXCLUSIVE', verf })).obj).toEqual(first.obj)
    const other = verf.with(7, 0)
    const fail = failOf(await create(dir, 'x', { mode: 'EXCLUSIVE', verf: other }), 'EXIST')
    expect(fail.dir_wcc).toEqual(await current().unchanged('/'))
  })

  test('refusals', async () => {
    for (const [text, status] of BAD_NAMES) {
      const fail = failOf(await create(await current().at('/'), text, guarded), status)
      expect(fail.dir_wcc, text).toEqual(await current().unchanged('/'))
    }
    const big = { mode: 'GUARDED', obj_attributes: { ...ATTRIBUTES, size: 2 ** 53 } } as const
    expect(failOf(await create(await current().at('/'), 'b', big), 'FBIG').dir_wcc).toEqual(
      await current().unchanged('/'),
    )
    expect(failOf(await create(await current().at('/file'), 'b', guarded), 'NOTDIR').dir_wcc).toEqual(
      await current().unchanged('/file'),
    )
    expect(failOf(await create(await current().at('/'), 'b', guarded, AS_ALICE), 'ACCES').dir_wcc).toEqual(
      await current().unchanged('/'),
    )
    expect(failOf(await create(await current().stale(), 'b', guarded), 'STALE').dir_wcc).toEqual(NO_WCC)
  })
})

overTheWire('MKDIR', (current) => {
  const mkdir = async (text: string, attributes: typeof NO_CHANGES = ATTRIBUTES) =>
    current().nfs('MKDIR', { where: { dir: await current().at('/'), name: name(text) }, attributes })

  test('makes a directory', async () => {
    const before = await current().look.attributes('/')
    const got = okOf(await mkdir('new'))
    expect(got).toEqual({
      obj: Buffer.from(await current().at('/new')),
      obj_attributes: await current().attributes('/new'),
      dir_wcc: wccOf(await current().look.attributes('/'), before),
    })
    expect(got.obj_attributes).toMatchObject({ type: 'NF3DIR', mode: 0o640, uid: 5, nlink: 2 })
  })

  test('refusals', async () => {
    for (const [text, status] of BAD_NAMES) {
      expect(failOf(await mkdir(text), status).dir_wcc, text).toEqual(await current().unchanged('/'))
    }
    const mtime = { seconds: 1, nanoseconds: 1e9 }
    expect(failOf(await mkdir('x', { ...NO_CHANGES, mtime }), 'INVAL').dir_wcc).toEqual(
      await current().unchanged('/'),
    )
  })
})

overTheWire('SYMLINK', (current) => {
  const symlink = async (text: string, target: string) =>
    current().nfs('SYMLINK', {
      where: { dir: await current().at('/'), name: name(text) },
      symlink: { symlink_attributes: ATTRIBUTES, symlink_data: name(target) },
    })

  test('makes a link; any bytes but NUL, up to 4095', async () => {
    for (const target of ['a', '../x/y', '\xff', 'p'.repeat(4095)]) {
      const text = `link-${target.length}-${target.codePointAt(0)}`
      const got = okOf(await symlink(text, target))
      expect(got.obj_attributes).toMatchObject({ type: 'NF3LNK', size: target.length, mode: 0o777, uid: 5 })
      expect(got.obj).toEqual(Buffer.from(await current().at(`/${text}`)))
      const link = okOf(await current().nfs('READLINK', { symlink: got.obj! }))
      expect(link.data).toEqual(Buffer.from(target, 'latin1'))
    }
  })

  test('refusals', async () => {
    for (const [text, status] of BAD_NAMES) {
      expect(failOf(await symlink(text, 'x'), status).dir_wcc, text).toEqual(await current().unchanged('/'))
    }
    const rows = [
      ['', 'INVAL'],
      ['a\0b', 'INVAL'],
      ['p'.repeat(4096), 'NAMETOOLONG'],
    ] as const
    for (const [target, status] of rows) {
      expect(failOf(await symlink('x', target), status).dir_wcc).toEqual(await current().unchanged('/'))
    }
  })
})

overTheWire('MKNOD', (current) => {
  const mknod = async (text: string, what: mknoddata3, credentials?: typeof AS_ALICE) =>
    current().nfs('MKNOD', { where: { dir: await current().at('/'), name: name(text) }, what }, credentials)
  const spec = { specdata1: 8, specdata2: 0xffff_fffe }

  test('makes each kind', async () => {
    const rows: mknoddata3[] = [
      { type: 'NF3CHR', dev_attributes: ATTRIBUTES, spec },
      { type: 'NF3BLK', dev_attributes: ATTRIBUTES, spec },
      { type: 'NF3SOCK', pipe_attributes: ATTRIBUTES },
      { type: 'NF3FIFO', pipe_attributes: ATTRIBUTES },
    ]
    for (const what of rows) {
      const got = okOf(await mknod(what.type, what))
      const rdev = 'spec' in what ? spec : { specdata1: 0, specdata2: 0 }
      expect(got.obj_attributes).toMatchObject({ type: what.type, mode: 0o640, uid: 5, rdev })
      expect(got.obj).toEqual(Buffer.from(await current().at(`/${what.type}`)))
    }
  })

  test('refusals', async () => {
    for (const type of ['NF3REG', 'NF3DIR', 'NF3LNK'] as const) {
      expect(failOf(await mknod('x', { type }), 'BADTYPE').dir_wcc).toEqual(await current().unchanged('/'))
    }
    const fifo = { type: 'NF3FIFO', pipe_attributes: ATTRIBUTES } as const
    for (const [text, status] of BAD_NAMES) {
      expect(failOf(await mknod(text, fifo), status).dir_wcc, text).toEqual(await current().unchanged('/'))
    }
    expect(failOf(await mknod('x', fifo, AS_ALICE), 'ACCES').dir_wcc).toEqual(await current().unchanged('/'))
  })
})
