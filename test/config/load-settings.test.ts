import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FlagValue, loadSettings } from '../../src/config/load-settings.ts'
import { ALLOW_MAX_NETWORKS, VIEWS_MAX } from '../../src/config/schema.ts'
import { SettingsError } from '../../src/config/setting-problem.ts'
import { SETTINGS_FILE_MAX_BYTES } from '../../src/config/settings-file.ts'

/** Stand-ins for what the rows above give: the real ones have their own tests. */
const checks = {
  nfsUrl(text: string) {
    if (!text.startsWith('nfs://')) throw new Error(`"${text}": write it as nfs://HOST/PATH`)
  },
  viewName(text: string) {
    if (text.includes('/')) throw new Error(`"${text}" is no name for a view`)
  },
  network(text: string) {
    if (!text.includes('/')) throw new Error(`"${text}": write it as ADDRESS/BITS`)
  },
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-config-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function fileWith(text: string): string {
  const path = join(directory, 'rowfs.yaml')
  writeFileSync(path, text)
  return path
}

function findings(text: string, flags: FlagValue[] = []) {
  try {
    loadSettings({ file: fileWith(text), flags, checks })
  } catch (error) {
    if (error instanceof SettingsError) {
      return error.findings.map((one) => ({ ...one, where: one.where.replace(`${directory}/`, '') }))
    }
    throw error
  }
  return []
}

describe('without a file and flags', () => {
  test('one view for this machine only, nobody squashed', () => {
    const { settings, origins } = loadSettings({ file: undefined, flags: [], checks })
    expect(settings.listen).toEqual({ host: '127.0.0.1', port: 2049 })
    expect(settings.views).toEqual([
      {
        name: 'default',
        allow: ['127.0.0.0/8', '::1/128'],
        squash: 'none',
        anonUid: 65534,
        anonGid: 65534,
        readOnly: false,
        privilegedPort: false,
      },
    ])
    expect(settings.cache).toEqual({ blocksMiB: 32, recheckMs: 60_000 })
    expect(settings.base).toBeUndefined()
    expect(origins).toContainEqual({ key: 'listen', value: '127.0.0.1:2049', from: 'default' })
    expect(origins).toContainEqual({ key: 'base', value: undefined, from: 'not set' })
  })
})

describe('a file', () => {
  const text = `base: nfs://images/debian?nfsport=2049
state: var/state
shadow: nfs://127.0.0.1/shadow
squash: root
views:
  lab:
  office:
    squash: all
    allow: [10.0.0.0/8]
    anonUid: 1000
cache:
  blocksMiB: 64
log:
`

  test('its values are used; paths are meant from its directory; views take over the rules at the top', () => {
    const { settings, origins } = loadSettings({ file: fileWith(text), flags: [], checks })
    expect(settings.base).toBe('nfs://images/debian?nfsport=2049')
    expect(settings.state).toBe(join(directory, 'var/state'))
    expect(settings.shadow).toEqual({ kind: 'nfs', url: 'nfs://127.0.0.1/shadow' })
    expect(settings.cache.blocksMiB).toBe(64)
    expect(settings.log.level).toBe('info')
    expect(settings.views.map((view) => [view.name, view.squash, view.anonUid, view.allow])).toEqual([
      ['lab', 'root', 65534, ['127.0.0.0/8', '::1/128']],
      ['office', 'all', 1000, ['10.0.0.0/8']],
    ])
    const from = new Map(origins.map((one) => [one.key, one.from]))
    expect(from.get('views.office.squash')).toBe(`${join(directory, 'rowfs.yaml')} line 8`)
    expect(from.get('views.lab.squash')).toBe('squash')
    expect(from.get('cache.blocksMiB')).toBe(`${join(directory, 'rowfs.yaml')} line 12`)
  })

  test('a flag wins over the file, key by key', () => {
    const { settings, origins } = loadSettings({
      file: fileWith(text),
      flags: [
        { path: ['state'], flag: '--state', value: '/elsewhere' },
        { path: ['views', 'office', 'anonUid'], flag: '--view', value: '7' },
        { path: ['cache', 'blocksMiB'], flag: '--cache-mib', value: '8' },
      ],
      checks,
    })
    expect(settings.state).toBe('/elsewhere')
    expect(settings.cache.blocksMiB).toBe(8)
    // Views named by flags are the views; what the file says of them still holds.
    expect(settings.views).toMatchObject([{ name: 'office', squash: 'all', anonUid: 7 }])
    expect(origins).toContainEqual({ key: 'state', value: '/elsewhere', from: '--state' })
    expect(origins).toContainEqual({ key: 'views.office.anonUid', value: '7', from: '--view' })
  })

  test('every mistake is named at once: line, key, what is wrong, the fix', () => {
    expect(
      findings(`base: images/debian
squash: rot
sqash: all
views:
  "../etc":
  lab: {alow: []}
cache: 7
anonUid: -1
allow: 10.0.0.0/8
portmap: perhaps
`),
    ).toEqual([
      expect.objectContaining({
        where: 'rowfs.yaml line 1',
        key: 'base',
        what: '"images/debian": write it as nfs://HOST/PATH',
      }),
      {
        where: 'rowfs.yaml line 10',
        key: 'portmap',
        what: '"perhaps" is neither true nor false; write one of them',
      },
      { where: 'rowfs.yaml line 9', key: 'allow', what: 'it must be a list; write [first, second]' },
      {
        where: 'rowfs.yaml line 2',
        key: 'squash',
        what: '"rot" is not known; write one of: none, root, all',
      },
      expect.objectContaining({
        where: 'rowfs.yaml line 8',
        key: 'anonUid',
        what: expect.stringContaining('from 0 to 4294967295'),
      }),
      { where: 'rowfs.yaml line 6', key: 'views.lab.alow', what: 'unknown key; did you mean "allow"?' },
      expect.objectContaining({
        where: 'rowfs.yaml line 5',
        key: 'views.../etc',
        what: expect.stringContaining('is no name for a view'),
      }),
      { where: 'rowfs.yaml line 7', key: 'cache', what: 'it must hold keys; write them below it, indented' },
      { where: 'rowfs.yaml line 3', key: 'sqash', what: 'unknown key; did you mean "squash"?' },
    ])
  })

  test('a wrong flag is named as a flag', () => {
    expect(findings('', [{ path: ['squash'], flag: '--squash', value: 'rot' }])).toEqual([
      { where: '--squash', key: 'squash', what: '"rot" is not known; write one of: none, root, all' },
    ])
  })

  test.each([
    ['state: [', 'rowfs.yaml line 1', 'not YAML'],
    ['state: a\nstate: b\n', 'rowfs.yaml line 2', 'unique'],
    ['- a\n', 'rowfs.yaml line 1', 'it holds no keys'],
  ])('%j is refused', (text, where, what) => {
    expect(findings(text)).toEqual([{ where, key: '(the file)', what: expect.stringContaining(what) }])
  })

  test('a file that is not there is named', () => {
    expect(() => loadSettings({ file: join(directory, 'none.yaml'), flags: [], checks })).toThrow(
      'none.yaml, (the file): cannot be read',
    )
  })

  test('a file may have 1 MiB, not a byte more', () => {
    const padding = (bytes: number) => `#${'x'.repeat(bytes - 1)}`
    expect(findings(padding(SETTINGS_FILE_MAX_BYTES))).toEqual([])
    expect(findings(padding(SETTINGS_FILE_MAX_BYTES + 1))[0]!.what).toContain('too many for settings')
  })
})

describe('limits', () => {
  test(`${VIEWS_MAX} views and no more`, () => {
    const views = (count: number) =>
      findings(`views: {${Array.from({ length: count }, (_, index) => `v${index}: {}`).join(', ')}}`)
    expect(views(VIEWS_MAX)).toEqual([])
    expect(views(VIEWS_MAX + 1)[0]!.what).toContain('write at most')
  })

  test(`${ALLOW_MAX_NETWORKS} networks in an allow list and no more`, () => {
    const allow = (count: number) => findings(`allow: [${Array(count).fill('10.0.0.0/8').join(', ')}]`)
    expect(allow(ALLOW_MAX_NETWORKS)).toEqual([])
    expect(allow(ALLOW_MAX_NETWORKS + 1)[0]!.what).toBe(
      `it holds too many; write at most ${ALLOW_MAX_NETWORKS}`,
    )
  })
})
