import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ListenAddress } from '../config/addresses.ts'

/** The command that mounts a view, to be pasted: complete, so that it needs no portmapper and no lock manager. */
export function mountCommand(listen: ListenAddress, view: string, directory = '/mnt'): string {
  const host = reachableHost(listen.host)
  const family = isIPv6(host) ? '6' : ''
  const options = [
    'vers=3',
    `proto=tcp${family}`,
    `port=${listen.port}`,
    `mountport=${listen.port}`,
    `mountproto=tcp${family}`,
    'nolock',
  ]
  const source = isIPv6(host) ? `[${host}]` : host
  return `mount -t nfs -o ${options.join(',')} ${source}:/${view} ${directory}`
}

/** "Everywhere" is no address that a client can name: then the first one that others can reach. */
function reachableHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outer = addresses.find((address) => !address.internal && address.family === 'IPv4')
  return outer?.address ?? '127.0.0.1'
}
