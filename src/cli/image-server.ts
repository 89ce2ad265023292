import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { ListenAddress } from '../config/addresses.ts'
import { CallStatistics } from '../daemon/call-statistics.ts'
import { RpcEndpoint } from '../daemon/rpc-endpoint.ts'
import { nfsPrograms, serve } from '../daemon/serve-programs.ts'
import { viewNumberOf } from '../exporter/export-identity.ts'
import { TreeFileSystem } from '../exporter/tree-file-system.ts'
import { HandleCodec } from '../handles/handle-codec.ts'
import { ExportTable, type Squash } from '../nfsd/exports.ts'

/** One directory as it is to be served. */
export interface ServedDirectory {
  /** Exported as /NAME. */
  readonly name: string
  /** Where to read it. */
  readonly path: string
  /** False when nothing can be mounted inside (private-mount.ts). */
  readonly mayHoldMounts: boolean
}

export interface ImageServerOptions {
  readonly directories: readonly ServedDirectory[]
  readonly listen: ListenAddress
  readonly handleKey: Uint8Array
  /** CIDR notation. */
  readonly allow: readonly string[]
  readonly squash: Squash
  readonly clock: Clock
  readonly logger: Logger
}

/** NFSv3 and MOUNT over directories of this host, on one port. Makes the parts and holds them. */
export class ImageServer {
  readonly port: number
  readonly statistics: CallStatistics
  readonly #endpoint: RpcEndpoint
  readonly #trees: readonly TreeFileSystem[]

  private constructor(endpoint: RpcEndpoint, statistics: CallStatistics, trees: readonly TreeFileSystem[]) {
    this.port = endpoint.port
    this.statistics = statistics
    this.#endpoint = endpoint
    this.#trees = trees
  }

  /** Rejects with an Error for people when a directory or the address cannot be served. */
  static async start(options: ImageServerOptions): Promise<ImageServer> {
    const { clock, logger } = options
    const exports = new ExportTable()
    const trees: TreeFileSystem[] = []
    try {
      for (const { name, path, mayHoldMounts } of options.directories) {
        const fileSystem = new TreeFileSystem({ name, path, mayHoldMounts, clock, logger })
        trees.push(fileSystem)
        const { allow, squash } = options
        exports.add({ path: Buffer.from(`/${name}`), view: viewNumberOf(name), fileSystem, allow, squash })
      }
      const statistics = new CallStatistics(clock)
      const programs = nfsPrograms(exports, new HandleCodec(options.handleKey))
      const server = serve(programs, { clock, logger, observer: statistics })
      const endpoint = await RpcEndpoint.listen(server, options.listen, { clock, logger })
      return new ImageServer(endpoint, statistics, trees)
    } catch (error) {
      for (const tree of trees) tree.close()
      throw error
    }
  }

  /** Lets calls in flight finish; closes the port, then the directories. */
  async stop(): Promise<void> {
    await this.#endpoint.stop()
    for (const tree of this.#trees) tree.close()
  }
}
