import type { Command } from 'commander'
import type { Settings } from '../config/load-settings.ts'
import { STATE_SETTINGS } from '../config/setting-table.ts'
import { askAboutViewsOf } from '../daemon/ask-about-views.ts'
import type { ViewRequests } from '../daemon/view-requests.ts'
import { UsageError } from './exit-codes.ts'
import { addSettingFlags, settingsOf } from './setting-flags.ts'

export function addStateFlags(command: Command): Command {
  return addSettingFlags(command, STATE_SETTINGS)
}

export function stateOf(command: Command): { readonly directory: string; readonly settings: Settings } {
  const { settings } = settingsOf(command, STATE_SETTINGS)
  if (settings.state === undefined) {
    throw new UsageError('no state directory is given; add --state DIR, or "state: DIR" in rowfs.yaml')
  }
  return { directory: settings.state, settings }
}

/** Asks the running proxy, or the state directory itself when none runs. */
export function askAboutViews<Name extends keyof ViewRequests>(
  command: Command,
  request: Name,
  args: ViewRequests[Name]['args'],
): Promise<ViewRequests[Name]['result']> {
  const { directory, settings } = stateOf(command)
  return askAboutViewsOf(directory, settings, request, args)
}
