import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { createLogger } from '../base/logger.ts'
import { PROXY_SETTINGS } from '../config/setting-table.ts'
import { type ProxySettings, RunningProxy } from '../daemon/proxy.ts'
import { stopOnSignal } from '../daemon/stop-on-signal.ts'
import { EXIT_DONE, UsageError } from './exit-codes.ts'
import { print } from './output.ts'
import { settingsOf } from './setting-flags.ts'

/** A start that was told to stop gets so long to come to its end; it may be waiting for the image server. */
const START_END_WAIT_MS = 1_000

/** rowfs proxy: serves until it is told to stop. */
export async function proxy(
  options: { json?: boolean; shadowMoved?: boolean },
  command: Command,
): Promise<void> {
  const { settings } = settingsOf(command, PROXY_SETTINGS)
  const logger = createLogger(settings.log.level)
  const stopped = stopOnSignal(logger)
  const { base, state } = settings
  if (base === undefined) throw missing('base', 'nfs://HOST/PATH', 'which image to stand on')
  if (state === undefined) throw missing('state', 'DIR', 'where to keep what must survive')
  const starting = RunningProxy.start({
    settings: { ...settings, base, state } satisfies ProxySettings,
    logger,
    shadowWasMoved: options.shadowMoved === true,
  })
  const running = await Promise.race([starting, stopped.asked])
  if (!(running instanceof RunningProxy)) return endStart(starting)
  announce(running, options.json === true)
  await stopped.asked
  await stopped.within(() => running.stop())
}

/** Nothing was served yet, so nothing is lost by leaving a start that waits for somebody. */
async function endStart(starting: Promise<RunningProxy>): Promise<void> {
  const ended = starting.then(
    (running) => running.stop(),
    () => {},
  )
  await Promise.race([ended, sleep(START_END_WAIT_MS)])
  process.exit(EXIT_DONE)
}

/** Standard output is for the reader: how to mount each view, then the word that clients may come. */
function announce(running: RunningProxy, json: boolean): void {
  const views = running.views()
  if (json) {
    print(JSON.stringify({ event: 'ready', pid: process.pid, ...running.listen, views }))
    return
  }
  for (const view of views) print(view.mount)
  print('ready')
}

function missing(key: string, value: string, what: string): UsageError {
  return new UsageError(`it is not said ${what}; add --${key} ${value}, or "${key}: ${value}" in rowfs.yaml`)
}
