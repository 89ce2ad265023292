import { byteKey, ownBytes } from '../../src/base/bytes.ts'
import type { Clock, Timestamp } from '../../src/base/clock.ts'
import {
  type AttributeChanges,
  type Attributes,
  MODE_SETGID,
  type NodeType,
} from '../../src/vfs/attributes.ts'
import type { Caller, FileName, NodeId, Seal } from '../../src/vfs/file-system.ts'
import { type MemoryEntry, MemoryNode } from './memory-node.ts'
import { allowedMode, inGroup } from './permissions.ts'

/** What a new object is to be, before the directory has its say. */
export interface NewNode {
  readonly type: NodeType
  readonly mode: number
  readonly changes: AttributeChanges
  readonly rdevMajor?: number
  readonly rdevMinor?: number
  readonly target?: Uint8Array
  readonly verifier?: Uint8Array
}

/** The objects and names of a MemoryFileSystem; asks nobody's permission. */
export class MemoryTree {
  readonly clock: Clock
  readonly fsid: bigint
  /** What the seals gave, in order: the records of a duplicate-request cache. */
  readonly sealed: Uint8Array[] = []
  readonly #nodes = new Map<NodeId, MemoryNode>()
  #nextNode: number

  constructor(clock: Clock, fsid: bigint, firstNode: number) {
    this.clock = clock
    this.fsid = fsid
    this.#nextNode = firstNode
  }

  get nodeCount(): number {
    return this.#nodes.size
  }

  get usedBytes(): number {
    let usedBytes = 0
    for (const node of this.#nodes.values()) usedBytes += node.content.usedBytes
    return usedBytes
  }

  live(node: NodeId): MemoryNode | undefined {
    return this.#nodes.get(node)
  }

  seal<Result>(result: Result, seal: Seal<Result> | undefined): Result {
    const bytes = seal?.(result)
    if (bytes !== undefined) this.sealed.push(bytes)
    return result
  }

  insert(directory: MemoryNode, name: FileName, node: MemoryNode): void {
    const cookie = directory.nextCookie
    directory.nextCookie += 1
    directory.entries.set(byteKey(name), { name: ownBytes(name), node, cookie })
  }

  /** Takes the entry out; the object goes with its last name. Leaves the directory's times to the caller. */
  unlink(directory: MemoryNode, entry: MemoryEntry, now: Timestamp): void {
    directory.entries.delete(byteKey(entry.name))
    const { node } = entry
    if (node.isDirectory) {
      directory.attributes = { ...directory.attributes, nlink: directory.attributes.nlink - 1 }
      node.touch(now, { nlink: 0 })
    } else {
      node.touch(now, { nlink: node.attributes.nlink - 1 })
    }
    if (node.attributes.nlink === 0) this.#nodes.delete(node.id)
  }

  /** Root chooses the owner; others only a group they are in. A sgid directory hands its group on. */
  newChild(caller: Caller, dir: MemoryNode, wanted: NewNode): MemoryNode {
    const { changes } = wanted
    const uid = caller.uid === 0 ? (changes.uid ?? 0) : caller.uid
    const inherits = (dir.attributes.mode & MODE_SETGID) !== 0
    const mayChoose = changes.gid !== undefined && (caller.uid === 0 || inGroup(caller, changes.gid))
    const gid = mayChoose ? changes.gid! : inherits ? dir.attributes.gid : caller.gid
    const mode =
      wanted.type === 'directory'
        ? wanted.mode | (inherits ? MODE_SETGID : 0)
        : allowedMode(caller, wanted.mode, gid)
    return this.newNode({ ...wanted, mode }, uid, gid)
  }

  newNode(wanted: NewNode, uid: number, gid: number): MemoryNode {
    const now = this.clock.now()
    const { atime, mtime, sizeBytes } = wanted.changes
    const isDirectory = wanted.type === 'directory'
    const attributes: Attributes = {
      type: wanted.type,
      mode: wanted.mode,
      nlink: isDirectory ? 2 : 1,
      uid,
      gid,
      sizeBytes: isDirectory ? 4096 : (wanted.target?.length ?? 0),
      usedBytes: isDirectory ? 4096 : 0,
      rdevMajor: wanted.rdevMajor ?? 0,
      rdevMinor: wanted.rdevMinor ?? 0,
      fsid: this.fsid,
      fileid: BigInt(this.#nextNode),
      atime: atime === undefined || atime === 'server' ? now : atime,
      mtime: mtime === undefined || mtime === 'server' ? now : mtime,
      ctime: now,
    }
    this.#nextNode += 1
    const made = new MemoryNode(1, attributes, wanted.target)
    made.verifier = wanted.verifier
    if (wanted.type === 'file') {
      made.content.truncate(sizeBytes ?? 0)
      made.touch(now)
    }
    this.#nodes.set(made.id, made)
    return made
  }
}
