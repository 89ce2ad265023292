import { type Clock, SystemClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { formatAddress, type ListenAddress } from '../config/addresses.ts'
import type { Settings, ViewSettings } from '../config/load-settings.ts'
import { HandleCodec } from '../handles/handle-codec.ts'
import { ExportTable } from '../nfsd/exports.ts'
import { portmap2Program } from '../nfsd/portmap2/program.ts'
import { MOUNT3_PROGRAM } from '../protocols/mount3/procedures.ts'
import { NFS3_PROGRAM } from '../protocols/nfs3/procedures.ts'
import { PORTMAP2_PROGRAM } from '../protocols/portmap2/procedures.ts'
import { PROXY_COMMAND } from './ask-about-views.ts'
import { CallStatistics } from './call-statistics.ts'
import { type OpenImage, openImage, openStorage, type Storage } from './compose.ts'
import { ControlServer } from './control-server.ts'
import { mountCommand } from './mount-command.ts'
import { startPortmap } from './portmap-service.ts'
import { programVersion } from './program-version.ts'
import { RpcEndpoint } from './rpc-endpoint.ts'
import { nfsPrograms, serve } from './serve-programs.ts'
import type { StatusReport } from './status-report.ts'
import { viewHandlers } from './view-requests.ts'

const PROGRAM_NAMES = new Map([
  [NFS3_PROGRAM, 'nfs'],
  [MOUNT3_PROGRAM, 'mount'],
  [PORTMAP2_PROGRAM, 'portmap'],
])

/** Settings with what a proxy cannot do without. */
export type ProxySettings = Settings & { readonly base: string; readonly state: string }

export interface ProxyOptions {
  readonly settings: ProxySettings
  readonly logger: Logger
  /** Accept that the changed blocks are now where --shadow says. */
  readonly shadowWasMoved: boolean
}

export interface ServedView {
  readonly name: string
  readonly export: string
  /** The command that mounts it. */
  readonly mount: string
}

/** A running proxy: started in order, stopped in the reverse one. */
export class RunningProxy {
  /** With the port that it really has. */
  readonly listen: ListenAddress
  readonly #options: ProxyOptions
  readonly #parts: AsyncDisposableStack
  readonly #exports: ExportTable
  readonly #image: OpenImage
  readonly #storage: Storage
  readonly #statistics: CallStatistics
  readonly #endpoint: RpcEndpoint
  readonly #startedMs: number
  readonly #clock: Clock

  private constructor(parts: {
    options: ProxyOptions
    stack: AsyncDisposableStack
    exports: ExportTable
    image: OpenImage
    storage: Storage
    statistics: CallStatistics
    endpoint: RpcEndpoint
    clock: Clock
  }) {
    this.#options = parts.options
    this.#parts = parts.stack
    this.#exports = parts.exports
    this.#image = parts.image
    this.#storage = parts.storage
    this.#statistics = parts.statistics
    this.#endpoint = parts.endpoint
    this.#clock = parts.clock
    this.#startedMs = parts.clock.monotonicMs()
    this.listen = { host: parts.options.settings.listen.host, port: parts.endpoint.port }
  }

  /** Resolves when clients can mount. What was opened is closed again when something fails. */
  static async start(options: ProxyOptions): Promise<RunningProxy> {
    const { settings, logger } = options
    const clock = new SystemClock()
    await using stack = new AsyncDisposableStack()
    const image = openImage(stack, settings)
    const storage = await openStorage(stack, {
      directory: settings.state,
      settings,
      logger,
      command: PROXY_COMMAND,
      image: { lower: image.lower, url: settings.base, shadowWasMoved: options.shadowWasMoved },
    })
    const exports = await exportViews(storage, settings.views)
    const statistics = new CallStatistics(clock, PROGRAM_NAMES)
    const serving = { clock, logger, observer: statistics }
    const programs = nfsPrograms(exports, new HandleCodec(storage.state.handleSecret))
    const server = serve(programs, { ...serving, receipts: await storage.index.receipts() })
    const endpoint = await RpcEndpoint.listen(server, settings.listen, { clock, logger })
    stack.defer(() => endpoint.stop())
    if (settings.portmap) {
      const { host } = settings.listen
      const portmap = await startPortmap({
        host,
        nfsPort: endpoint.port,
        clock,
        logger,
        serve: (registrations) => serve([portmap2Program({ registrations })], serving),
      })
      stack.defer(() => portmap.stop())
    }
    const proxy = new RunningProxy({
      options,
      stack: stack.move(),
      exports,
      image,
      storage,
      statistics,
      endpoint,
      clock,
    })
    await proxy.#listenForCommands()
    return proxy
  }

  async #listenForCommands(): Promise<void> {
    const { catalog, state } = this.#storage
    const handlers = {
      ...viewHandlers(catalog, (name) => this.#withdraw(name)),
      status: () => this.status(),
    }
    try {
      const control = await ControlServer.listen(state.path, handlers, this.#options.logger)
      this.#parts.defer(() => control.close())
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Handles of the view are STALE from now on. */
  #withdraw(name: string): void {
    for (const one of this.#exports.list()) if (nameOf(one.path) === name) this.#exports.remove(one.view)
  }

  views(): ServedView[] {
    return this.#exports.list().map(({ path }) => {
      const name = nameOf(path)
      return { name, export: `/${name}`, mount: mountCommand(this.listen, name) }
    })
  }

  counters(): { calls: number; changes: number } & StatusReport['bytes'] {
    const { bytesFromImage, bytesFromCache, bytesFromShadow } = this.#storage.catalog.counters
    const { calls, changes } = this.#statistics
    return {
      calls,
      changes,
      fromImage: bytesFromImage,
      fromCache: bytesFromCache,
      fromShadow: bytesFromShadow,
    }
  }

  status(): StatusReport {
    const { fromImage, fromCache, fromShadow } = this.counters()
    return {
      version: programVersion(),
      pid: process.pid,
      uptimeMs: Math.round(this.#clock.monotonicMs() - this.#startedMs),
      listen: formatAddress(this.listen),
      image: this.#image.report(this.#clock),
      shadow: this.#storage.shadow.name,
      views: this.views(),
      connections: this.#endpoint.connectionCount,
      bytes: { fromImage, fromCache, fromShadow },
      calls: this.#statistics.calls,
      changes: this.#statistics.changes,
      procedures: this.#statistics.procedures(),
      refused: this.#statistics.refusals(),
      clients: this.#statistics.clients(),
      memoryBytes: process.memoryUsage.rss(),
    }
  }

  /** Accepts nothing new, finishes the replies in flight, syncs everything and closes it. */
  async stop(): Promise<void> {
    await this.#parts.disposeAsync()
  }
}

function nameOf(path: Uint8Array): string {
  return Buffer.from(path).subarray(1).toString()
}

/** The views of the settings, each as /NAME; those that are not there yet are made. */
async function exportViews({ catalog }: Storage, views: readonly ViewSettings[]): Promise<ExportTable> {
  const exports = new ExportTable()
  for (const { name, allow, squash, anonUid, anonGid, readOnly, privilegedPort } of views) {
    if (!catalog.has(name)) await catalog.create(name)
    const { fileSystem, number } = catalog.fileSystem(name)
    exports.add({
      path: Buffer.from(`/${name}`),
      view: number,
      fileSystem,
      allow,
      squash,
      anonUid,
      anonGid,
      readOnly,
      requirePrivilegedPort: privilegedPort,
    })
  }
  return exports
}
