import { expect, test } from 'vitest'
import { failOf, okOf } from '../../conformance/answers.ts'
import { name } from '../../conformance/harness.ts'
import { AS_ALICE, NO_WCC, overTheWire, wccOf } from './fixture.ts'

overTheWire('REMOVE and RMDIR', (current) => {
  const take = async (
    procedure: 'REMOVE' | 'RMDIR',
    dir: Uint8Array,
    text: string,
    credentials?: typeof AS_ALICE,
  ) => current().nfs(procedure, { object: { dir, name: name(text) } }, credentials)

  test('take a name away', async () => {
    for (const [procedure, text] of [
      ['REMOVE', 'file'],
      ['REMOVE', 'link'],
      ['RMDIR', 'empty'],
    ] as const) {
      const before = await current().look.attributes('/')
      const got = okOf(await take(procedure, await current().at('/'), text))
      expect(got.dir_wcc).toEqual(wccOf(await current().look.attributes('/'), before))
      expect(await current().look.exists(`/${text}`)).toBe(false)
    }
  })

  test('refusals', async () => {
    const rows = [
      ['REMOVE', 'dir', 'ISDIR'],
      ['RMDIR', 'file', 'NOTDIR'],
      ['RMDIR', 'dir', 'NOTEMPTY'],
      ['REMOVE', 'nothing', 'NOENT'],
      ['RMDIR', 'nothing', 'NOENT'],
      ['REMOVE', '.', 'INVAL'],
      ['RMDIR', '.', 'INVAL'],
      ['REMOVE', '..', 'EXIST'],
      ['RMDIR', '..', 'EXIST'],
      ['REMOVE', '', 'ACCES'],
      ['RMDIR', 'dir/inner', 'ACCES'],
      ['REMOVE', 'n'.repeat(256), 'NAMETOOLONG'],
    ] as const
    for (const [procedure, text, status] of rows) {
      const fail = failOf(await take(procedure, await current().at('/'), text), status)
      expect(fail.dir_wcc).toEqual(await current().unchanged('/'))
    }
    const asAlice = await take('REMOVE', await current().at('/'), 'file', AS_ALICE)
    expect(failOf(asAlice, 'ACCES').dir_wcc).toEqual(await current().unchanged('/'))
    expect(failOf(await take('RMDIR', await current().stale(), 'x'), 'STALE').dir_wcc).toEqual(NO_WCC)
  })
})

overTheWire('RENAME', (current) => {
  const rename = async (
    fromDir: Uint8Array,
    from: string,
    toDir: Uint8Array,
    to: string,
    credentials?: typeof AS_ALICE,
  ) =>
    current().nfs(
      'RENAME',
      { from: { dir: fromDir, name: name(from) }, to: { dir: toDir, name: name(to) } },
      credentials,
    )

  test('moves a name, with wcc_data of both directories', async () => {
    const [root, dir] = [await current().at('/'), await current().at('/dir')]
    const [beforeRoot, beforeDir] = [
      await current().look.attributes('/'),
      await current().look.attributes('/dir'),
    ]
    const node = await current().look.node('/file')
    expect(okOf(await rename(root, 'file', dir, 'moved'))).toEqual({
      fromdir_wcc: wccOf(await current().look.attributes('/'), beforeRoot),
      todir_wcc: wccOf(await current().look.attributes('/dir'), beforeDir),
    })
    expect(await current().look.node('/dir/moved')).toBe(node)
  })

  test('refusals', async () => {
    const [root, dir] = [await current().at('/'), await current().at('/dir')]
    const rows = [
      ['nothing', 'x', 'NOENT'],
      ['.', 'x', 'INVAL'],
      ['..', 'x', 'INVAL'],
      ['file', '.', 'INVAL'],
      ['file', '..', 'INVAL'],
      ['file', '', 'ACCES'],
      ['', 'x', 'ACCES'],
      ['file', 'a/b', 'ACCES'],
      ['file', 'n'.repeat(256), 'NAMETOOLONG'],
      ['n'.repeat(256), 'x', 'NAMETOOLONG'],
    ] as const
    for (const [from, to, status] of rows) {
      expect(failOf(await rename(root, from, dir, to), status), `${from} ${to}`).toEqual({
        fromdir_wcc: await current().unchanged('/'),
        todir_wcc: await current().unchanged('/dir'),
      })
    }
    expect(failOf(await rename(root, 'dir', dir, 'x'), 'INVAL').todir_wcc).toEqual(
      await current().unchanged('/dir'),
    )
    expect(failOf(await rename(root, 'file', dir, 'x', AS_ALICE), 'ACCES').fromdir_wcc).toEqual(
      await current().unchanged('/'),
    )
  })

  test('one of the directories is gone: the other’s attributes are there', async () => {
    const [root, gone] = [await current().at('/'), await current().stale()]
    expect(failOf(await rename(root, 'file', gone, 'x'), 'STALE')).toEqual({
      fromdir_wcc: await current().unchanged('/'),
      todir_wcc: NO_WCC,
    })
    expect(failOf(await rename(gone, 'file', root, 'x'), 'STALE')).toEqual({
      fromdir_wcc: NO_WCC,
      todir_wcc: await current().unchanged('/'),
    })
    expect(failOf(await rename(gone, 'file', gone, 'x'), 'STALE')).toEqual({
      fromdir_wcc: NO_WCC,
      todir_wcc: NO_WCC,
    })
  })
})

overTheWire('LINK', (current) => {
  const link = async (file: Uint8Array, dir: Uint8Array, text: string, credentials?: typeof AS_ALICE) =>
    current().nfs('LINK', { file, link: { dir, name: name(text) } }, credentials)

  test('gives a further name', async () => {
    const before = await current().look.attributes('/dir')
    expect(okOf(await link(await current().at('/file'), await current().at('/dir'), 'again'))).toEqual({
      file_attributes: await current().attributes('/file'),
      linkdir_wcc: wccOf(await current().look.attributes('/dir'), before),
    })
    expect(await current().look.attributes('/dir/again')).toMatchObject({ nlink: 2 })
  })

  test('refusals', async () => {
    const [file, dir] = [await current().at('/file'), await current().at('/dir')]
    const rows = [
      ['.', 'EXIST'],
      ['..', 'EXIST'],
      ['inner', 'EXIST'],
      ['', 'ACCES'],
      ['a/b', 'ACCES'],
      ['n'.repeat(256), 'NAMETOOLONG'],
    ] as const
    for (const [text, status] of rows) {
      expect(failOf(await link(file, dir, text), status)).toEqual({
        file_attributes: await current().attributes('/file'),
        linkdir_wcc: await current().unchanged('/dir'),
      })
    }
    expect(failOf(await link(dir, dir, 'x'), 'ISDIR').file_attributes).toEqual(
      await current().attributes('/dir'),
    )
    expect(failOf(await link(file, file, 'x'), 'NOTDIR').linkdir_wcc).toEqual(
      await current().unchanged('/file'),
    )
    const gone = await current().stale()
    expect(failOf(await link(gone, dir, 'x'), 'STALE')).toEqual({
      file_attributes: undefined,
      linkdir_wcc: await current().unchanged('/dir'),
    })
    expect(failOf(await link(file, gone, 'x'), 'STALE')).toEqual({
      file_attributes: await current().attributes('/file'),
      linkdir_wcc: NO_WCC,
    })
  })
})
