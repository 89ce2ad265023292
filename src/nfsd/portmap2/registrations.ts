import type { RpcTransport } from '../../oncrpc/procedure.ts'
import { IPPROTO_TCP, IPPROTO_UDP, type mapping } from '../../protocols/portmap2/types.ts'

const PROTOCOL: Readonly<Record<RpcTransport, number>> = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP }

/** What this process serves and where: what the port mapper knows. */
export class Registrations {
  readonly #mappings: mapping[] = []

  /** Told by who listens, once the port is known. */
  add(program: number, version: number, transport: RpcTransport, port: number): void {
    this.#mappings.push({ prog: program, vers: version, prot: PROTOCOL[transport], port })
  }

  /** 0: not registered. A version that is not served has no port, so that clients do not try it. */
  portOf({ prog, vers, prot }: mapping): number {
    const found = this.#mappings.find(
      (each) => each.prog === prog && each.vers === vers && each.prot === prot,
    )
    return found?.port ?? 0
  }

  list(): readonly mapping[] {
    return this.#mappings
  }
}
