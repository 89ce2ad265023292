import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { Registrations } from '../nfsd/portmap2/registrations.ts'
import { RpcClient } from '../oncrpc/rpc-client.ts'
import type { RemoteProgram } from '../oncrpc/rpc-request.ts'
import type { RpcServer } from '../oncrpc/rpc-server.ts'
import { MOUNT3_PROGRAM, MOUNT3_VERSION } from '../protocols/mount3/procedures.ts'
import { NFS3_PROGRAM, NFS3_VERSION } from '../protocols/nfs3/procedures.ts'
import { PORTMAP2_PROCEDURES, PORTMAP2_PROGRAM, PORTMAP2_VERSION } from '../protocols/portmap2/procedures.ts'
import { IPPROTO_TCP, IPPROTO_UDP, type mapping, PMAP_PORT } from '../protocols/portmap2/types.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import { ListenError, RpcEndpoint } from './rpc-endpoint.ts'

const PORTMAP: RemoteProgram<typeof PORTMAP2_PROCEDURES> = {
  name: 'portmap',
  program: PORTMAP2_PROGRAM,
  version: PORTMAP2_VERSION,
  procedures: PORTMAP2_PROCEDURES,
}

/** What clients ask a portmapper for: NFS and MOUNT, which are on one port here. */
export function registrationsFor(port: number, includingPortmap: boolean): mapping[] {
  const programs = [
    { prog: NFS3_PROGRAM, vers: NFS3_VERSION, port },
    { prog: MOUNT3_PROGRAM, vers: MOUNT3_VERSION, port },
    ...(includingPortmap ? [{ prog: PORTMAP2_PROGRAM, vers: PORTMAP2_VERSION, port: PMAP_PORT }] : []),
  ]
  return programs.flatMap((program) => [IPPROTO_TCP, IPPROTO_UDP].map((prot) => ({ ...program, prot })))
}

/** How the port of NFS is made known: by a portmapper of ours, or by the one that is there. */
export interface PortmapService {
  readonly kind: 'own' | 'registered'
  stop(): Promise<void>
}

/** Answers on port 111, or registers with the portmapper that has it. Throws ListenError or PortmapError. */
export async function startPortmap(options: {
  readonly host: string
  readonly nfsPort: number
  readonly clock: Clock
  readonly logger: Logger
  /** An RPC server for the portmap program over these registrations. */
  readonly serve: (registrations: Registrations) => RpcServer
}): Promise<PortmapService> {
  const { host, nfsPort, logger } = options
  const registrations = new Registrations()
  for (const { prog, vers, prot, port } of registrationsFor(nfsPort, true)) {
    registrations.add(prog, vers, prot === IPPROTO_TCP ? 'tcp' : 'udp', port)
  }
  try {
    const endpoint = await RpcEndpoint.listen(
      options.serve(registrations),
      { host, port: PMAP_PORT },
      options,
    )
    return { kind: 'own', stop: () => endpoint.stop() }
  } catch (error) {
    const cause = error instanceof ListenError ? (error.cause as NodeJS.ErrnoException) : undefined
    if (cause?.code !== 'EADDRINUSE') throw error
  }
  logger.info('port 111 is taken: registering with the portmapper that is there')
  return register(registrationsFor(nfsPort, false), logger)
}

/** Thrown when the portmapper of this machine does not take our registration. */
export class PortmapError extends Error {
  override readonly name = 'PortmapError'
}

/** It is on this machine: one that does not answer by then will not. Stopping must not wait for it either. */
const PORTMAPPER_WAIT_MS = 500

async function register(wanted: readonly mapping[], logger: Logger): Promise<PortmapService> {
  const target = { host: '127.0.0.1', port: PMAP_PORT }
  const limits = { waitMaxMs: PORTMAPPER_WAIT_MS, waitMinMs: PORTMAPPER_WAIT_MS }
  const portmapper = new RpcClient(target, { name: "this machine's portmapper", limits })
  const made: mapping[] = []
  const stop = async () => {
    try {
      // UNSET (RFC 1833 section 3.2) takes a program away for both transports: once for each program.
      const programs = made.filter(({ prot }) => prot === IPPROTO_TCP)
      await Promise.all(programs.map((one) => portmapper.call(PORTMAP, 'UNSET', one)))
    } catch (error) {
      if (!(error instanceof ServerUnavailableError)) throw error
      logger.warn({ err: error }, 'our registrations could not be taken back')
    }
    await portmapper.close()
  }
  try {
    for (const one of wanted) {
      if (await portmapper.call(PORTMAP, 'SET', one)) {
        made.push(one)
        continue
      }
      const other = await portmapper.call(PORTMAP, 'GETPORT', one)
      throw new PortmapError(
        other === 0
          ? "this machine's portmapper refuses registrations; run rowfs as root, or without --portmap and mount with port=N,mountport=N"
          : `another server has program ${one.prog} (port ${other}) at this machine's portmapper; stop it, or run rowfs without --portmap`,
      )
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { kind: 'registered', stop }
}
