import { join } from 'node:path'
import { unreachable } from '../base/assert.ts'
import { printableBytes } from '../base/bytes.ts'
import { type Clock, SystemClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { systemRandom } from '../base/random.ts'
import type { Settings } from '../config/load-settings.ts'
import type { ShadowPlace } from '../config/schema.ts'
import { IndexBatch } from '../index/batch.ts'
import { IndexStore } from '../index/index-store.ts'
import { NfsExport } from '../nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../nfsclient/nfs-url.ts'
import { NFS3_READ_PROCEDURES, type Nfs3ReadProcedures } from '../nfsclient/nfs3-client.ts'
import { ViewCatalog } from '../overlay/view-catalog.ts'
import { LocalShadowStore } from '../shadow/local-store.ts'
import { NfsShadowStore } from '../shadow/nfs-store.ts'
import { SHADOW_PROCEDURES } from '../shadow/remote-answers.ts'
import { Nfs3LowerLayer } from '../upstream/nfs3-lower-layer.ts'
import { ServerUnavailableError } from '../vfs/faults.ts'
import type { LowerLayer } from '../vfs/lower-layer.ts'
import type { ShadowStore } from '../vfs/shadow-store.ts'
import { checkImage, type ImageCheck } from './image-check.ts'
import type { ProxySettings } from './proxy.ts'
import { type ShadowIdentity, StateDirectory } from './state-directory.ts'
import type { StatusReport } from './status-report.ts'

const MIB = 1024 * 1024

/** What of the state directory is open: in the proxy, and in `rowfs view` when no proxy runs. */
export interface Storage {
  readonly state: StateDirectory
  readonly index: IndexStore
  readonly shadow: ShadowStore
  readonly catalog: ViewCatalog
}

/** The image a proxy stands on; commands about views need none. */
export interface ImageParts {
  readonly lower: LowerLayer
  readonly url: string
  /** The blocks were moved to where --shadow says. */
  readonly shadowWasMoved: boolean
  /** Another image came up where ours was. */
  readonly onOther: ImageCheck['onOther']
}

export interface StorageOptions {
  readonly directory: string
  readonly settings: Settings
  readonly logger: Logger
  /** For the lock: what a second process is told. */
  readonly command: string
  readonly image: ImageParts | undefined
  readonly clock?: Clock
}

/** The image server as the proxy sees it. */
export interface OpenImage {
  readonly lower: LowerLayer
  report(clock: Clock): StatusReport['image']
}

export function openImage(stack: AsyncDisposableStack, settings: ProxySettings): OpenImage {
  const limits = { waitMaxMs: settings.timeouts.imageMs }
  const server = new NfsExport(parseNfsUrl(settings.base), NFS3_READ_PROCEDURES, { limits })
  const lower = new Nfs3LowerLayer(server)
  stack.defer(() => lower.close())
  return { lower, report: (clock) => reportOn(server, clock) }
}

function reportOn(server: NfsExport<Nfs3ReadProcedures>, clock: Clock): StatusReport['image'] {
  const { state } = server
  const { procedures, bytesIn } = server.counters()
  const common = { url: server.name, state: state.state, bytesIn, procedures }
  if (state.state !== 'down') return common
  return { ...common, downForMs: (clock.now().seconds - state.since.seconds) * 1000, reason: state.reason }
}

/** Opens state, shadow, index and views, in this order; disposing of the stack closes them in the reverse one. */
export async function openStorage(stack: AsyncDisposableStack, options: StorageOptions): Promise<Storage> {
  const { directory, settings, logger, image } = options
  const state = StateDirectory.open(directory, options.command, image && systemRandom)
  stack.defer(() => state.release())
  const isKnownShadow = state.shadow !== undefined
  if (image !== undefined) {
    await checkImage(stack, { ...image, state, logger })
    state.adoptShadow(shadowIdentity(settings.shadow), image.shadowWasMoved)
  }
  const shadow = openShadow(state, settings)
  stack.defer(() => shadow.close())
  if (image !== undefined) await checkShadow(shadow, isKnownShadow, logger)
  const index = await IndexStore.open({
    directory: join(directory, 'index'),
    logger,
    expectedSequence: state.closedSequence,
  })
  for (const finding of index.findings) logger.error(`damage: ${finding}; run: rowfs view check NAME`)
  stack.defer(async () => {
    // Synced, so that the number written down below is there after a power loss too.
    await index.commit(new IndexBatch(), true)
    await index.close()
    state.recordClose(index.sequence)
  })
  const catalog = await ViewCatalog.open({
    index,
    shadow,
    lower: image?.lower,
    clock: options.clock ?? new SystemClock(),
    random: systemRandom,
    logger,
    limits: { cacheBytes: settings.cache.blocksMiB * MIB, recheckMs: settings.cache.recheckMs },
  })
  stack.defer(() => catalog.close())
  return { state, index, shadow, catalog }
}

function shadowIdentity(place: ShadowPlace | undefined): ShadowIdentity {
  if (place === undefined) return { kind: 'own' }
  if (place.kind === 'directory') return { kind: 'directory', place: place.path }
  const { host, path } = parseNfsUrl(place.url)
  return { kind: 'nfs', place: `nfs://${host}${printableBytes(path)}`, url: place.url }
}

function openShadow(state: StateDirectory, settings: Settings): ShadowStore {
  const known = state.shadow ?? { kind: 'own' }
  switch (known.kind) {
    case 'own':
      return new LocalShadowStore(join(state.path, 'shadow'))
    case 'directory':
      return new LocalShadowStore(known.place)
    case 'nfs': {
      const limits = { waitMaxMs: settings.timeouts.shadowMs }
      return new NfsShadowStore(new NfsExport(parseNfsUrl(known.url), SHADOW_PROCEDURES, { limits }))
    }
    default:
      return unreachable(known)
  }
}

/** A place that cannot be used is said now and not at the first write. A known server may be away for a while. */
async function checkShadow(shadow: ShadowStore, isKnown: boolean, logger: Logger): Promise<void> {
  try {
    await shadow.space()
  } catch (error) {
    if (!isKnown || !(error instanceof ServerUnavailableError)) throw error
    logger.warn({ err: error }, 'the shadow server does not answer; clients are told to try again')
  }
}
