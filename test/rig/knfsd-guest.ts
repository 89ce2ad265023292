import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SeedTree } from '../model/seed-tree.ts'
import { makeWorkDirectory } from './cache-directory.ts'
import { makeExt4Image } from './guest-root.ts'
import { plantLines, writeTree } from './image-tree.ts'
import type { NetworkNamespace } from './network-namespace.ts'
import { readTree, type TreeSnapshot } from './tree-digest.ts'
import { UmlGuest } from './uml-guest.ts'

export interface KnfsdOptions {
  readonly namespace: NetworkNamespace
  /** What the export holds. */
  readonly tree: SeedTree
  /** The file system's size; sparse. Default 2 GiB. */
  readonly sizeBytes?: number
  /** Default: writable, root is root. A proxy must leave the image alone although it could write. */
  readonly exportOptions?: string
}

const DEFAULT_SIZE_BYTES = 2 * 1024 ** 3
const DEFAULT_EXPORT_OPTIONS = 'rw,async,no_root_squash,insecure,no_subtree_check,fsid=1'
const EXPORT_PATH = '/srv/image'
const MEMORY_MIB = 512
const MOUNT_PORT = 20_048

/**
 * The Linux kernel's own NFSv3 server, in a guest, with a portmapper on 111, exporting a tree from an ext4 disk image.
 */
export class KnfsdGuest {
  readonly nfsPort = 2049
  readonly mountPort = MOUNT_PORT
  readonly exportPath = EXPORT_PATH
  readonly guest: UmlGuest
  readonly #work: string

  private constructor(guest: UmlGuest, work: string) {
    this.guest = guest
    this.#work = work
  }

  static async start(options: KnfsdOptions): Promise<KnfsdGuest> {
    const work = makeWorkDirectory('knfsd')
    try {
      const disk = await makeDisk(work, options)
      const nodes = join(work, 'nodes')
      writeFileSync(nodes, plantLines(options.tree))
      const { namespace } = options
      const filesIn = [nodes]
      const guest = await UmlGuest.start({ namespace, memoryMiB: MEMORY_MIB, disks: [disk], filesIn })
      return await new KnfsdGuest(guest, work).#serving(options)
    } catch (error) {
      rmSync(work, { recursive: true, force: true })
      throw error
    }
  }

  get address(): string {
    return this.guest.address
  }

  /** As `--base` and `--shadow` take it. */
  url(): string {
    return `nfs://${this.address}${EXPORT_PATH}?nfsport=${this.nfsPort}&mountport=${MOUNT_PORT}`
  }

  /** The exported tree as the server itself sees it. */
  readTree(sampleOverBytes?: number): Promise<TreeSnapshot> {
    const { guest } = this
    return readTree(EXPORT_PATH, sampleOverBytes === undefined ? { guest } : { guest, sampleOverBytes })
  }

  async stop(): Promise<void> {
    await this.guest.stop()
    rmSync(this.#work, { recursive: true, force: true })
  }

  async #serving(options: KnfsdOptions): Promise<this> {
    try {
      await this.#serve(options)
      return this
    } catch (error) {
      await this.guest.kill()
      throw error
    }
  }

  async #serve(options: KnfsdOptions): Promise<void> {
    const exportOptions = options.exportOptions ?? DEFAULT_EXPORT_OPTIONS
    await this.guest.mustRun(`set -e
      mkdir -p ${EXPORT_PATH}
      mount /dev/ubdb ${EXPORT_PATH}
      rmdir ${EXPORT_PATH}/lost+found
      # mkfs cut the times to seconds and copied links of symbolic links
      python3 /host/system/plant-nodes.py set ${EXPORT_PATH} </host/in/nodes
      modprobe nfsd
      mount -t nfsd nfsd /proc/fs/nfsd
      rpcbind -w
      mkdir -p /var/lib/nfs/sm /var/lib/nfs/v4recovery
      exportfs -o ${exportOptions} '*:${EXPORT_PATH}'
      rpc.mountd --port ${MOUNT_PORT} --no-nfs-version 4
      rpc.nfsd --no-nfs-version 4 8`)
  }
}

async function makeDisk(work: string, options: KnfsdOptions): Promise<string> {
  const tree = join(work, 'tree')
  mkdirSync(tree)
  await writeTree(tree, options.tree)
  const disk = join(work, 'disk.img')
  await makeExt4Image(disk, tree, options.sizeBytes ?? DEFAULT_SIZE_BYTES)
  rmSync(tree, { recursive: true })
  return disk
}
