import { dirname, resolve } from 'node:path'
import type { ListenAddress } from './addresses.ts'
import { checkSettings } from './check-settings.ts'
import {
  ACCESS_RULES,
  type ForeignChecks,
  type ShadowPlace,
  settingsSchema,
  type WrittenSettings,
} from './schema.ts'
import { SettingsError } from './setting-problem.ts'
import { ALL_SETTINGS } from './setting-table.ts'
import { getSetting, type KeyPath, putSetting, type SettingTree } from './setting-tree.ts'
import { readSettingsFile } from './settings-file.ts'

/** Who may use a view, and as whom; every rule is decided. */
export interface ViewSettings {
  readonly name: string
  readonly allow: readonly string[]
  readonly squash: 'none' | 'root' | 'all'
  readonly anonUid: number
  readonly anonGid: number
  readonly readOnly: boolean
  readonly privilegedPort: boolean
}

/** Flags over the file over the defaults, checked. Paths are absolute. */
export interface Settings {
  readonly base: string | undefined
  readonly state: string | undefined
  readonly shadow: ShadowPlace | undefined
  readonly listen: ListenAddress
  readonly portmap: boolean
  readonly views: readonly ViewSettings[]
  readonly cache: { readonly blocksMiB: number; readonly recheckMs: number }
  readonly timeouts: { readonly imageMs: number; readonly shadowMs: number }
  readonly log: { readonly level: string }
  readonly export: {
    readonly directories: readonly string[]
    readonly listen: ListenAddress
    readonly state: string | undefined
    readonly allow: readonly string[]
    readonly squash: ViewSettings['squash']
    readonly allowAtime: boolean
  }
}

/** One effective value, for `rowfs config show`. */
export interface SettingOrigin {
  readonly key: string
  readonly value: unknown
  /** "default", "rowfs.yaml line 7", "--squash", or the key that it falls back to. */
  readonly from: string
}

export interface LoadedSettings {
  readonly settings: Settings
  readonly origins: readonly SettingOrigin[]
  /** The file that was read, if one was. */
  readonly file: string | undefined
}

/** A value of the command line: the key it is for, and the flag as the user knows it ("--squash"). */
export interface FlagValue {
  readonly path: KeyPath
  readonly flag: string
  readonly value: unknown
}

interface Layer {
  readonly tree: SettingTree
  /** Paths in it are relative to this. */
  readonly directory: string
  where(path: readonly PropertyKey[]): string
}

const PATH_KEYS = ['state', 'shadow', 'export.state', 'export.directories']

/** Throws SettingsError with everything that is wrong. */
export function loadSettings(options: {
  file: string | undefined
  flags: readonly FlagValue[]
  checks: ForeignChecks
}): LoadedSettings {
  const schema = settingsSchema(options.checks)
  const file = options.file === undefined ? undefined : readSettingsFile(options.file)
  const written: Layer[] = [flagLayer(options.flags)]
  if (file !== undefined) written.push({ ...file, directory: dirname(resolve(file.path)) })
  const findings = written.flatMap((layer) => checkSettings(schema, layer.tree, layer.where))
  if (findings.length > 0) throw new SettingsError(findings)

  const tree: SettingTree = {}
  const origins: SettingOrigin[] = []
  const decide = (path: KeyPath, picked: { value: unknown; from: string }) => {
    if (picked.value !== undefined) putSetting(tree, path, picked.value)
    origins.push({ key: path.join('.'), value: picked.value, from: picked.from })
  }
  const layers = [...written, defaultLayer()]
  for (const { key } of ALL_SETTINGS) {
    if (key !== 'views') decide(key.split('.'), pick(layers, key.split('.')))
  }
  for (const name of Object.keys(pick(layers, ['views']).value as SettingTree)) {
    for (const rule of ACCESS_RULES) {
      const own = pick(written, ['views', name, rule])
      const fallback = { value: getSetting(tree, [rule]), from: rule }
      decide(['views', name, rule], own.value === undefined ? fallback : own)
    }
  }
  return { settings: complete(schema.parse(tree)), origins, file: file?.path }
}

/** The value of the first layer that has the key. */
function pick(layers: readonly Layer[], path: KeyPath): { value: unknown; from: string } {
  for (const layer of layers) {
    const value = getSetting(layer.tree, path)
    if (value === undefined || value === null) continue
    return { value: anchored(path.join('.'), value, layer.directory), from: layer.where(path) }
  }
  return { value: undefined, from: 'not set' }
}

/** A path in a file is meant from where the file is, one in a flag from where the command runs. */
function anchored(key: string, value: unknown, directory: string): unknown {
  if (!PATH_KEYS.includes(key)) return value
  if (Array.isArray(value)) return value.map((one) => resolve(directory, String(one)))
  return String(value).startsWith('nfs:') ? value : resolve(directory, String(value))
}

function flagLayer(flags: readonly FlagValue[]): Layer {
  const tree: SettingTree = {}
  for (const { path, value } of flags) putSetting(tree, path, value)
  const leads = (flag: FlagValue, path: readonly PropertyKey[]) =>
    flag.path.every((part, index) => index >= path.length || part === path[index])
  return {
    tree,
    directory: process.cwd(),
    where: (path) => flags.find((flag) => leads(flag, path))?.flag ?? 'the command line',
  }
}

function defaultLayer(): Layer {
  const tree: SettingTree = {}
  for (const spec of ALL_SETTINGS) putSetting(tree, spec.key.split('.'), spec.default)
  return { tree, directory: process.cwd(), where: () => 'default' }
}

/** Every key with a default is there: `decide` has been called for all of them. */
function complete(written: WrittenSettings): Settings {
  const { base, state, shadow, listen, portmap, cache, timeouts, log } = written
  const views = Object.entries(written.views!).map(([name, rules]) => ({ name, ...rules }) as ViewSettings)
  return {
    base,
    state,
    shadow,
    listen: listen!,
    portmap: portmap!,
    views,
    cache: cache as Settings['cache'],
    timeouts: timeouts as Settings['timeouts'],
    log: log as Settings['log'],
    export: { state: undefined, ...written.export } as Settings['export'],
  }
}
