import { isIP, isIPv6 } from 'node:net'
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

/** A directory of an NFSv3 server. Ports that are absent are asked of the server's portmapper. */
export interface NfsUrl {
  readonly host: string
  readonly path: string
  readonly nfsPort: number | undefined
  readonly mountPort: number | undefined
}

/** nfs://HOST/PATH[?nfsport=N&mountport=N] */
export function parseNfsUrl(text: string): NfsUrl {
  const form = 'nfs://HOST/PATH?nfsport=N&mountport=N'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'nfs:' || url.hostname === '') {
    throw new SettingProblem(`"${text}" is not the address of an NFS export; write ${form}`)
  }
  if (url.port !== '' || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new SettingProblem(`"${text}" has a part that NFS does not know; write ${form}`)
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'nfsport' && name !== 'mountport') {
      throw new SettingProblem(`"${name}" is not known in the address of an export; write ${form}`)
    }
  }
  const port = (name: string) => {
    const value = url.searchParams.get(name)
    if (value === null) return undefined
    const number = parsePort(value)
    if (number === 0)
      throw new SettingProblem(`${name}=0 is not a port one can call; write the server's, or leave it out`)
    return number
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    path: decodePath(url.pathname, text),
    nfsPort: port('nfsport'),
    mountPort: port('mountport'),
  }
}

function decodePath(path: string, text: string): string {
  try {
    return path === '' ? '/' : decodeURIComponent(path)
  } catch {
    throw new SettingProblem(
      `"${text}" has a % that is not followed by two hex digits; write %25 for a % itself`,
    )
  }
}

export function formatNfsUrl(url: NfsUrl): string {
  const ports = [
    ...(url.nfsPort === undefined ? [] : [`nfsport=${url.nfsPort}`]),
    ...(url.mountPort === undefined ? [] : [`mountport=${url.mountPort}`]),
  ]
  const host = isIPv6(url.host) ? `[${url.host}]` : url.host
  const path = url.path.split('/').map(encodeURIComponent).join('/')
  return `nfs://${host}${path}${ports.length > 0 ? `?${ports.join('&')}` : ''}`
}

/** A network of client addresses: ADDRESS or ADDRESS/BITS, IPv4 or IPv6. Gives the text back when it is one. */
export function parseNetwork(text: string): string {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) {
    throw new SettingProblem(
      `"${text}" is not a network; write ADDRESS/BITS, for instance 10.0.0.0/8 or ::1/128`,
    )
  }
  const bitsMax = family === 4 ? 32 : 128
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax)) {
    throw new SettingProblem(
      `"${text}" has no prefix of 0 to ${bitsMax} bits; write for instance ${address}/${bitsMax}`,
    )
  }
  return text
}
