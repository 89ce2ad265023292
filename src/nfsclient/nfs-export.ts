import { type Clock, SystemClock } from '../base/clock.ts'
import type { ProcedureCount } from '../oncrpc/call-counters.ts'
import { RpcClient, type ServerState } from '../oncrpc/rpc-client.ts'
import { NFS3_PROCEDURES } from '../protocols/nfs3/procedures.ts'
import { type FSINFO3resok, NFS3_DATA_MAX_BYTES } from '../protocols/nfs3/types.ts'
import { FsFault } from '../vfs/faults.ts'
import { MountError } from './mount-error.ts'
import { credentialsOf, findNfsPort, mountRoot, type NfsClientOptions } from './mount-export.ts'
import type { NfsUrl } from './nfs-url.ts'
import { Nfs3Client, type Nfs3Procedures } from './nfs3-client.ts'

/** Sizes to work with, from FSINFO (RFC 1813 section 3.3.19). */
export interface TransferLimits {
  readonly readBytes: number
  readonly writeBytes: number
  readonly fileMaxBytes: number
}

/** An export that can be used. */
export interface MountedExport<Table extends Partial<Nfs3Procedures>> {
  readonly client: Nfs3Client<Table>
  /** The handle of the export's root: at most 64 bytes. */
  readonly root: Uint8Array
  readonly limits: TransferLimits
}

/** A server that prefers less, or says nothing, gets calls of this size all the same: it may answer short. */
const TRANSFER_MIN_BYTES = 4096

/**
 * One export of one server. Mounted when it is first used, and again when its root has become stale; the connection
 * under it comes and goes without a new mount, because handles outlive it (RFC 1813 section 4.1).
 */
export class NfsExport<Table extends Partial<Nfs3Procedures>> {
  readonly name: string
  readonly #url: NfsUrl
  readonly #procedures: Table
  readonly #options: NfsClientOptions
  readonly #clock: Clock
  #rpc: RpcClient | undefined
  #mounted: MountedExport<Table> | undefined
  #mounting: Promise<MountedExport<Table>> | undefined
  #mountFailure: ServerState = { state: 'untried' }
  #closed = false

  /** `procedures`: all that this export's client will ever be able to call. */
  constructor(url: NfsUrl, procedures: Table, options: NfsClientOptions = {}) {
    this.name = url.text
    this.#url = url
    this.#procedures = procedures
    this.#options = options
    this.#clock = options.clock ?? new SystemClock()
  }

  get state(): ServerState {
    return this.#mounted === undefined ? this.#mountFailure : this.#rpc!.state
  }

  counters(): {
    readonly procedures: readonly ProcedureCount[]
    readonly bytesIn: number
    readonly bytesOut: number
  } {
    return this.#rpc?.counters() ?? { procedures: [], bytesIn: 0, bytesOut: 0 }
  }

  /** The mounted export, if that needs no waiting. */
  get mounted(): MountedExport<Table> | undefined {
    return this.#mounted
  }

  /** Mounts if that has not been done. Throws MountError, RpcError or ServerUnavailableError; a later call tries again. */
  ready(): Promise<MountedExport<Table>> {
    if (this.#mounted !== undefined) return Promise.resolve(this.#mounted)
    return this.#mount()
  }

  /** Asks for the root's handle again: the one that is known was answered with STALE. */
  async remount(): Promise<MountedExport<Table>> {
    return this.#mount()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#rpc?.close()
  }

  #mount(): Promise<MountedExport<Table>> {
    this.#mounting ??= this.#mountNow().finally(() => {
      this.#mounting = undefined
    })
    return this.#mounting
  }

  async #mountNow(): Promise<MountedExport<Table>> {
    try {
      this.#rpc ??= await this.#connect()
      const root = await mountRoot(this.#url, this.#options)
      const client = new Nfs3Client(this.#rpc, this.#procedures, this.#clock)
      const limits = transferLimits(await this.#fsinfo(this.#rpc, root))
      this.#mounted = { client, root, limits }
      return this.#mounted
    } catch (error) {
      if (error instanceof FsFault && this.#mountFailure.state !== 'down') {
        this.#mountFailure = { state: 'down', since: this.#clock.now(), reason: error.message }
      }
      throw error
    }
  }

  async #connect(): Promise<RpcClient> {
    const port = await findNfsPort(this.#url, this.#options)
    const target = { host: this.#url.host, port }
    const rpc = new RpcClient(target, {
      ...this.#options,
      name: this.name,
      credentials: credentialsOf(this.#url),
    })
    if (this.#closed) await rpc.close()
    return rpc
  }

  async #fsinfo(rpc: RpcClient, root: Uint8Array): Promise<FSINFO3resok> {
    const { FSINFO } = NFS3_PROCEDURES
    const result = await new Nfs3Client(rpc, { FSINFO }, this.#clock).call('FSINFO', { fsroot: root })
    if (result.ok) return result.value
    throw new MountError(
      result.status,
      this.#url.text,
      `the server gave a handle and refuses FSINFO on it: ${result.status}`,
    )
  }
}

function transferLimits(info: FSINFO3resok): TransferLimits {
  return {
    readBytes: transferBytes(info.rtpref, info.rtmax),
    writeBytes: transferBytes(info.wtpref, info.wtmax),
    fileMaxBytes: Math.min(info.maxfilesize, Number.MAX_SAFE_INTEGER),
  }
}

/** What the server prefers, if it says so, within what it takes and we can hold. */
function transferBytes(preferredBytes: number, maxBytes: number): number {
  const wished = preferredBytes === 0 ? maxBytes : Math.min(preferredBytes, maxBytes)
  return Math.max(TRANSFER_MIN_BYTES, Math.min(wished, NFS3_DATA_MAX_BYTES))
}
