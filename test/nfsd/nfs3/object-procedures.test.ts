import { expect, test } from 'vitest'
import { failOf, okOf } from '../../conformance/answers.ts'
import { name } from '../../conformance/harness.ts'
import { AS_ALICE, FILE_BYTES, NO_CHANGES, NO_WCC, overTheWire, wccOf } from './fixture.ts'

overTheWire('NULL and GETATTR', (current) => {
  test('NULL answers', async () => {
    expect(await current().nfs('NULL', undefined)).toBeUndefined()
  })

  test('GETATTR', async () => {
    for (const path of ['/', '/dir', '/file', '/link', '/fifo']) {
      const got = okOf(await current().nfs('GETATTR', { object: await current().at(path) }))
      expect(got.obj_attributes, path).toEqual(await current().attributes(path))
    }
    failOf(await current().nfs('GETATTR', { object: await current().stale() }), 'STALE')
  })
})

overTheWire('SETATTR', (current) => {
  test('changes, with both sides of wcc_data', async () => {
    const before = await current().look.attributes('/file')
    const wanted = { ...NO_CHANGES, mode: 0o100600, size: 5, atime: 'SET_TO_SERVER_TIME' } as const
    const object = await current().at('/file')
    const got = okOf(await current().nfs('SETATTR', { object, new_attributes: wanted, guard: undefined }))
    const after = await current().look.attributes('/file')
    expect(got.obj_wcc).toEqual(wccOf(after, before))
    expect(after).toMatchObject({ mode: 0o600, sizeBytes: 5 })
  })

  test('refused by the file system', async () => {
    const args = {
      object: await current().at('/file'),
      new_attributes: { ...NO_CHANGES, uid: 7 },
      guard: undefined,
    }
    const fail = failOf(await current().nfs('SETATTR', args, AS_ALICE), 'PERM')
    expect(fail.obj_wcc).toEqual(await current().unchanged('/file'))
  })

  test('guarded', async () => {
    const object = await current().at('/file')
    const { ctime } = await current().look.attributes('/file')
    const new_attributes = { ...NO_CHANGES, mode: 0o600 }
    const wrong = { object, new_attributes, guard: { ...ctime, seconds: ctime.seconds - 1 } }
    const fail = failOf(await current().nfs('SETATTR', wrong), 'NOT_SYNC')
    expect(fail.obj_wcc).toEqual(await current().unchanged('/file'))
    okOf(await current().nfs('SETATTR', { object, new_attributes, guard: ctime }))
  })

  test('refused here: a size no number can be, a time that is none', async () => {
    const object = await current().at('/file')
    const sizes = { object, new_attributes: { ...NO_CHANGES, size: 2 ** 53 }, guard: undefined }
    const fail = failOf(await current().nfs('SETATTR', sizes), 'FBIG')
    expect(fail.obj_wcc).toEqual(await current().unchanged('/file'))
    const mtime = { seconds: 1, nanoseconds: 1e9 }
    const times = { object, new_attributes: { ...NO_CHANGES, mtime }, guard: undefined }
    failOf(await current().nfs('SETATTR', times), 'INVAL')
  })

  test('of nothing that is there', async () => {
    const args = { object: await current().stale(), new_attributes: NO_CHANGES, guard: undefined }
    expect(failOf(await current().nfs('SETATTR', args), 'STALE').obj_wcc).toEqual(NO_WCC)
  })
})

overTheWire('LOOKUP', (current) => {
  const lookup = async (dir: Uint8Array, text: string, credentials?: typeof AS_ALICE) =>
    current().nfs('LOOKUP', { what: { dir, name: name(text) } }, credentials)

  test('finds names, "." and ".."', async () => {
    const rows = [
      ['/', 'dir', '/dir'],
      ['/dir', 'inner', '/dir/inner'],
      ['/dir', '.', '/dir'],
      ['/dir', '..', '/'],
      ['/', '..', '/'],
    ] as const
    for (const [from, text, to] of rows) {
      expect(okOf(await lookup(await current().at(from), text))).toEqual({
        object: Buffer.from(await current().at(to)),
        obj_attributes: await current().attributes(to),
        dir_attributes: await current().attributes(from),
      })
    }
  })

  test('every refusal has the directory with it', async () => {
    const rows = [
      ['/', 'nothing', 'NOENT'],
      ['/', '', 'ACCES'],
      ['/', 'dir/inner', 'ACCES'],
      ['/', 'a\0', 'ACCES'],
      ['/', 'n'.repeat(255), 'NOENT'],
      ['/', 'n'.repeat(256), 'NAMETOOLONG'],
      ['/', 'n'.repeat(64 * 1024), 'NAMETOOLONG'],
      ['/file', 'x', 'NOTDIR'],
    ] as const
    for (const [from, text, status] of rows) {
      const fail = failOf(await lookup(await current().at(from), text), status)
      expect(fail.dir_attributes).toEqual(await current().attributes(from))
    }
    const fail = failOf(await lookup(await current().at('/private'), 'x', AS_ALICE), 'ACCES')
    expect(fail.dir_attributes).toEqual(await current().attributes('/private'))
  })

  test('in a directory that is gone', async () => {
    expect(failOf(await lookup(await current().stale(), 'x'), 'STALE').dir_attributes).toBeUndefined()
  })
})

overTheWire('ACCESS and READLINK', (current) => {
  test('ACCESS: of what is wanted, what is granted', async () => {
    const object = await current().at('/file')
    const obj_attributes = await current().attributes('/file')
    expect(okOf(await current().nfs('ACCESS', { object, access: 0x3f }))).toEqual({
      obj_attributes,
      access: 0x0d,
    })
    expect(okOf(await current().nfs('ACCESS', { object, access: 0x3f }, AS_ALICE)).access).toBe(0x01)
    expect(okOf(await current().nfs('ACCESS', { object, access: 0x0c })).access).toBe(0x0c)
    expect(okOf(await current().nfs('ACCESS', { object, access: 0xffff_ffc0 })).access).toBe(0)
    const fail = failOf(
      await current().nfs('ACCESS', { object: await current().stale(), access: 1 }),
      'STALE',
    )
    expect(fail.obj_attributes).toBeUndefined()
  })

  test('READLINK', async () => {
    const symlink = await current().at('/link')
    expect(okOf(await current().nfs('READLINK', { symlink }))).toEqual({
      symlink_attributes: await current().attributes('/link'),
      data: Buffer.from('file'),
    })
    for (const path of ['/file', '/dir', '/fifo']) {
      const fail = failOf(await current().nfs('READLINK', { symlink: await current().at(path) }), 'INVAL')
      expect(fail.symlink_attributes).toEqual(await current().attributes(path))
    }
    const fail = failOf(await current().nfs('READLINK', { symlink: await current().stale() }), 'STALE')
    expect(fail.symlink_attributes).toBeUndefined()
  })
})

overTheWire('FSSTAT, FSINFO and PATHCONF', (current) => {
  test('FSSTAT is the file system’s', async () => {
    const fsroot = await current().at('/')
    const got = okOf(await current().nfs('FSSTAT', { fsroot }))
    const blocks = 2 + Math.ceil(FILE_BYTES / 4096)
    expect(got).toEqual({
      obj_attributes: await current().attributes('/'),
      tbytes: 2 ** 40,
      fbytes: 2 ** 40 - blocks * 4096,
      abytes: 2 ** 40 - blocks * 4096,
      tfiles: 1_000_000,
      ffiles: 999_991,
      afiles: 999_991,
      invarsec: 0,
    })
    const fail = failOf(await current().nfs('FSSTAT', { fsroot: await current().stale() }), 'STALE')
    expect(fail.obj_attributes).toBeUndefined()
  })

  test('FSINFO depends on the transport', async () => {
    const fsroot = await current().at('/')
    const MIB = 1024 * 1024
    const overTcp = {
      obj_attributes: await current().attributes('/'),
      rtmax: MIB,
      rtpref: MIB,
      rtmult: 4096,
      wtmax: MIB,
      wtpref: MIB,
      wtmult: 4096,
      dtpref: 65_536,
      maxfilesize: Number.MAX_SAFE_INTEGER,
      time_delta: { seconds: 0, nanoseconds: 1 },
      properties: 0x1b,
    }
    expect(okOf(await current().nfs('FSINFO', { fsroot }))).toEqual(overTcp)
    const small = { rtmax: 32_768, rtpref: 32_768, wtmax: 32_768, wtpref: 32_768, dtpref: 32_768 }
    expect(okOf(await current().rig.nfsOver('udp', 'FSINFO', { fsroot }))).toEqual({
      ...overTcp,
      ...small,
    })
    failOf(await current().nfs('FSINFO', { fsroot: await current().stale() }), 'STALE')
  })

  test('PATHCONF', async () => {
    const object = await current().at('/dir')
    expect(okOf(await current().nfs('PATHCONF', { object }))).toEqual({
      obj_attributes: await current().attributes('/dir'),
      linkmax: 65_000,
      name_max: 255,
      no_trunc: true,
      chown_restricted: true,
      case_insensitive: false,
      case_preserving: true,
    })
    failOf(await current().nfs('PATHCONF', { object: await current().stale() }), 'STALE')
  })
})
