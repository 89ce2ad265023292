import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemRandom } from '../../src/base/random.ts'
import { defaultExportState, readOrMakeHandleKey } from '../../src/cli/export-key.ts'

describe('the key of the image server', () => {
  let directory: string
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'rowfs-export-key-')), 'a/b')
  })
  afterEach(() => rmSync(join(directory, '../..'), { recursive: true, force: true }))

  test('is made once, for its owner only, and nothing is left over', () => {
    const key = readOrMakeHandleKey(directory, systemRandom)
    expect(key).toHaveLength(32)
    expect(readOrMakeHandleKey(directory, systemRandom)).toEqual(key)
    expect(readdirSync(directory)).toEqual(['handle-key'])
    expect(lstatSync(join(directory, 'handle-key')).mode & 0o7777).toBe(0o600)
    expect(lstatSync(directory).mode & 0o7777).toBe(0o700)
  })

  test('that another server makes at the same moment is taken', () => {
    let other: Uint8Array | undefined
    const slow = {
      bytes(count: number) {
        other ??= readOrMakeHandleKey(directory, systemRandom)
        return systemRandom.bytes(count)
      },
    }
    expect(readOrMakeHandleKey(directory, slow)).toEqual(other)
    expect(readdirSync(directory)).toEqual(['handle-key'])
  })

  test('that is damaged is refused and not replaced', () => {
    readOrMakeHandleKey(directory, systemRandom)
    const path = join(directory, 'handle-key')
    const damaged = readFileSync(path)
    damaged[30]! ^= 1
    writeFileSync(path, damaged)
    expect(() => readOrMakeHandleKey(directory, systemRandom)).toThrow(/damaged/)
    expect(readFileSync(path)).toEqual(damaged)
  })

  test('is in the XDG state home unless told otherwise', () => {
    expect(defaultExportState({}, '/home/a')).toBe('/home/a/.local/state/rowfs/export')
    expect(defaultExportState({ XDG_STATE_HOME: '/var/state' }, '/home/a')).toBe('/var/state/rowfs/export')
    // The specification: a relative path is to be ignored.
    expect(defaultExportState({ XDG_STATE_HOME: 'state' }, '/home/a')).toBe(
      '/home/a/.local/state/rowfs/export',
    )
  })
})
