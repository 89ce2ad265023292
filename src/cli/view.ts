import type { Command } from 'commander'
import type { ViewRequests } from '../daemon/view-requests.ts'
import { changeJson, changeLine } from './change-lines.ts'
import { EXIT_FAILED, ExitWith } from './exit-codes.ts'
import { formatBytes, formatTable, print, printJson } from './output.ts'
import { askAboutViews } from './state-option.ts'

type Summary = ViewRequests['view.ls']['result'][number]

/** rowfs view ls */
export async function viewLs(options: { json?: boolean }, command: Command): Promise<void> {
  const views = await askAboutViews(command, 'view.ls', {})
  if (options.json) return printJson(views)
  const rows = views.map((view) => [
    view.name,
    String(view.nodesChanged),
    String(view.entriesChanged),
    formatBytes(view.shadowBytes),
    created(view),
  ])
  print(formatTable(['VIEW', '>OBJECTS', '>NAMES', '>SHADOW', 'CREATED'], rows))
}

/** rowfs view show NAME */
export async function viewShow(name: string, options: { json?: boolean }, command: Command): Promise<void> {
  const view = await askAboutViews(command, 'view.show', { name })
  if (options.json) return printJson(view)
  print(`view ${view.name}, export /${view.name}, created ${created(view)}`)
  print(`objects that differ from the image: ${view.nodesChanged}`)
  print(`names added, removed or moved:      ${view.entriesChanged}`)
  print(`changed blocks in the shadow:       ${formatBytes(view.shadowBytes)}`)
}

/** rowfs view diff NAME */
export async function viewDiff(name: string, options: { json?: boolean }, command: Command): Promise<void> {
  const changes = await askAboutViews(command, 'view.diff', { name })
  if (options.json) return printJson(changes.map(changeJson))
  for (const change of changes) print(changeLine(change))
}

/** rowfs view reset NAME PATH */
export async function viewReset(
  name: string,
  path: string,
  options: { json?: boolean; base64?: boolean },
  command: Command,
): Promise<void> {
  const base64 = options.base64 ? path : Buffer.from(path).toString('base64')
  const done = await askAboutViews(command, 'view.reset', { name, path: base64 })
  if (options.json) return printJson(done)
  print(`${path} of ${name} is the image's again: ${done.entries} names and ${done.nodes} objects given back`)
}

/** rowfs view rm NAME */
export async function viewRm(name: string, options: { json?: boolean }, command: Command): Promise<void> {
  await askAboutViews(command, 'view.rm', { name })
  if (options.json) return printJson({ removed: name })
  print(`view ${name} and everything it changed are removed`)
}

/** rowfs view check NAME */
export async function viewCheck(name: string, options: { json?: boolean }, command: Command): Promise<void> {
  const report = await askAboutViews(command, 'view.check', { name })
  if (options.json) printJson(report)
  else {
    for (const { object, what } of report.problems) print(`${object}: ${what}`)
    const found = report.problems.length === 0 ? 'no problems' : `${report.problems.length} problems`
    print(`${name}: ${found} in ${report.records} records and ${report.blocks} blocks`)
  }
  if (report.problems.length > 0) throw new ExitWith(EXIT_FAILED)
}

function created(view: Summary): string {
  return new Date(view.createdAtSeconds * 1000).toISOString().replace('T', ' ').slice(0, 16)
}
