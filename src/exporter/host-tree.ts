import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  statfsSync,
} from 'node:fs'
import { lstat } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { FileName, NodeId, SpaceUsage } from '../vfs/file-system.ts'
import {
  type Descriptor,
  DescriptorCache,
  descriptorOf,
  pathBelow,
  pin,
  retire,
  unpin,
} from './descriptor-cache.ts'
import { generationOf, inodeTooBig, isRegular, nodeOf } from './host-attributes.ts'
import { hostFault, ifPresent, ifPresentLater, orFault } from './host-error.ts'
import { hasMountInside, mountIdOf, readMounts } from './mountinfo.ts'
import type { NodeRecord } from './node-shelf.ts'
import { NodeTable } from './node-table.ts'

/** Names an object without opening it: nothing on the host notices. Missing in node:fs; the same on all of Linux. */
const O_PATH = 0o10000000
const LOOK_AT = O_PATH | constants.O_NOFOLLOW
const LOOK_AT_DIRECTORY = LOOK_AT | constants.O_DIRECTORY
const READ_FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** How long an open object is believed to be still under its name. */
export const DESCRIPTOR_TRUST_MS = 1000
/** Descriptors one export keeps open. */
export const DESCRIPTORS_MAX = 512
/** Directories on the longest way to the root. One that is longer is a ring in what we remember of directories that were moved. */
export const CLIMB_MAX = 100_000

const STAT_QUIETLY = { bigint: true, throwIfNoEntry: false } as const

export interface HostTreeOptions {
  /** The directory to serve, as the host names it. Followed if it is a link: the operator wrote it. */
  readonly path: string
  readonly clock: Clock
  /** False when nothing can be mounted inside (a private, non-recursive bind mount): then nobody looks. */
  readonly mayHoldMounts: boolean
  readonly descriptorsMax?: number
  readonly shelfNodesMax?: number
}

/**
 * One directory tree of the host by inode number. The only part that names host files.
 *
 * Nothing here can leave the tree: every name is reached from the open directory above it
 * (/proc/self/fd/N/NAME, one component, never followed), every directory was reached so from the root, and what
 * was opened is compared with what was looked for (device, inode, birth) before it is used. Devices, sockets and
 * fifos are never opened. Objects on other devices, and whatever is mounted inside, are not part of the tree.
 */
export class HostTree {
  readonly root: NodeId
  readonly device: bigint
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly #path: string
  readonly #rootDescriptor: Descriptor
  readonly #rootGeneration: number
  readonly #descriptors: DescriptorCache
  readonly #mountId: number
  readonly #mayHoldMounts: boolean
  #mountsInside = false
  #mountsReadMs = Number.NEGATIVE_INFINITY

  /** Throws an Error with the reason when the path is not a directory that can be served. */
  constructor(options: HostTreeOptions) {
    this.#path = realpathSync(options.path)
    this.clock = options.clock
    const fd = openSync(this.#path, LOOK_AT_DIRECTORY)
    const stats = fstatSync(fd, { bigint: true })
    const root = nodeOf(stats)
    if (root === undefined) {
      closeSync(fd)
      throw inodeTooBig(stats.ino)
    }
    this.root = root
    this.device = stats.dev
    this.nodes = new NodeTable(root, options.shelfNodesMax)
    this.#rootGeneration = generationOf(stats)
    this.#descriptors = new DescriptorCache(options.descriptorsMax ?? DESCRIPTORS_MAX)
    this.#rootDescriptor = descriptorOf(root, fd, Number.POSITIVE_INFINITY)
    this.#mountId = mountIdOf(fd)
    this.#mayHoldMounts = options.mayHoldMounts
  }

  /** From now on nothing is found; what runs on the thread pool comes to its end. */
  close(): void {
    if (this.#rootDescriptor.retired) return
    this.#descriptors.dropAll()
    retire(this.#rootDescriptor)
  }

  /** The generation of an object we know; undefined: we do not know it (now). */
  generationOf(node: NodeId): number | undefined {
    return node === this.root ? this.#rootGeneration : this.nodes.generationOf(node)
  }

  /**
   * Attributes of an object where we last saw it. 'removed': it is gone for good. undefined: it is not there, or we
   * do not know it; it may be elsewhere in the tree.
   */
  stat(node: NodeId): BigIntStats | 'removed' | undefined {
    if (this.#rootDescriptor.retired) return undefined
    if (node === this.root) return this.#statOpen(this.#rootDescriptor)
    const own = this.#descriptors.get(node)
    if (own !== undefined && this.#isTrusted(own)) return this.#statOpen(own)
    const record = this.nodes.get(node)
    if (record === undefined) return undefined
    const parent = this.directory(record.parent)
    if (parent === undefined) return undefined
    const stats = this.statName(parent, record.name)
    if (stats !== undefined && this.#isRecorded(stats, node, record)) {
      if (own !== undefined) own.checkedMs = this.clock.monotonicMs()
      return stats
    }
    return own !== undefined && this.#statOpen(own) === 'removed' ? 'removed' : undefined
  }

  /** The directory that holds a directory, seen there now. undefined: as for `stat`. */
  parentOf(node: NodeId): NodeId | undefined {
    const record = this.nodes.get(node)
    const parent = record && this.directory(record.parent)
    if (record === undefined || parent === undefined) return undefined
    const stats = this.statName(parent, record.name)
    return stats !== undefined && this.#isRecorded(stats, node, record) ? record.parent : undefined
  }

  /** statfs(2); undefined after `close`. */
  space(): SpaceUsage | undefined {
    if (this.#rootDescriptor.retired) return undefined
    const found = orFault(() => statfsSync(`/proc/self/fd/${this.#rootDescriptor.fd}`))
    const blockBytes = found.frsize
    return {
      totalBytes: found.blocks * blockBytes,
      freeBytes: found.bfree * blockBytes,
      availableBytes: found.bavail * blockBytes,
      totalFiles: found.files,
      freeFiles: found.ffree,
      availableFiles: found.ffree,
    }
  }

  /** What a name in a directory is; undefined when there is no such name, or it is not part of the tree. */
  statName(directory: Descriptor, name: FileName): BigIntStats | undefined {
    const stats = ifPresent(() => lstatSync(pathBelow(directory, name), STAT_QUIETLY))
    return this.#ifOurs(stats, directory, name)
  }

  /** The same on the thread pool, for a name that the kernel may have to fetch from disk. */
  async statNameLater(directory: Descriptor, name: FileName): Promise<BigIntStats | undefined> {
    pin(directory)
    try {
      const stats = await ifPresentLater(lstat(pathBelow(directory, name), { bigint: true }))
      return this.#ifOurs(stats, directory, name)
    } finally {
      unpin(directory)
    }
  }

  /** Opens a directory through all directories above it. undefined: as for `stat`. */
  directory(node: NodeId): Descriptor | undefined {
    if (this.#rootDescriptor.retired) return undefined
    if (node === this.root) return this.#rootDescriptor
    const found = this.#descriptors.get(node)
    if (found !== undefined && this.#isTrusted(found)) return found
    const path: NodeId[] = []
    let at = node
    let nearest: Descriptor | undefined
    while (nearest === undefined) {
      if (path.length >= CLIMB_MAX) return undefined
      path.push(at)
      const record = this.nodes.get(at)
      if (record === undefined) return undefined
      at = record.parent
      const above = at === this.root ? this.#rootDescriptor : this.#descriptors.get(at)
      if (above !== undefined && this.#isTrusted(above)) nearest = above
    }
    for (let index = path.length - 1; index >= 0 && nearest !== undefined; index -= 1) {
      nearest = this.#enter(nearest, path[index]!)
    }
    return nearest
  }

  /** Opens a regular file for reading. undefined: as for `stat`, or it is not a regular file. */
  file(node: NodeId): Descriptor | undefined {
    const open = this.#descriptors.get(node)
    if (open !== undefined && this.#isTrusted(open)) return open
    const record = this.nodes.get(node)
    const parent = record && this.directory(record.parent)
    if (record === undefined || parent === undefined) return undefined
    if (open !== undefined) return this.#believeAgain(open, parent, record)
    const looking = this.#lookAt(parent, record, node, LOOK_AT)
    if (looking === undefined) return undefined
    try {
      if (!isRegular(fstatSync(looking, { bigint: true }))) return undefined
      // Through the descriptor, not the name: this is the object that was looked at, whatever the name is by now.
      const fd = openToRead(`/proc/self/fd/${looking}`)
      return this.#descriptors.add(node, fd, this.clock.monotonicMs())
    } catch (error) {
      throw hostFault(error)
    } finally {
      closeSync(looking)
    }
  }

  /** The target of a symbolic link. undefined: as for `stat`, or it is not a link (any more). */
  readlink(node: NodeId): Uint8Array | undefined {
    const record = this.nodes.get(node)
    const parent = record && this.directory(record.parent)
    if (record === undefined || parent === undefined) return undefined
    const path = pathBelow(parent, record.name)
    const target = ifPresent(() => readTarget(path))
    if (target === undefined) return undefined
    // Was it this link? Node cannot read a link through a descriptor.
    const stats = this.statName(parent, record.name)
    return stats !== undefined && this.#isRecorded(stats, node, record) ? target : undefined
  }

  #isTrusted(descriptor: Descriptor): boolean {
    return this.clock.monotonicMs() - descriptor.checkedMs < DESCRIPTOR_TRUST_MS
  }

  #statOpen(descriptor: Descriptor): BigIntStats | 'removed' {
    const stats = orFault(() => fstatSync(descriptor.fd, { bigint: true }))
    if (stats.nlink > 0n) return stats
    this.#descriptors.drop(descriptor.node)
    return 'removed'
  }

  #isRecorded(stats: BigIntStats, node: NodeId, record: NodeRecord): boolean {
    return (
      stats.dev === this.device && Number(stats.ino) === node && generationOf(stats) === record.generation
    )
  }

  #ifOurs(stats: BigIntStats | undefined, directory: Descriptor, name: FileName): BigIntStats | undefined {
    if (stats === undefined || stats.dev !== this.device) return undefined
    return this.#mayHoldMounts && this.#isMountPoint(directory, name) ? undefined : stats
  }

  /** Goes from an open directory to a directory in it that we know. */
  #enter(parent: Descriptor, node: NodeId): Descriptor | undefined {
    const record = this.nodes.get(node)
    if (record === undefined) return undefined
    const open = this.#descriptors.get(node)
    if (open !== undefined) return this.#believeAgain(open, parent, record)
    const fd = this.#lookAt(parent, record, node, LOOK_AT_DIRECTORY)
    return fd === undefined ? undefined : this.#descriptors.add(node, fd, this.clock.monotonicMs())
  }

  #believeAgain(open: Descriptor, parent: Descriptor, record: NodeRecord): Descriptor | undefined {
    const stats = this.statName(parent, record.name)
    if (stats === undefined || !this.#isRecorded(stats, open.node, record)) return undefined
    open.checkedMs = this.clock.monotonicMs()
    return open
  }

  /** A descriptor that only names the object (O_PATH), when it is the one in the record. */
  #lookAt(parent: Descriptor, record: NodeRecord, node: NodeId, flags: number): number | undefined {
    const fd = ifPresent(() => openSync(pathBelow(parent, record.name), flags))
    if (fd === undefined) return undefined
    try {
      const isIt = this.#isRecorded(fstatSync(fd, { bigint: true }), node, record)
      if (isIt && !(this.#mayHoldMounts && mountIdOf(fd) !== this.#mountId)) return fd
    } catch (error) {
      closeSync(fd)
      throw hostFault(error)
    }
    closeSync(fd)
    return undefined
  }

  /** Opening each name to see its mount costs 15 us, so first: is anything mounted inside at all? Asked once a second. */
  #isMountPoint(directory: Descriptor, name: FileName): boolean {
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.#mountsReadMs >= DESCRIPTOR_TRUST_MS) {
      this.#mountsReadMs = nowMs
      this.#mountsInside = hasMountInside(readMounts(), this.#mountId, latin1Of(this.#path))
    }
    if (!this.#mountsInside) return false
    const fd = ifPresent(() => openSync(pathBelow(directory, name), LOOK_AT))
    if (fd === undefined) return true
    try {
      return mountIdOf(fd) !== this.#mountId
    } finally {
      closeSync(fd)
    }
  }
}

/** undefined: not a link. */
function readTarget(path: Buffer): Buffer | undefined {
  try {
    return readlinkSync(path, { encoding: 'buffer' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined
    throw error
  }
}

/** Mount points are compared byte by byte, one character each. */
function latin1Of(path: string): string {
  return Buffer.from(path).toString('latin1')
}

/**
 * O_NOATIME is for the owner of the file and for root. Refused to anyone else: then either the mount keeps access
 * times as they are, or the operator has allowed that they change (checked before anything is served).
 */
function openToRead(path: string): number {
  try {
    return openSync(path, READ_FILE | constants.O_NOATIME)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    return openSync(path, READ_FILE)
  }
}
