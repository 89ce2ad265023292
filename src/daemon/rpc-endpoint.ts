import type { ListenAddress } from '../config/addresses.ts'
import type { RpcServer } from '../oncrpc/rpc-server.ts'
import { type ListenOptions, TcpTransport } from '../oncrpc/tcp-transport.ts'
import { UdpTransport } from '../oncrpc/udp-transport.ts'

/** How often a free TCP port is given back because the same UDP port is taken. */
const FREE_PORT_TRIES = 16

/** Thrown when an address cannot be listened on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** One RPC server on one port, over TCP and UDP. */
export class RpcEndpoint {
  readonly port: number
  readonly #tcp: TcpTransport
  readonly #udp: UdpTransport

  private constructor(tcp: TcpTransport, udp: UdpTransport) {
    this.port = tcp.port
    this.#tcp = tcp
    this.#udp = udp
  }

  static async listen(
    server: RpcServer,
    address: ListenAddress,
    parts: Pick<ListenOptions, 'clock' | 'logger'>,
  ): Promise<RpcEndpoint> {
    const { host } = address
    for (let tries = 1; ; tries += 1) {
      const tcp = await listen('TCP', address, () => TcpTransport.listen({ server, ...address, ...parts }))
      try {
        const port = tcp.port
        const udp = await listen('UDP', { host, port }, () =>
          UdpTransport.listen({ server, host, port, ...parts }),
        )
        return new RpcEndpoint(tcp, udp)
      } catch (error) {
        await tcp.stop(0)
        if (address.port !== 0 || tries === FREE_PORT_TRIES) throw error
      }
    }
  }

  get connectionCount(): number {
    return this.#tcp.connectionCount
  }

  /** Accepts nothing new; calls in flight finish and their replies are sent. */
  async stop(): Promise<void> {
    await Promise.all([this.#tcp.stop(), this.#udp.stop()])
  }
}

async function listen<Transport>(
  protocol: string,
  { host, port }: ListenAddress,
  open: () => Promise<Transport>,
): Promise<Transport> {
  try {
    return await open()
  } catch (error) {
    throw new ListenError(`cannot listen on ${host} ${protocol} port ${port}: ${adviceFor(error)}`, {
      cause: error,
    })
  }
}

function adviceFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'EADDRINUSE':
      return 'another program has it; stop that, or give another port with --listen'
    case 'EACCES':
      return 'only root may take a port below 1024; give a higher one with --listen'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address; give one of its own with --listen'
    case 'ENOTFOUND':
      return 'the name is not known; give an address with --listen'
    default:
      return message
  }
}
