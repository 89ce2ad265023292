import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SCRATCH } from '../model/overlay-subject.ts'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { writeTree } from '../rig/image-tree.ts'
import { type ProxyOptions, RowfsProcess } from '../rig/proxy-process.ts'
import { assertSameTree, readTree, type TreeSnapshot } from '../rig/tree-digest.ts'
import { crashTree } from './crash-workload.ts'

/** A local directory, or an unmodified NFS server. */
export const SHADOW_KINDS = ['local', 'nfs'] as const
export type ShadowKind = (typeof SHADOW_KINDS)[number]

/** The image of the crash tests with its server, and a server for shadows; proxies are the tests' own. */
export class CrashRig {
  readonly #work: string
  readonly #scratch: string
  readonly #before: TreeSnapshot
  readonly #image: RowfsProcess
  readonly #shadow: Ganesha
  #proxies = 0

  private constructor(
    folders: { readonly work: string; readonly scratch: string },
    before: TreeSnapshot,
    image: RowfsProcess,
    shadow: Ganesha,
  ) {
    this.#work = folders.work
    this.#scratch = folders.scratch
    this.#before = before
    this.#image = image
    this.#shadow = shadow
  }

  static async start(): Promise<CrashRig> {
    const work = makeWorkDirectory('crash')
    const scratch = mkdtempSync(join(SCRATCH, 'rowfs-crash-'))
    const image = join(work, 'image')
    await writeTree(image, crashTree())
    const before = await readTree(image)
    const state = join(scratch, 'export')
    const server = await RowfsProcess.startExport({ directories: [`${image}:image`], state })
    const shadow = await Ganesha.start({ exports: [{ directory: work }] })
    return new CrashRig({ work, scratch }, before, server, shadow)
  }

  /** What a new proxy needs: a state directory and a shadow that nobody has used. */
  proxyOptions(kind: ShadowKind): ProxyOptions {
    this.#proxies += 1
    const name = `proxy-${this.#proxies}`
    const options = { base: this.#image.url('/image'), state: join(this.#scratch, name) }
    if (kind === 'local') return options
    mkdirSync(join(this.#work, name))
    return { ...options, shadow: this.#shadow.url(join(this.#work, name)) }
  }

  /** Throws when the image is not what it was. */
  async stop(): Promise<void> {
    await this.#image.kill()
    await this.#shadow.stop()
    const after = await readTree(join(this.#work, 'image'))
    rmSync(this.#work, { recursive: true, force: true })
    rmSync(this.#scratch, { recursive: true, force: true })
    assertSameTree(this.#before, after)
  }
}
