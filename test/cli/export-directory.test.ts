import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  checkExportDirectories,
  checkStateIsElsewhere,
  parseExportDirectory,
} from '../../src/cli/export-directory.ts'

let work: string
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'rowfs-export-directory-'))
  mkdirSync(join(work, 'image/inner'), { recursive: true })
  writeFileSync(join(work, 'file'), '')
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

describe('DIR[:NAME]', () => {
  test.each([
    ['/srv/image', '/srv/image', 'image'],
    ['/srv/image/', '/srv/image', 'image'],
    ['/srv/image:v7', '/srv/image', 'v7'],
    ['/srv/a:b/c', '/srv/a:b/c', 'c'],
    ['/srv/a:b/c:d', '/srv/a:b/c', 'd'],
    ['/:root', '/', 'root'],
  ])('%s', (text, path, name) => {
    expect(parseExportDirectory(text)).toEqual({ path, name })
  })

  test('a relative directory is one of the working directory', () => {
    expect(parseExportDirectory('image').path).toBe(join(process.cwd(), 'image'))
    expect(parseExportDirectory('.').name).toBe(process.cwd().split('/').at(-1))
  })

  test.each(['', '/', '/srv/image:', '/srv/image:.', '/srv/image:..'])('"%s" is wrong use', (text) => {
    expect(() => parseExportDirectory(text)).toThrow(/write .*NAME/)
  })

  test('a name has at most 255 bytes', () => {
    expect(parseExportDirectory(`/srv:${'n'.repeat(255)}`).name).toHaveLength(255)
    expect(() => parseExportDirectory(`/srv:${'n'.repeat(256)}`)).toThrow(/longer than 255 bytes/)
    expect(() => parseExportDirectory(`/srv:${'ä'.repeat(128)}`)).toThrow(/longer than 255 bytes/)
  })
})

describe('what is to be exported', () => {
  test('must be there, be directories, and have names of their own', () => {
    const image = { path: join(work, 'image'), name: 'image' }
    checkExportDirectories([image, { ...image, name: 'other' }])
    expect(() => checkExportDirectories([])).toThrow(/nothing to export/)
    expect(() => checkExportDirectories([image, { path: work, name: 'image' }])).toThrow(
      /both called \/image/,
    )
    expect(() => checkExportDirectories([{ path: join(work, 'file'), name: 'a' }])).toThrow(/not a directory/)
    expect(() => checkExportDirectories([{ path: join(work, 'absent'), name: 'a' }])).toThrow(
      /cannot be exported/,
    )
  })

  test('must not hold the state directory, however that is written', () => {
    const image = [{ path: join(work, 'image'), name: 'image' }]
    symlinkSync(join(work, 'image/inner'), join(work, 'way-in'))
    symlinkSync(join(work, 'image'), join(work, 'image-link'))
    for (const inside of ['image', 'image/state', 'image/a/b/c', 'way-in', 'way-in/state', 'image-link/x']) {
      expect(() => checkStateIsElsewhere(join(work, inside), image), inside).toThrow(/lies in/)
    }
    expect(() => checkStateIsElsewhere(join(work, 'state'), [{ path: '/', name: 'root' }])).toThrow(/lies in/)
    for (const outside of ['state', 'image-2', 'image2/state'])
      checkStateIsElsewhere(join(work, outside), image)
    // Another device is not part of the export.
    checkStateIsElsewhere('/proc/self', [{ path: '/', name: 'root' }])
  })
})
