import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemClock } from '../../src/base/clock.ts'
import { createLogger } from '../../src/base/logger.ts'
import { systemRandom } from '../../src/base/random.ts'
import { IndexStore } from '../../src/index/index-store.ts'
import type { OverlayFileSystem } from '../../src/overlay/overlay-file-system.ts'
import { ViewCatalog } from '../../src/overlay/view-catalog.ts'
import { LocalShadowStore } from '../../src/shadow/local-store.ts'
import type { LowerLayer } from '../../src/vfs/lower-layer.ts'
import { FaultyShadowStore } from '../faults/faulty-shadow-store.ts'

const CACHE_BYTES = 4 * 1024 * 1024

/** A state directory of its own with everything a proxy has below NFS: opened, closed and opened again by tests. */
export class OverlayRig {
  readonly directory: string
  readonly lower: LowerLayer
  catalog!: ViewCatalog
  index!: IndexStore
  shadow!: FaultyShadowStore

  private constructor(lower: LowerLayer, directory: string) {
    this.directory = directory
    this.lower = lower
  }

  static async open(lower: LowerLayer, views: readonly string[] = ['default']): Promise<OverlayRig> {
    const rig = new OverlayRig(lower, mkdtempSync(join(tmpdir(), 'rowfs-overlay-')))
    await rig.reopen()
    for (const view of views) await rig.catalog.create(view)
    return rig
  }

  /** A state directory that was closed after the commit of that number. */
  static async openExisting(
    directory: string,
    lower: LowerLayer,
    expectedSequence: number,
  ): Promise<OverlayRig> {
    const rig = new OverlayRig(lower, directory)
    await rig.reopen(expectedSequence)
    return rig
  }

  async reopen(expectedSequence?: number): Promise<void> {
    const logger = createLogger('silent')
    this.index = await IndexStore.open({ directory: join(this.directory, 'index'), logger, expectedSequence })
    this.shadow = new FaultyShadowStore(new LocalShadowStore(join(this.directory, 'shadow')))
    this.catalog = await ViewCatalog.open({
      index: this.index,
      shadow: this.shadow,
      lower: this.lower,
      clock: new SystemClock(),
      random: systemRandom,
      logger,
      limits: { cacheBytes: CACHE_BYTES, recheckMs: 0 },
    })
  }

  view(name = 'default'): OverlayFileSystem {
    return this.catalog.fileSystem(name).fileSystem as OverlayFileSystem
  }

  async close(): Promise<void> {
    await this.catalog.close()
    await this.index.close()
    await this.shadow.close()
  }

  async restart(): Promise<void> {
    await this.close()
    await this.reopen()
  }

  async remove(): Promise<void> {
    await this.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
