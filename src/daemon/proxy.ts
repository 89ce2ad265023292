import { type Clock, SystemClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { formatAddress, type ListenAddress } from '../config/addresses.ts'
import type { Settings, ViewSettings } from '../config/load-settings.ts'
import { HandleCodec } from '../handles/handle-codec.ts'
import { ExportTable } from '../nfsd/exports.ts'
import { portmap2Program } from '../nfsd/portmap2/program.ts'
import { PROXY_COMMAND } from './ask-about-views.ts'
import { CallStatistics } from './call-statistics.ts'
import { type OpenImage, openImage, openStorage, type Storage } from './compose.ts'
import { NotRunningError } from './control-client.ts'
import { ControlServer } from './control-server.ts'
import { mountCommand } from './mount-command.ts'
import { startPortmap } from './portmap-service.ts'
import { programVersion } from './program-version.ts'
import { RpcEndpoint } from './rpc-endpoint.ts'
import { nfsPrograms, serve } from './serve-programs.ts'
import type { StatusReport } from './status-report.ts'
import { viewHandlers } from './view-requests.ts'

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

interface Parts {
  readonly exports: ExportTable
  readonly image: OpenImage
  readonly storage: Storage
  readonly statistics: CallStatistics
  readonly endpoint: RpcEndpoint
  readonly clock: Clock
}

/** A running proxy: started in order, stopped in the reverse one. */
export class RunningProxy {
  /** With the port that it really has. */
  readonly listen: ListenAddress
  readonly #parts: Parts
  readonly #stack: AsyncDisposableStack
  readonly #startedMs: number

  private constructor(host: string, parts: Parts, stack: AsyncDisposableStack) {
    this.listen = { host, port: parts.endpoint.port }
    this.#parts = parts
    this.#stack = stack
    this.#startedMs = parts.clock.monotonicMs()
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
      image: {
        lower: image.lower,
        url: settings.base,
        shadowWasMoved: options.shadowWasMoved,
        onOther: (error) => endAtOnce(logger, error),
      },
    })
    const exports = await exportViews(storage, settings.views)
    let running: RunningProxy | undefined
    const control = await ControlServer.listen(
      storage.state.path,
      {
        ...viewHandlers(storage.catalog, (name) => withdraw(exports, name)),
        status: () => running?.status() ?? notYet(),
      },
      logger,
    )
    stack.defer(() => control.close())
    const statistics = new CallStatistics(clock)
    const serving = { clock, logger, observer: statistics }
    const programs = nfsPrograms(exports, new HandleCodec(storage.state.handleSecret))
    const server = serve(programs, { ...serving, receipts: await storage.index.receipts() })
    const endpoint = await RpcEndpoint.listen(server, settings.listen, { clock, logger })
    stack.defer(() => endpoint.stop())
    if (settings.portmap) {
      const portmap = await startPortmap({
        host: settings.listen.host,
        nfsPort: endpoint.port,
        clock,
        logger,
        serve: (registrations) => serve([portmap2Program({ registrations })], serving),
      })
      stack.defer(() => portmap.stop())
    }
    const parts = { exports, image, storage, statistics, endpoint, clock }
    running = new RunningProxy(settings.listen.host, parts, stack.move())
    return running
  }

  views(): ServedView[] {
    return this.#parts.exports.list().map(({ path }) => {
      const name = nameOf(path)
      return { name, export: `/${name}`, mount: mountCommand(this.listen, name) }
    })
  }

  counters(): { calls: number; changes: number } & StatusReport['bytes'] {
    const { statistics, storage } = this.#parts
    const {
      bytesFromImage: fromImage,
      bytesFromCache: fromCache,
      bytesFromShadow: fromShadow,
    } = storage.catalog.counters
    return { calls: statistics.calls, changes: statistics.changes, fromImage, fromCache, fromShadow }
  }

  status(): StatusReport {
    const { image, storage, statistics, endpoint, clock } = this.#parts
    const { calls, changes, ...bytes } = this.counters()
    return {
      version: programVersion(),
      pid: process.pid,
      uptimeMs: Math.round(clock.monotonicMs() - this.#startedMs),
      listen: formatAddress(this.listen),
      image: image.report(clock),
      shadow: storage.shadow.name,
      views: this.views(),
      connections: endpoint.connectionCount,
      bytes,
      calls,
      changes,
      procedures: statistics.procedures(),
      refused: statistics.refusals(),
      clients: statistics.clients(),
      memoryBytes: process.memoryUsage.rss(),
    }
  }

  /** Accepts nothing new, finishes the replies in flight, syncs everything and closes it. */
  async stop(): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** Everything acknowledged is safe as after any crash; what a wrong image would be mixed into is not. */
function endAtOnce(logger: Logger, error: Error): never {
  logger.fatal(error.message)
  process.exit(1)
}

function notYet(): never {
  throw new NotRunningError('the proxy is starting; ask again when it says that it is ready')
}

/** Handles of the view are STALE from now on. */
function withdraw(exports: ExportTable, name: string): void {
  for (const one of exports.list()) if (nameOf(one.path) === name) exports.remove(one.view)
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
