import type { Command } from 'commander'
import { ALL_SETTINGS } from '../config/setting-table.ts'
import { formatTable, print, printJson } from './output.ts'
import { settingsOf } from './setting-flags.ts'

/** rowfs config show: what holds, and where it was said. Checks everything on the way. */
export function configShow(options: { json?: boolean }, command: Command): void {
  const { origins, file } = settingsOf(command, ALL_SETTINGS)
  if (options.json) {
    const settings = origins.map((one) => ({ ...one, value: one.value ?? null }))
    printJson({ file: file ?? null, settings })
    return
  }
  print(file === undefined ? 'no settings file was read' : `settings file: ${file}`)
  const rows = origins.map(({ key, value, from }) => [key, inWords(value), from])
  print(formatTable(['KEY', 'VALUE', 'FROM'], rows))
}

function inWords(value: unknown): string {
  if (value === undefined) return '-'
  return Array.isArray(value) ? value.join(', ') || '(none)' : String(value)
}
