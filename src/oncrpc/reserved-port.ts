import type { Random } from '../base/random.ts'

/** Where callers that a server is to trust come from, as the Linux client picks them (ports below are for services). */
const RESERVED_PORT_MIN = 665
const RESERVED_PORT_MAX = 1023
const PORT_COUNT = RESERVED_PORT_MAX - RESERVED_PORT_MIN + 1
/** Ports tried for one connection before an ordinary one must do. */
export const RESERVED_PORT_TRIES = 16

const TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL'])
const FORBIDDEN = new Set(['EACCES', 'EPERM'])

/**
 * Local ports for the connections of one client. Many exports (the default of knfsd) are only for callers from a port
 * below 1024, which is why root takes one. The port that worked is asked for first when the connection is made
 * anew: servers look for a resent call by its address and port.
 */
export class ReservedPorts {
  #port: number
  #tries = 0
  #forbidden: boolean

  constructor(random: Random, options: { allowed: boolean }) {
    const [high = 0, low = 0] = random.bytes(2)
    this.#port = RESERVED_PORT_MIN + ((high * 256 + low) % PORT_COUNT)
    this.#forbidden = !options.allowed
  }

  /** The local port for the next try; undefined: any. */
  get port(): number | undefined {
    return this.#forbidden || this.#tries >= RESERVED_PORT_TRIES ? undefined : this.#port
  }

  connected(): void {
    this.#tries = 0
  }

  /** Was it the port's fault that there is no connection? Then try again at once: `port` is another one. */
  refused(error: Error | undefined): boolean {
    if (this.port === undefined) return false
    const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
    if (FORBIDDEN.has(code)) {
      this.#forbidden = true
      return true
    }
    if (!TAKEN.has(code)) return false
    this.#tries += 1
    this.#port = this.#port === RESERVED_PORT_MIN ? RESERVED_PORT_MAX : this.#port - 1
    return true
  }
}
