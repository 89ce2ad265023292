import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { DEFAULT_MOUNT_POINT, type GuestMount } from '../rig/guest.ts'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { assertSameTree, readTree, type TreeSnapshot } from '../rig/tree-digest.ts'
import { UmlGuest } from '../rig/uml-guest.ts'

/** The programs that run in the guest; there they lie in GUEST_PROGRAMS. */
export const SUITE_PROGRAMS = join(import.meta.dirname, '../guest')
export const GUEST_PROGRAMS = '/host/in/guest'
export const MOUNT_POINT = DEFAULT_MOUNT_POINT

const GUEST_MEMORY_MIB = 768
const GANESHA_PORTS = { nfs: 2049, mount: 20_048, portmap: 111 }
const PROXY_PORT = 13_049
/** NFSv3 does not tell holes: a sparse tebibyte would be read to its end. */
const SAMPLE_OVER_BYTES = 64 * 1024 * 1024
const LOG_SHOWN_CHARACTERS = 3000

/**
 * What a suite plays on: an image on nfs-ganesha, a proxy over it, and a kernel client that has the view mounted. Whoever
 * sets it calls `clear`.
 */
export class SuiteStage {
  readonly #namespace: NetworkNamespace
  readonly #work: string
  #ganesha: Ganesha | undefined
  #proxy: RowfsProcess | undefined
  #guest: UmlGuest | undefined
  #before: TreeSnapshot | undefined

  private constructor(namespace: NetworkNamespace, work: string) {
    this.#namespace = namespace
    this.#work = work
  }

  /** `makeImage` fills the image's directory before anybody serves it. */
  static async set(purpose: string, makeImage: (directory: string) => Promise<unknown>): Promise<SuiteStage> {
    const stage = new SuiteStage(await NetworkNamespace.create(), makeWorkDirectory(purpose))
    try {
      await stage.#open(makeImage)
      return stage
    } catch (error) {
      await stage.clear()
      throw error
    }
  }

  get guest(): UmlGuest {
    return this.#guest!
  }

  /** Throws unless the image is what it was before the proxy was started, access times aside. */
  async assertImageUntouched(): Promise<void> {
    assertSameTree(this.#before!, await readTree(this.#imageDirectory))
  }

  /**
   * What the client saw must be what the proxy has stored: unmounts, kills the proxy as a crash would, and compares the
   * whole view, read before and after.
   */
  async assertViewSurvivesCrash(): Promise<void> {
    const seen = await this.#readView()
    await this.guest.unmount()
    await this.#proxy!.kill()
    await this.#proxy!.start()
    await this.guest.mount(this.#mount())
    assertSameTree(seen, await this.#readView())
  }

  /** The end of what the proxy logged; for messages. */
  get proxyLog(): string {
    return this.#proxy?.log.slice(-LOG_SHOWN_CHARACTERS) ?? ''
  }

  async clear(): Promise<void> {
    await this.#guest?.stop()
    await this.#proxy?.kill()
    await this.#ganesha?.stop()
    await this.#namespace.remove()
    rmSync(this.#work, { recursive: true, force: true })
  }

  #readView(): Promise<TreeSnapshot> {
    return readTree(MOUNT_POINT, { guest: this.guest, sampleOverBytes: SAMPLE_OVER_BYTES })
  }

  get #imageDirectory(): string {
    return join(this.#work, 'image')
  }

  async #open(makeImage: (directory: string) => Promise<unknown>): Promise<void> {
    mkdirSync(this.#imageDirectory)
    await makeImage(this.#imageDirectory)
    this.#before = await readTree(this.#imageDirectory)
    const wrap = (argv: readonly string[]) => this.#namespace.wrap(argv)
    const exports = [{ directory: this.#imageDirectory, readOnly: true }]
    this.#ganesha = await Ganesha.start({ exports, ports: GANESHA_PORTS, wrap })
    this.#proxy = await RowfsProcess.startProxy({
      base: this.#ganesha.url(this.#imageDirectory),
      state: join(this.#work, 'state'),
      host: this.#namespace.address,
      port: PROXY_PORT,
      allow: [this.#namespace.network],
      wrap,
    })
    this.#guest = await UmlGuest.start({
      namespace: this.#namespace,
      memoryMiB: GUEST_MEMORY_MIB,
      mounts: [this.#mount()],
      filesIn: [SUITE_PROGRAMS],
    })
  }

  #mount(): GuestMount {
    return { server: this.#namespace.address, export: '/default', nfsPort: PROXY_PORT }
  }
}
