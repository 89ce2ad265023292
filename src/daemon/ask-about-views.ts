import { createLogger } from '../base/logger.ts'
import type { Settings } from '../config/load-settings.ts'
import { openStorage } from './compose.ts'
import { askProxy } from './control-client.ts'
import { lockHolder } from './state-lock.ts'
import { type ViewRequests, viewHandlers } from './view-requests.ts'

/** The command under which the proxy holds the state directory's lock. */
export const PROXY_COMMAND = 'proxy'

/** Asks the running proxy, or, when none runs, opens the state directory for the time of the answer. */
export async function askAboutViewsOf<Name extends keyof ViewRequests>(
  directory: string,
  settings: Settings,
  request: Name,
  args: ViewRequests[Name]['args'],
): Promise<ViewRequests[Name]['result']> {
  if (lockHolder(directory)?.command === PROXY_COMMAND) {
    return (await askProxy(directory, request, args)) as ViewRequests[Name]['result']
  }
  await using stack = new AsyncDisposableStack()
  const logger = createLogger(settings.log.level)
  const command = request.replace('.', ' ')
  const storage = await openStorage(stack, { directory, settings, logger, command, image: undefined })
  const handler = viewHandlers(storage.catalog, () => {})[request]!
  return (await handler(args)) as ViewRequests[Name]['result']
}
