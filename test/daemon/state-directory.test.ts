import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/base/random.ts'
import { StateDirectory, StateRefusedError } from '../../src/daemon/state-directory.ts'
import { STATE_FILE_MAX_BYTES, UnknownFormatError } from '../../src/daemon/state-file.ts'
import { DamageError } from '../../src/vfs/faults.ts'

let parent: string
let path: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'rowfs-state-'))
  path = join(parent, 'state')
})
afterEach(() => rmSync(parent, { recursive: true }))

const open = () => StateDirectory.open(path, 'proxy', systemRandom)
function openAndRelease(): void {
  open().release()
}
function contents(): string[] {
  return readdirSync(path).map((name) => `${name} ${readFileSync(join(path, name)).toString('hex')}`)
}
const image = { url: 'nfs://a/x', fsid: '12', fileid: '2' }

test('a new directory is for its owner only, and keeps its secret', () => {
  const first = open()
  const secret = first.handleSecret
  expect(secret).toHaveLength(32)
  first.release()
  const second = open()
  expect(second.handleSecret).toEqual(secret)
  second.release()
  expect(statSync(path).mode & 0o777).toBe(0o700)
  expect(statSync(join(path, 'handle-key')).mode & 0o777).toBe(0o600)
  expect(readdirSync(path).sort()).toEqual(['STATE', 'handle-key'])
})

test('a second opening is refused while the first lasts', () => {
  const first = open()
  expect(open).toThrow(`in use by process ${process.pid}`)
  first.release()
  openAndRelease()
})

describe('refused, and not a byte of it changed', () => {
  test('a format version that we do not know', () => {
    openAndRelease()
    writeFileSync(join(path, 'STATE'), 'rowfs state 2\nwhatever comes then\n')
    const before = contents()
    expect(open).toThrow(UnknownFormatError)
    expect(open).toThrow('has format version 2; this rowfs knows version 1. Nothing was changed.')
    expect(contents()).toEqual(before)
  })

  test.each([
    ['STATE', 'a flipped bit', (bytes: Buffer) => bytes.fill(bytes[20]! ^ 1, 20, 21)],
    ['handle-key', 'a flipped bit', (bytes: Buffer) => bytes.fill(bytes[30]! ^ 1, 30, 31)],
    ['handle-key', 'a cut end', (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)],
    ['STATE', 'zeros', (bytes: Buffer) => bytes.fill(0)],
    ['STATE', 'nothing', () => Buffer.alloc(0)],
    ['handle-key', 'far too much', () => Buffer.alloc(STATE_FILE_MAX_BYTES + 1)],
  ])('%s with %s', (name, _, damage) => {
    openAndRelease()
    writeFileSync(join(path, name), damage(readFileSync(join(path, name))))
    const before = contents()
    expect(open).toThrow(DamageError)
    expect(open).toThrow(`damaged: ${join(path, name)}`)
    expect(contents()).toEqual(before)
  })

  test('a missing secret: it is never made again silently', () => {
    openAndRelease()
    rmSync(join(path, 'handle-key'))
    expect(open).toThrow('every handle of every client is void')
  })

  test('views without a STATE file', () => {
    openAndRelease()
    mkdirSync(join(path, 'index'))
    rmSync(join(path, 'STATE'))
    expect(open).toThrow(`damaged: ${join(path, 'STATE')}: it is missing`)
  })

  test("somebody else's directory", () => {
    writeFileSync(join(parent, 'thesis.txt'), 'years of work')
    expect(() => StateDirectory.open(parent, 'proxy', systemRandom)).toThrow(StateRefusedError)
    expect(readdirSync(parent)).toEqual(['thesis.txt'])
  })

  test('a directory that is not there, by a command that does not make one', () => {
    expect(() => StateDirectory.open(path, 'view ls', undefined)).toThrow(`${path} does not exist`)
  })
})

test('making one may be killed at any point and goes on the next time', () => {
  openAndRelease()
  rmSync(join(path, 'STATE'))
  writeFileSync(join(path, 'STATE.new'), 'half a fi')
  openAndRelease()
  expect(readdirSync(path).sort()).toEqual(['STATE', 'handle-key'])
})

test('it belongs to the image it was first used with, wherever that is served', () => {
  const state = open()
  state.adoptBase(image)
  state.adoptBase({ ...image, url: 'nfs://b/y' })
  expect(() => state.adoptBase({ ...image, fileid: '3' })).toThrow('belongs to the image at nfs://b/y')
  expect(() => state.adoptBase({ ...image, fsid: '13' })).toThrow('give another directory with --state')
  state.release()
  const again = open()
  expect(again.base).toEqual({ ...image, url: 'nfs://b/y' })
  again.release()
})

test('its blocks stay where they are, unless somebody says that they were moved', () => {
  const state = open()
  state.adoptShadow({ kind: 'own' }, false)
  const moved = { kind: 'directory', place: '/srv/shadow' } as const
  expect(() => state.adoptShadow(moved, false)).toThrow(
    'are in its own directory "shadow", not in /srv/shadow',
  )
  state.adoptShadow(moved, true)
  state.adoptShadow(moved, false)
  expect(() => state.adoptShadow({ kind: 'own' }, false)).toThrow('--shadow-moved')
  const served = (port: number) =>
    ({ kind: 'nfs', place: 'nfs://a/shadow', url: `nfs://a/shadow?nfsport=${port}` }) as const
  expect(() => state.adoptShadow(served(1), false)).toThrow('not in nfs://a/shadow')
  state.adoptShadow(served(1), true)
  state.adoptShadow(served(2), false)
  expect(state.shadow).toEqual(served(2))
  state.release()
})

test('the number of the last commit is kept', () => {
  const state = open()
  expect(state.closedSequence).toBeUndefined()
  state.recordClose(42)
  expect(state.closedSequence).toBe(42)
  state.release()
})
