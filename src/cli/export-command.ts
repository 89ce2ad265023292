import type { Command } from 'commander'
import { createLogger } from '../base/logger.ts'
import { EXPORT_COMMAND_SETTINGS } from '../config/setting-table.ts'
import { stopOnSignal } from '../daemon/stop-on-signal.ts'
import { runExport } from './export.ts'
import { parseExportDirectory } from './export-directory.ts'
import { settingsOf } from './setting-flags.ts'

/** rowfs export: serves until it is told to stop. */
export async function exportCommand(texts: readonly string[], command: Command): Promise<void> {
  const { settings } = settingsOf(command, EXPORT_COMMAND_SETTINGS)
  const { directories, listen, state, allow, squash, allowAtime } = settings.export
  const logger = createLogger(settings.log.level)
  const stopped = stopOnSignal(logger)
  await runExport({
    directories: (texts.length > 0 ? texts : directories).map(parseExportDirectory),
    listen,
    stateDir: state,
    allow,
    squash,
    allowAtime,
    logger,
    signal: stopped.signal,
  })
}
