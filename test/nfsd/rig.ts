import { pino } from 'pino'
import { expect } from 'vitest'
import { SystemClock } from '../../src/base/clock.ts'
import { HandleCodec } from '../../src/handles/handle-codec.ts'
import { type ExportSettings, ExportTable } from '../../src/nfsd/exports.ts'
import { MountList } from '../../src/nfsd/mount3/mount-list.ts'
import { mount3Program } from '../../src/nfsd/mount3/program.ts'
import { nfs3Program } from '../../src/nfsd/nfs3/program.ts'
import { portmap2Program } from '../../src/nfsd/portmap2/program.ts'
import { Registrations } from '../../src/nfsd/portmap2/registrations.ts'
import type { RpcCredentials } from '../../src/oncrpc/auth-sys.ts'
import { DuplicateRequestCache } from '../../src/oncrpc/duplicate-request-cache.ts'
import type { RpcTransport } from '../../src/oncrpc/procedure.ts'
import { RpcClient } from '../../src/oncrpc/rpc-client.ts'
import { callOverUdp } from '../../src/oncrpc/rpc-client-udp.ts'
import type { ArgsOf, RemoteProgram, ResOf } from '../../src/oncrpc/rpc-request.ts'
import { RpcServer } from '../../src/oncrpc/rpc-server.ts'
import { ServerLoad } from '../../src/oncrpc/server-load.ts'
import { TcpTransport } from '../../src/oncrpc/tcp-transport.ts'
import { UdpTransport } from '../../src/oncrpc/udp-transport.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM, MOUNT3_VERSION } from '../../src/protocols/mount3/procedures.ts'
import { NFS3_PROCEDURES, NFS3_PROGRAM, NFS3_VERSION } from '../../src/protocols/nfs3/procedures.ts'
import {
  PORTMAP2_PROCEDURES,
  PORTMAP2_PROGRAM,
  PORTMAP2_VERSION,
} from '../../src/protocols/portmap2/procedures.ts'
import type { FileSystem, NodeId } from '../../src/vfs/file-system.ts'
import { MemoryFileSystem } from '../conformance/memory-file-system.ts'

/** Bytes are equal when their values are: a Buffer is a Uint8Array. */
expect.addEqualityTesters([
  (a, b) => (a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : undefined),
])

export type Nfs3 = typeof NFS3_PROCEDURES
export type Mount3 = typeof MOUNT3_PROCEDURES
export type Portmap2 = typeof PORTMAP2_PROCEDURES

const NFS: RemoteProgram<Nfs3> = {
  name: 'nfs',
  program: NFS3_PROGRAM,
  version: NFS3_VERSION,
  procedures: NFS3_PROCEDURES,
}
const MOUNT: RemoteProgram<Mount3> = {
  name: 'mount',
  program: MOUNT3_PROGRAM,
  version: MOUNT3_VERSION,
  procedures: MOUNT3_PROCEDURES,
}
const PORTMAP: RemoteProgram<Portmap2> = {
  name: 'portmap',
  program: PORTMAP2_PROGRAM,
  version: PORTMAP2_VERSION,
  procedures: PORTMAP2_PROCEDURES,
}

/** AUTH_SYS credentials. */
export function sys(uid: number, gid = uid, gids: readonly number[] = []): RpcCredentials {
  return { flavor: 'sys', uid, gid, gids, machineName: Buffer.from('test') }
}

export const ROOT_CREDENTIALS = sys(0)
export const HANDLE_SECRET = new Uint8Array(32).fill(7)

/** Our programs behind a real RPC server on a loopback port, and real clients of it. */
export class NfsdRig {
  readonly exports = new ExportTable()
  readonly handles = new HandleCodec(HANDLE_SECRET)
  readonly registrations = new Registrations()
  /** The file system of "/default", view 1, when `start` made it. */
  readonly fs: FileSystem
  /** What the server could not explain: bugs. */
  readonly failures: string[] = []
  readonly #clients: RpcClient[] = []
  #tcp!: TcpTransport
  #udp!: UdpTransport

  private constructor(fs: FileSystem) {
    this.fs = fs
  }

  /** Exports `fs` as "/default" to loopback. */
  static async start(
    fs: FileSystem = new MemoryFileSystem(),
    settings: Partial<ExportSettings> = {},
  ): Promise<NfsdRig> {
    const rig = new NfsdRig(fs)
    rig.exports.add({ path: Buffer.from('/default'), view: 1, fileSystem: fs, ...settings })
    const { exports, handles, registrations } = rig
    const clock = new SystemClock()
    const logger = pino({ level: 'error' }, { write: (line: string) => void rig.failures.push(line) })
    const server = new RpcServer({
      programs: [
        nfs3Program({ exports, handles }),
        mount3Program({ exports, handles, mounts: new MountList() }),
        portmap2Program({ registrations }),
      ],
      duplicates: new DuplicateRequestCache({ clock }),
      load: new ServerLoad(),
      clock,
      logger,
      observer: { called: () => {}, refused: () => {}, replayed: () => {} },
    })
    const listen = { server, host: '127.0.0.1', port: 0, clock, logger }
    rig.#tcp = await TcpTransport.listen(listen)
    rig.#udp = await UdpTransport.listen(listen)
    return rig
  }

  get port(): number {
    return this.#tcp.port
  }

  client(credentials: RpcCredentials = ROOT_CREDENTIALS, reservedPort = false): RpcClient {
    const target = { host: '127.0.0.1', port: this.port }
    const client = new RpcClient(target, { name: 'rig', credentials, reservedPort })
    this.#clients.push(client)
    return client
  }

  /** An NFS call over TCP, as root unless told otherwise. */
  nfs<Name extends keyof Nfs3 & string>(
    name: Name,
    args: ArgsOf<Nfs3[Name]>,
    credentials: RpcCredentials = ROOT_CREDENTIALS,
  ): Promise<ResOf<Nfs3[Name]>> {
    return this.#clientOf(credentials).call(NFS, name, args)
  }

  nfsOver<Name extends keyof Nfs3 & string>(
    transport: RpcTransport,
    name: Name,
    args: ArgsOf<Nfs3[Name]>,
  ): Promise<ResOf<Nfs3[Name]>> {
    if (transport === 'tcp') return this.nfs(name, args)
    const options = { name: 'rig', credentials: ROOT_CREDENTIALS, waitMaxMs: 5000, reservedPort: false }
    return callOverUdp({ host: '127.0.0.1', port: this.#udp.port }, NFS, name, args, options)
  }

  mount<Name extends keyof Mount3 & string>(
    name: Name,
    args: ArgsOf<Mount3[Name]>,
  ): Promise<ResOf<Mount3[Name]>> {
    return this.#clientOf(ROOT_CREDENTIALS).call(MOUNT, name, args)
  }

  portmap<Name extends keyof Portmap2 & string>(
    name: Name,
    args: ArgsOf<Portmap2[Name]>,
  ): Promise<ResOf<Portmap2[Name]>> {
    return this.#clientOf(ROOT_CREDENTIALS).call(PORTMAP, name, args)
  }

  handle(node: NodeId = this.fs.root, view = 1): Uint8Array {
    return this.handles.encode({ view, node, generation: this.fs.generationOf(node) })
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.#tcp.stop()
    await this.#udp.stop()
  }

  readonly #byCredentials = new Map<string, RpcClient>()

  #clientOf(credentials: RpcCredentials): RpcClient {
    const key = JSON.stringify(credentials)
    const known = this.#byCredentials.get(key)
    if (known !== undefined) return known
    const client = this.client(credentials)
    this.#byCredentials.set(key, client)
    return client
  }
}
