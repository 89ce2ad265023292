import type { Command } from 'commander'
import { askProxy } from '../daemon/control-client.ts'
import type { StatusReport } from '../daemon/status-report.ts'
import { formatBytes, formatDuration, formatMicroseconds, formatTable, print, printJson } from './output.ts'
import { stateOf } from './state-option.ts'

/** Clients that are listed without --json. */
const CLIENTS_SHOWN_MAX = 10

/** rowfs status */
export async function status(options: { json?: boolean }, command: Command): Promise<void> {
  const { directory } = stateOf(command)
  const report = (await askProxy(directory, 'status', {})) as StatusReport
  if (options.json) return printJson(report)
  print(
    `rowfs ${report.version}, process ${report.pid}, up ${formatDuration(report.uptimeMs)}, on ${report.listen}`,
  )
  print(imageLine(report))
  print(`shadow ${report.shadow}`)
  for (const view of report.views) print(`view   ${view.export}`)
  const { fromImage, fromCache, fromShadow } = report.bytes
  print(
    `read   ${formatBytes(fromImage)} from the image, ${formatBytes(fromCache)} from the cache, ${formatBytes(fromShadow)} from the shadow`,
  )
  print(`memory ${formatBytes(report.memoryBytes)}, ${report.connections} connections`)
  printClients(report)
  printCalls(report)
}

function imageLine({ image }: StatusReport): string {
  switch (image.state) {
    case 'up':
      return `image  ${image.url} answers`
    case 'untried':
      return `image  ${image.url} has not been needed yet`
    default:
      return `image  ${image.url} has not answered for ${formatDuration(image.downForMs ?? 0)}: ${image.reason ?? 'no reason known'}`
  }
}

function printClients({ clients }: StatusReport): void {
  if (clients.length === 0) return
  const rows = clients
    .slice(0, CLIENTS_SHOWN_MAX)
    .map(({ address, calls, idleMs }) => [address, String(calls), `${formatDuration(idleMs)} ago`])
  print(`\n${formatTable(['CLIENT', '>CALLS', '>LAST'], rows)}`)
  if (clients.length > CLIENTS_SHOWN_MAX)
    print(`and ${clients.length - CLIENTS_SHOWN_MAX} more (--json has them all)`)
}

function printCalls({ procedures, refused }: StatusReport): void {
  if (procedures.length === 0) return
  const rows = procedures.map((one) => [
    `${one.program}.${one.procedure}`,
    String(one.calls),
    formatMicroseconds(one.p50Us),
    formatMicroseconds(one.p99Us),
    formatBytes(one.bytesIn),
    formatBytes(one.bytesOut),
    one.replayed === 0 ? '' : String(one.replayed),
  ])
  print(`\n${formatTable(['PROCEDURE', '>CALLS', '>P50', '>P99', '>IN', '>OUT', '>REPLAYED'], rows)}`)
  for (const [reason, count] of Object.entries(refused)) print(`refused ${reason}: ${count}`)
}
