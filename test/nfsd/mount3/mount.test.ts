import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MOUNT_DEPTH_MAX } from '../../../src/nfsd/mount3/mnt.ts'
import { ServerUnavailableError } from '../../../src/vfs/faults.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { Look, name } from '../../conformance/harness.ts'
import { MemoryFileSystem } from '../../conformance/memory-file-system.ts'
import { dir, file, plantThroughCalls, symlink, treeOf } from '../../conformance/seeds.ts'
import { NfsdRig } from '../rig.ts'
import { allLater, withMembers } from '../wrapped-file-system.ts'

let rig: NfsdRig
let look: Look

beforeEach(async () => {
  const fs = new MemoryFileSystem()
  const deep = Array.from({ length: MOUNT_DEPTH_MAX + 1 }, (_, index) => dir(`/deep${'/d'.repeat(index)}`))
  const tree = [
    dir('/home', { mode: 0o700 }),
    dir('/home/alice', { mode: 0o700 }),
    file('/file', 1),
    symlink('/link', 'home'),
    dir('/\xff\xfe'),
    ...deep,
  ]
  await plantThroughCalls(fs, treeOf(tree))
  look = new Look(fs)
  rig = await NfsdRig.start(allLater(fs))
})
afterEach(() => rig.stop())

const mnt = (path: string) => rig.mount('MNT', name(path))

/** The object that the handle MNT gave is. */
async function mounted(path: string): Promise<bigint> {
  const { fhandle, auth_flavors } = okOf(await mnt(path))
  expect(auth_flavors).toEqual([1, 0])
  return okOf(await rig.nfs('GETATTR', { object: fhandle })).obj_attributes.fileid
}

describe('MNT', () => {
  test('an export, however it is spelled', async () => {
    for (const path of ['/default', '/default/', '//default//', 'default']) {
      expect(await mounted(path)).toBe(BigInt(rig.fs.root))
    }
  })

  test('a directory inside an export, also one that the client could not search', async () => {
    expect(await mounted('/default/home')).toBe((await look.attributes('/home')).fileid)
    expect(await mounted('/default/home/alice/')).toBe((await look.attributes('/home/alice')).fileid)
    expect(await mounted('/default/\xff\xfe')).toBe((await look.attributes('/\xff\xfe')).fileid)
  })

  test('never leads out of the export', async () => {
    expect(await mounted('/default/..')).toBe(BigInt(rig.fs.root))
    expect(await mounted('/default/home/../..')).toBe(BigInt(rig.fs.root))
  })

  test('the longest export that the path begins with', async () => {
    const inner = new MemoryFileSystem({ rootNode: 4711 })
    rig.exports.add({ path: Buffer.from('/default/home'), view: 2, fileSystem: inner })
    expect(await mounted('/default/home')).toBe(4711n)
    expect(await mounted('/default')).toBe(BigInt(rig.fs.root))
  })

  test('refusals', async () => {
    const rows = [
      ['/nothing', 'NOENT'],
      ['/', 'NOENT'],
      ['', 'NOENT'],
      ['/defaul', 'NOENT'],
      ['/default2', 'NOENT'],
      ['/default/nothing', 'NOENT'],
      ['/default/file', 'NOTDIR'],
      ['/default/file/x', 'NOTDIR'],
      ['/default/link', 'NOTDIR'],
      [`/default/${'n'.repeat(256)}`, 'NAMETOOLONG'],
      ['/default/a\0b', 'ACCES'],
      [`/default/deep${'/d'.repeat(MOUNT_DEPTH_MAX)}`, 'NAMETOOLONG'],
    ] as const
    for (const [path, status] of rows) failOf(await mnt(path), status)
    okOf(await mnt(`/default/deep${'/d'.repeat(MOUNT_DEPTH_MAX - 1)}`))
  })

  test('not for clients that are not on the list, and not from any port', async () => {
    const fileSystem = new MemoryFileSystem()
    rig.exports.add({ path: Buffer.from('/far'), view: 2, fileSystem, allow: ['10.0.0.0/8'] })
    failOf(await mnt('/far'), 'ACCES')
    failOf(await mnt('/far/nothing'), 'ACCES')
    rig.exports.add({ path: Buffer.from('/strict'), view: 3, fileSystem, requirePrivilegedPort: true })
    failOf(await mnt('/strict'), 'ACCES')
  })

  test('an export that goes is gone', async () => {
    rig.exports.remove(1)
    failOf(await mnt('/default'), 'NOENT')
  })

  test('while the image server does not answer', async () => {
    const away = () => {
      throw new ServerUnavailableError('image', 5000)
    }
    const broken = withMembers(new MemoryFileSystem(), { lookup: away })
    rig.exports.add({ path: Buffer.from('/broken'), view: 2, fileSystem: broken })
    failOf(await mnt('/broken/x'), 'SERVERFAULT')
  })
})

describe('the list of mounts', () => {
  const dump = async () =>
    (await rig.mount('DUMP', undefined)).map(
      ({ ml_hostname, ml_directory }) => `${Buffer.from(ml_hostname)}:${Buffer.from(ml_directory)}`,
    )

  test('DUMP, UMNT, UMNTALL', async () => {
    expect(await dump()).toEqual([])
    for (const path of ['/default', '/default/home/', '/default/']) okOf(await mnt(path))
    await mnt('/nothing')
    expect(await dump()).toEqual(['127.0.0.1:/default/home', '127.0.0.1:/default'])
    expect(await rig.mount('UMNT', name('/default/home'))).toBeUndefined()
    await rig.mount('UMNT', name('/never'))
    expect(await dump()).toEqual(['127.0.0.1:/default'])
    await rig.mount('UMNTALL', undefined)
    expect(await dump()).toEqual([])
  })
})

test('EXPORT lists exports and who may mount them', async () => {
  const fileSystem = new MemoryFileSystem()
  rig.exports.add({ path: Buffer.from('/b'), view: 2, fileSystem, allow: ['10.0.0.0/8', 'fe80::/10'] })
  rig.exports.add({ path: Buffer.from('/c'), view: 3, fileSystem, allow: [] })
  const listed = (await rig.mount('EXPORT', undefined)).map(({ ex_dir, ex_groups }) => [
    `${Buffer.from(ex_dir)}`,
    ex_groups.map((group) => `${Buffer.from(group)}`),
  ])
  expect(listed).toEqual([
    ['/default', ['127.0.0.0/8', '::1/128']],
    ['/b', ['10.0.0.0/8', 'fe80::/10']],
    ['/c', []],
  ])
})

test('NULL answers', async () => {
  expect(await rig.mount('NULL', undefined)).toBeUndefined()
})
