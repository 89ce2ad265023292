import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { type FlagValue, type LoadedSettings, loadSettings } from '../config/load-settings.ts'
import { ACCESS_RULES, type ForeignChecks } from '../config/schema.ts'
import { PROXY_SETTINGS, type SettingSpec } from '../config/setting-table.ts'
import { parseNfsUrl } from '../nfsclient/nfs-url.ts'
import { AllowList } from '../nfsd/allow-list.ts'
import { viewNameProblem } from '../overlay/view-name.ts'
import { UsageError } from './exit-codes.ts'

/** The rows that read these values say whether they can. */
export const settingChecks: ForeignChecks = {
  nfsUrl: parseNfsUrl,
  network: (text) => new AllowList([text]),
  viewName(text) {
    const problem = viewNameProblem(text)
    if (problem !== undefined) throw new Error(problem)
  },
}

const DEFAULT_FILE = 'rowfs.yaml'

/** Rules of one view inside its flag, by the names of their own flags: --view lab,squash=all,allow=10.0.0.0/8 */
const VIEW_RULES: ReadonlyMap<string, SettingSpec> = new Map(
  PROXY_SETTINGS.filter((spec) => ACCESS_RULES.some((rule) => rule === spec.key)).map((spec) => [
    longName(spec).slice('--'.length),
    spec,
  ]),
)

function longName(spec: SettingSpec): string {
  return spec.flag.split(' ')[0]!
}

/** Gives a command the flags of these settings, and --config. */
export function addSettingFlags(command: Command, specs: readonly SettingSpec[]): Command {
  for (const spec of specs) {
    if (spec.flag.startsWith('<')) continue
    const option = new Option(spec.flag, `${spec.what}${defaultInWords(spec)}`)
    if (spec.repeated) option.argParser((value: string, all: string[] | undefined) => [...(all ?? []), value])
    command.addOption(option)
    // So that a flag can win over a file that says yes.
    if (spec.default === false) command.addOption(new Option(`--no-${longName(spec).slice(2)}`).hideHelp())
  }
  return command.option('--config <file>', `settings file (default: ./${DEFAULT_FILE} where there is one)`)
}

function defaultInWords(spec: SettingSpec): string {
  const value = spec.default
  if (value === undefined || value === false || spec.key === 'views') return ''
  return ` (default: ${Array.isArray(value) ? value.join(', ') : String(value)})`
}

/** The settings of a command: its flags over the file over the defaults. Throws SettingsError. */
export function settingsOf(command: Command, specs: readonly SettingSpec[]): LoadedSettings {
  const given: FlagValue[] = []
  for (const spec of specs) {
    const option = command.options.find((one) => one.flags === spec.flag)
    if (option === undefined) continue
    const value: unknown = command.getOptionValue(option.attributeName())
    if (value === undefined) continue
    if (spec.key === 'views') given.push(...viewFlags(value as string[]))
    else given.push({ path: spec.key.split('.'), flag: longName(spec), value })
  }
  const config = command.getOptionValue('config') as string | undefined
  const file = config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  return loadSettings({ file, flags: given, checks: settingChecks })
}

/** NAME[,key=value]… */
function viewFlags(texts: readonly string[]): FlagValue[] {
  const flags: FlagValue[] = []
  for (const text of texts) {
    const [name = '', ...rules] = text.split(',')
    flags.push({ path: ['views', name], flag: '--view', value: {} })
    const lists = new Map<string, string[]>()
    for (const rule of rules) {
      const [word = '', value] = rule.split(/=(.*)/s)
      const spec = VIEW_RULES.get(word)
      if (spec === undefined || value === undefined) {
        throw new UsageError(
          `--view ${text}: "${rule}" is not known; write ${[...VIEW_RULES.keys()].join('=…, ')}=…`,
        )
      }
      if (spec.repeated) lists.set(spec.key, [...(lists.get(spec.key) ?? []), value])
      else flags.push({ path: ['views', name, spec.key], flag: '--view', value })
    }
    for (const [key, values] of lists)
      flags.push({ path: ['views', name, key], flag: '--view', value: values })
  }
  return flags
}
