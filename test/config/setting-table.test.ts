import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkSettings } from '../../src/config/check-settings.ts'
import { settingsSchema } from '../../src/config/schema.ts'
import { ALL_SETTINGS, EXPORT_COMMAND_SETTINGS, PROXY_SETTINGS } from '../../src/config/setting-table.ts'
import { getSetting, putSetting, type SettingTree } from '../../src/config/setting-tree.ts'

const schema = settingsSchema({ nfsUrl: () => {}, network: () => {}, viewName: () => {} })

test('the table and the schema know the same keys, and every default is a value that one may write', () => {
  const tree: SettingTree = {}
  for (const spec of ALL_SETTINGS) putSetting(tree, spec.key.split('.'), spec.default ?? 'nfs://host/path')
  expect(checkSettings(schema, tree, () => '')).toEqual([])
  // What the schema knows beside the table would be in the list of known keys.
  const known = checkSettings(schema, { zzzzzzzz: 1 }, () => '')[0]!.what
  expect(known).toBe(`unknown key; known here: ${Object.keys(tree).join(', ')}`)
})

test('no flag stands for two keys of one command', () => {
  for (const table of [PROXY_SETTINGS, EXPORT_COMMAND_SETTINGS]) {
    const flags = table.map((spec) => spec.flag.split(' ')[0])
    expect(new Set(flags).size).toBe(flags.length)
  }
})

test('docs/configuration.md has a row for every key with its flag', () => {
  const page = readFileSync(`${import.meta.dirname}/../../docs/configuration.md`, 'utf8')
  for (const spec of ALL_SETTINGS) {
    const flag = spec.flag.split(' ')[0]!
    expect(page).toContain(`| \`${spec.key}\` | \`${flag}`)
  }
})

test('a key that an object has by nature is not a setting', () => {
  expect(getSetting({}, ['constructor'])).toBeUndefined()
})
