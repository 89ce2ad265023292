import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemClock } from '../../src/base/clock.ts'
import { createLogger } from '../../src/base/logger.ts'
import { systemRandom } from '../../src/base/random.ts'
import { IndexStore } from '../../src/index/index-store.ts'
import { ViewCatalog } from '../../src/overlay/view-catalog.ts'
import { LocalShadowStore } from '../../src/shadow/local-store.ts'
import type { LowerLayer } from '../../src/vfs/lower-layer.ts'
import { FileSystemView } from './file-system-view.ts'
import { patientView } from './patient-view.ts'
import type { Subject, SubjectView } from './subject.ts'

/** Small, so that blocks leave the cache and are fetched again. */
const CACHE_BYTES = 1024 * 1024
/** In memory where the machine has it: a run makes hundreds of thousands of synced batches. */
export const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

interface Parts {
  readonly directory: string
  readonly index: IndexStore
  readonly shadow: LocalShadowStore
  readonly catalog: ViewCatalog
}

/**
 * The overlay with an index and a shadow on disk, in this process. A kill is a copy of the state directory as it is
 * at that moment: what the kernel has of it is what a process that dies leaves.
 */
export class OverlaySubject implements Subject {
  readonly #lower: LowerLayer
  readonly #isPatient: boolean
  #parts: Parts

  private constructor(lower: LowerLayer, parts: Parts, isPatient: boolean) {
    this.#lower = lower
    this.#parts = parts
    this.#isPatient = isPatient
  }

  /** `isPatient`: its clients try again when they are told JUKEBOX; without it that is a wrong answer. */
  static async open(lower: LowerLayer, options: { isPatient?: boolean } = {}): Promise<OverlaySubject> {
    const parts = await openParts(lower, newDirectory())
    return new OverlaySubject(lower, parts, options.isPatient ?? false)
  }

  async view(name: string): Promise<SubjectView> {
    const { catalog } = this.#parts
    if (!catalog.has(name)) await catalog.create(name)
    const view = new FileSystemView(catalog.fileSystem(name).fileSystem)
    return this.#isPatient ? patientView(view) : view
  }

  async restart(how: 'clean' | 'kill'): Promise<void> {
    const old = this.#parts
    const directory = how === 'clean' ? old.directory : newDirectory()
    if (how === 'kill') execFileSync('cp', ['-a', '--sparse=always', `${old.directory}/.`, directory])
    await closeParts(old)
    if (how === 'kill') rmSync(old.directory, { recursive: true })
    this.#parts = await openParts(this.#lower, directory)
  }

  async problems(view: string): Promise<readonly string[]> {
    const report = await this.#parts.catalog.check(view)
    return [...this.#parts.index.findings, ...report.problems.map((problem) => JSON.stringify(problem))]
  }

  async close(): Promise<void> {
    await closeParts(this.#parts)
    rmSync(this.#parts.directory, { recursive: true })
  }
}

function newDirectory(): string {
  return mkdtempSync(join(SCRATCH, 'rowfs-model-'))
}

async function openParts(lower: LowerLayer, directory: string): Promise<Parts> {
  const logger = createLogger('silent')
  const index = await IndexStore.open({ directory: join(directory, 'index'), logger })
  const shadow = new LocalShadowStore(join(directory, 'shadow'))
  const catalog = await ViewCatalog.open({
    index,
    shadow,
    lower,
    clock: new SystemClock(),
    random: systemRandom,
    logger,
    limits: { cacheBytes: CACHE_BYTES, recheckMs: 0 },
  })
  return { directory, index, shadow, catalog }
}

async function closeParts({ catalog, index, shadow }: Parts): Promise<void> {
  await catalog.close()
  await index.close()
  await shadow.close()
}
