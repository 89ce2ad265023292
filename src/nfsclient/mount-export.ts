import { hostname } from 'node:os'
import { printableBytes } from '../base/bytes.ts'
import { AUTH_NONE, AUTH_SYS, type AuthSysCredentials, MACHINE_NAME_MAX_BYTES } from '../oncrpc/auth-sys.ts'
import type { ConnectionTarget } from '../oncrpc/client-connection.ts'
import type { RpcTransport } from '../oncrpc/procedure.ts'
import { RpcClient, type RpcClientOptions } from '../oncrpc/rpc-client.ts'
import { callOverUdp } from '../oncrpc/rpc-client-udp.ts'
import type { ArgsOf, RemoteProgram, ResOf } from '../oncrpc/rpc-request.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM, MOUNT3_VERSION } from '../protocols/mount3/procedures.ts'
import type { MountStatus } from '../protocols/mount3/types.ts'
import { NFS3_PROGRAM, NFS3_VERSION } from '../protocols/nfs3/procedures.ts'
import { PORTMAP2_PROCEDURES, PORTMAP2_PROGRAM, PORTMAP2_VERSION } from '../protocols/portmap2/procedures.ts'
import { IPPROTO_TCP, IPPROTO_UDP } from '../protocols/portmap2/types.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import { MountError } from './mount-error.ts'
import type { NfsUrl } from './nfs-url.ts'

/** How the clients of one server are made; tests shorten the limits. */
export type NfsClientOptions = Pick<RpcClientOptions, 'limits' | 'clock' | 'random' | 'reservedPort'>

/** How long the portmapper and the mount server get, for each transport that is tried. */
const SMALL_CALL_WAIT_MS = 4_000

const PORTMAP: RemoteProgram<typeof PORTMAP2_PROCEDURES> = {
  name: 'portmap',
  program: PORTMAP2_PROGRAM,
  version: PORTMAP2_VERSION,
  procedures: PORTMAP2_PROCEDURES,
}
const MOUNT: RemoteProgram<typeof MOUNT3_PROCEDURES> = {
  name: 'mount',
  program: MOUNT3_PROGRAM,
  version: MOUNT3_VERSION,
  procedures: MOUNT3_PROCEDURES,
}

/** Who our calls come from: the URL's uid and gid at this machine. */
export function credentialsOf(url: NfsUrl): AuthSysCredentials {
  const machineName = Buffer.from(hostname()).subarray(0, MACHINE_NAME_MAX_BYTES)
  return { flavor: 'sys', uid: url.uid, gid: url.gid, gids: [], machineName }
}

/** The port of the server's NFSv3 over TCP: the URL's, or what its portmapper says. */
export async function findNfsPort(url: NfsUrl, options: NfsClientOptions): Promise<number> {
  if (url.nfsPort !== undefined) return url.nfsPort
  const mapping = { prog: NFS3_PROGRAM, vers: NFS3_VERSION, prot: IPPROTO_TCP }
  const port = await askPort(url, mapping, options)
  if (port === 0) throw notRegistered(url, 'NFS', 'nfsport')
  return port
}

/** MNT (RFC 1813 section 5.2.1): the handle of the export's root. */
export async function mountRoot(url: NfsUrl, options: NfsClientOptions): Promise<Uint8Array> {
  const result = await callService(url, await findMountService(url, options), MOUNT, 'MNT', url.path, options)
  if (!result.ok) throw mountRefused(url, result.status)
  const flavors = result.value.auth_flavors
  if (flavors.length > 0 && !flavors.includes(AUTH_SYS) && !flavors.includes(AUTH_NONE)) {
    const names = flavors.join(', ')
    throw new MountError('ACCES', url.text, `the export wants security flavors ${names}; allow sec=sys there`)
  }
  return result.value.fhandle
}

function mountRefused(url: NfsUrl, status: MountStatus): MountError {
  const path = printableBytes(url.path)
  if (status === 'ACCES' || status === 'PERM') {
    const what = `the server does not let us mount ${path} (${status})`
    const advice = 'allow this machine there, and ports above 1023 unless rowfs runs as root'
    return new MountError('ACCES', url.text, `${what}: ${advice}`)
  }
  if (status === 'NOENT' || status === 'NOTDIR') {
    return new MountError('IO', url.text, `the server exports no directory ${path} (${status})`)
  }
  return new MountError('IO', url.text, `the mount server answers ${status}`)
}

async function findMountService(url: NfsUrl, options: NfsClientOptions): Promise<Service> {
  if (url.mountPort !== undefined) return { port: url.mountPort, transports: ['tcp', 'udp'] }
  const mapping = { prog: MOUNT3_PROGRAM, vers: MOUNT3_VERSION }
  const tcp = await askPort(url, { ...mapping, prot: IPPROTO_TCP }, options)
  if (tcp !== 0) return { port: tcp, transports: ['tcp'] }
  const udp = await askPort(url, { ...mapping, prot: IPPROTO_UDP }, options)
  if (udp !== 0) return { port: udp, transports: ['udp'] }
  throw notRegistered(url, 'MOUNT', 'mountport')
}

/** GETPORT: 0 when the program is not registered. */
function askPort(
  url: NfsUrl,
  mapping: { readonly prog: number; readonly vers: number; readonly prot: number },
  options: NfsClientOptions,
): Promise<number> {
  const portmapper: Service = { port: url.portmapPort, transports: ['tcp', 'udp'] }
  return callService(url, portmapper, PORTMAP, 'GETPORT', { ...mapping, port: 0 }, options)
}

/** JUKEBOX: a server that is starting registers a little later. */
function notRegistered(url: NfsUrl, service: string, setting: string): MountError {
  const what = `the portmapper of ${url.host} (port ${url.portmapPort}) knows no ${service} version 3`
  return new MountError('JUKEBOX', url.text, `${what}: start it there, or name its port with ${setting}=N`)
}

/** Where a small service listens, and how it may be asked, in this order. */
interface Service {
  readonly port: number
  readonly transports: readonly RpcTransport[]
}

/** One call, over a connection of its own or over UDP. The next transport is for when nobody answers. */
async function callService<Table, Name extends keyof Table & string>(
  url: NfsUrl,
  { port, transports }: Service,
  remote: RemoteProgram<Table>,
  procedure: Name,
  args: ArgsOf<Table[Name]>,
  options: NfsClientOptions,
): Promise<ResOf<Table[Name]>> {
  const target = { host: url.host, port }
  const waitMaxMs = Math.min(SMALL_CALL_WAIT_MS, options.limits?.waitMaxMs ?? SMALL_CALL_WAIT_MS)
  const name = `${url.text} (${remote.name} server, port ${port})`
  const settings = { ...options, name, credentials: credentialsOf(url), waitMaxMs }
  const [first, ...others] = transports
  try {
    return first === 'udp'
      ? await callOverUdp(target, remote, procedure, args, settings)
      : await callOverTcp(target, remote, procedure, args, settings)
  } catch (error) {
    if (!(error instanceof ServerUnavailableError) || others.length === 0) throw error
    return await callService(url, { port, transports: others }, remote, procedure, args, options)
  }
}

async function callOverTcp<Table, Name extends keyof Table & string>(
  target: ConnectionTarget,
  remote: RemoteProgram<Table>,
  procedure: Name,
  args: ArgsOf<Table[Name]>,
  settings: RpcClientOptions & { readonly waitMaxMs: number },
): Promise<ResOf<Table[Name]>> {
  const rpc = new RpcClient(target, settings)
  try {
    return await rpc.call(remote, procedure, args, { waitMaxMs: settings.waitMaxMs })
  } finally {
    await rpc.close()
  }
}
