import { isIPv6 } from 'node:net'
import { MNTPATHLEN } from '../protocols/mount3/types.ts'
import { PMAP_PORT } from '../protocols/portmap2/types.ts'

/** Thrown for a URL that names no export; the message says what is wrong and how it should look. */
export class NfsUrlError extends Error {
  override readonly name = 'NfsUrlError'
  constructor(text: string, what: string) {
    super(`${JSON.stringify(text)}: ${what}; write it as nfs://HOST/PATH?nfsport=N&mountport=N&uid=N&gid=N`)
  }
}

/** An export of an NFSv3 server, and how to reach it. */
export interface NfsUrl {
  /** As it was written: for messages. */
  readonly text: string
  /** A name or an address, without brackets. */
  readonly host: string
  /** What MNT asks for, percent signs decoded: bytes, not text. Begins with '/'. */
  readonly path: Uint8Array
  /** undefined: ask the portmapper. */
  readonly nfsPort: number | undefined
  readonly mountPort: number | undefined
  readonly portmapPort: number
  /** The AUTH_SYS caller of every call. */
  readonly uid: number
  readonly gid: number
}

const PORT_MAX = 65_535
const ID_MAX = 0xffff_ffff
const HOST_NAME_MAX = 253

/** Setting -> smallest and greatest value. */
const SETTINGS: Readonly<Record<string, readonly [number, number]>> = {
  nfsport: [1, PORT_MAX],
  mountport: [1, PORT_MAX],
  portmapport: [1, PORT_MAX],
  uid: [0, ID_MAX],
  gid: [0, ID_MAX],
}

/**
 * `nfs://HOST/PATH?nfsport=N&mountport=N&uid=N&gid=N` (as libnfs; RFC 2224 for the first part). IPv6 addresses in
 * brackets. Without ports the portmapper is asked (`portmapport=N` if it is not on 111). Callers are uid 0 and gid 0
 * by default: an image holds files that only root may read, and the server decides whether it believes us.
 */
export function parseNfsUrl(text: string): NfsUrl {
  const match = /^nfs:\/\/(\[[^\]]*\]|[^/?#[\]]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/.exec(text)
  if (match === null) throw new NfsUrlError(text, 'not an nfs:// URL')
  const [, host = '', path = '', query = '', fragment] = match
  if (fragment !== undefined) throw new NfsUrlError(text, "'#' in a path must be written %23")
  const settings = parseSettings(text, query)
  return {
    text,
    host: parseHost(text, host),
    path: parsePath(text, path),
    nfsPort: settings.get('nfsport'),
    mountPort: settings.get('mountport'),
    portmapPort: settings.get('portmapport') ?? PMAP_PORT,
    uid: settings.get('uid') ?? 0,
    gid: settings.get('gid') ?? 0,
  }
}

function parseHost(text: string, written: string): string {
  if (written.startsWith('[')) {
    const address = written.slice(1, -1).replace('%25', '%')
    if (!isIPv6(address)) throw new NfsUrlError(text, `${written} is not an IPv6 address`)
    return address
  }
  if (written === '') throw new NfsUrlError(text, 'no host')
  if (isIPv6(written)) throw new NfsUrlError(text, `an IPv6 address goes in brackets: [${written}]`)
  if (written.includes(':')) throw new NfsUrlError(text, 'the port goes into ?nfsport=N')
  if (written.length > HOST_NAME_MAX || !/^[A-Za-z0-9._-]+$/.test(written)) {
    throw new NfsUrlError(text, `${written} is not a host name`)
  }
  return written
}

function parsePath(text: string, written: string): Uint8Array {
  if (!written.startsWith('/'))
    throw new NfsUrlError(text, 'no path: name the export, as in nfs://host/export')
  const path = percentDecode(text, written)
  if (path.includes(0)) throw new NfsUrlError(text, 'a path cannot contain a zero byte')
  if (path.length > MNTPATHLEN) throw new NfsUrlError(text, `the path is longer than ${MNTPATHLEN} bytes`)
  return path
}

function percentDecode(text: string, written: string): Uint8Array {
  const bytes: number[] = []
  const from = Buffer.from(written, 'utf8')
  for (let at = 0; at < from.length; at += 1) {
    const byte = from[at]!
    if (byte !== 0x25) {
      bytes.push(byte)
      continue
    }
    const digits = from.toString('latin1', at + 1, at + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) throw new NfsUrlError(text, `'%' must be written %25`)
    bytes.push(Number.parseInt(digits, 16))
    at += 2
  }
  return Uint8Array.from(bytes)
}

function parseSettings(text: string, query: string): ReadonlyMap<string, number> {
  const settings = new Map<string, number>()
  for (const part of query.split('&')) {
    if (part === '') continue
    const [name = '', value = ''] = part.split('=', 2)
    const range = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined
    if (range === undefined) {
      throw new NfsUrlError(text, `unknown setting ${name} (known: ${Object.keys(SETTINGS).join(', ')})`)
    }
    if (settings.has(name)) throw new NfsUrlError(text, `${name} is given twice`)
    const number = Number(value)
    if (!/^[0-9]+$/.test(value) || number < range[0] || number > range[1]) {
      throw new NfsUrlError(text, `${name} must be a number from ${range[0]} to ${range[1]}, not "${value}"`)
    }
    settings.set(name, number)
  }
  return settings
}
