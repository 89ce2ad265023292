import { describe, expect, test } from 'vitest'
import { ANONYMOUS_ID, Export, type ExportSettings, ExportTable } from '../../src/nfsd/exports.ts'
import { MemoryFileSystem } from '../conformance/memory-file-system.ts'

const PATH = Buffer.from('/default')
const SENDER = { address: '127.0.0.1', port: 1023 }

function exported(settings: Partial<ExportSettings> = {}): Export {
  return new Export({ path: PATH, view: 1, fileSystem: new MemoryFileSystem(), ...settings })
}

describe('Export', () => {
  test('admits loopback and nobody else, unless told', () => {
    expect(exported().admits(SENDER)).toBe(true)
    expect(exported().admits({ address: '10.0.0.1', port: 1 })).toBe(false)
    expect(exported({ allow: ['10.0.0.0/8'] }).admits({ address: '10.0.0.1', port: 50_000 })).toBe(true)
    expect(exported({ allow: ['10.0.0.0/8'] }).admits(SENDER)).toBe(false)
  })

  test('privileged ports, when asked for: 1023 is one, 1024 is not', () => {
    const strict = exported({ requirePrivilegedPort: true })
    expect(strict.admits({ address: '127.0.0.1', port: 1023 })).toBe(true)
    expect(strict.admits({ address: '127.0.0.1', port: 1024 })).toBe(false)
    expect(exported().admits({ address: '127.0.0.1', port: 1024 })).toBe(true)
  })

  const root = { uid: 0, gid: 0, gids: [0, 5] }
  const user = { uid: 1000, gid: 100, gids: [0, 7] }
  const address = SENDER.address

  test('squash none', () => {
    expect(exported().callerFor(SENDER, root)).toEqual({ ...root, address })
    expect(exported().callerFor(SENDER, user)).toEqual({ ...user, address })
  })

  test('squash root: uid, gid and groups each on their own', () => {
    const served = exported({ squash: 'root' })
    const nobody = ANONYMOUS_ID
    expect(served.callerFor(SENDER, root)).toEqual({ uid: nobody, gid: nobody, gids: [nobody, 5], address })
    expect(served.callerFor(SENDER, user)).toEqual({ uid: 1000, gid: 100, gids: [nobody, 7], address })
    expect(served.callerFor(SENDER, { uid: 9, gid: 0, gids: [] })).toMatchObject({ uid: 9, gid: nobody })
  })

  test('squash all, to whom one likes', () => {
    const served = exported({ squash: 'all', anonUid: 33, anonGid: 44 })
    expect(served.callerFor(SENDER, user)).toEqual({ uid: 33, gid: 44, gids: [], address })
  })

  test('AUTH_NONE is nobody', () => {
    const nobody = { uid: ANONYMOUS_ID, gid: ANONYMOUS_ID, gids: [], address }
    expect(exported().callerFor(SENDER, undefined)).toEqual(nobody)
  })

  test('is writable if the file system is and nothing says otherwise', () => {
    expect(exported().writable).toBe(true)
    expect(exported({ readOnly: true }).writable).toBe(false)
    expect(exported({ fileSystem: new MemoryFileSystem({ writable: false }) }).writable).toBe(false)
  })

  test('must be called /NAME', () => {
    for (const path of ['', '/', 'default'])
      expect(() => exported({ path: Buffer.from(path) })).toThrow('"/NAME"')
  })
})

describe('ExportTable', () => {
  test('finds by view and by path; what is removed is gone', () => {
    const table = new ExportTable()
    const first = table.add({ path: PATH, view: 1, fileSystem: new MemoryFileSystem() })
    const second = table.add({ path: Buffer.from('/b'), view: 2, fileSystem: new MemoryFileSystem() })
    expect(table.list()).toEqual([first, second])
    expect(table.byView(2)).toBe(second)
    expect(table.byPath(Buffer.from('/default'))).toBe(first)
    expect(table.byPath(Buffer.from('/default/'))).toBeUndefined()
    table.remove(1)
    table.remove(7)
    expect(table.byView(1)).toBeUndefined()
    expect(table.byPath(PATH)).toBeUndefined()
    expect(table.list()).toEqual([second])
  })

  test('a view or a path twice is a bug', () => {
    const table = new ExportTable()
    const fileSystem = new MemoryFileSystem()
    table.add({ path: PATH, view: 1, fileSystem })
    expect(() => table.add({ path: Buffer.from('/other'), view: 1, fileSystem })).toThrow('view 1')
    expect(() => table.add({ path: PATH, view: 2, fileSystem })).toThrow('path')
  })
})
