import { isIPv6 } from 'node:net'
import { SettingProblem } from './setting-problem.ts'

export const PORT_MAX = 65_535

/** Where a server listens. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** HOST:PORT or [IPV6]:PORT; a host alone has the default port. */
export function parseListenAddress(text: string, defaultPort: number): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d+))?$/.exec(text)
  if (match === null) {
    throw new SettingProblem(
      `"${text}" is not an address; write HOST:PORT, for instance 127.0.0.1:2049 or [::1]:2049`,
    )
  }
  const host = match[1] ?? match[2]!
  if (match[1] !== undefined && !isIPv6(host)) {
    throw new SettingProblem(`"${host}" is not an IPv6 address; brackets are for these only`)
  }
  if (host === '') throw new SettingProblem(`"${text}" has no host; write 0.0.0.0:PORT to listen everywhere`)
  return { host, port: match[3] === undefined ? defaultPort : parsePort(match[3]) }
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > PORT_MAX) {
    throw new SettingProblem(`"${text}" is not a port; write a number from 0 to ${PORT_MAX}`)
  }
  return port
}

export function formatAddress(address: ListenAddress): string {
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
