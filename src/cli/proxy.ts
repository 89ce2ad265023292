import type { Command } from 'commander'
import { createLogger } from '../base/logger.ts'
import { PROXY_SETTINGS } from '../config/setting-table.ts'
import { type ProxySettings, RunningProxy } from '../daemon/proxy.ts'
import { stopOnSignal } from '../daemon/stop-on-signal.ts'
import { UsageError } from './exit-codes.ts'
import { print } from './output.ts'
import { settingsOf } from './setting-flags.ts'

/** rowfs proxy: serves until it is told to stop. */
export async function proxy(
  options: { json?: boolean; shadowMoved?: boolean },
  command: Command,
): Promise<void> {
  const { settings } = settingsOf(command, PROXY_SETTINGS)
  const logger = createLogger(settings.log.level)
  // From the first moment on: it may be told to stop while it waits for the image server.
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
  if (running instanceof RunningProxy) {
    announce(running, options.json === true)
    await stopped.asked
  }
  await stopped.within(async () => (await starting).stop())
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
