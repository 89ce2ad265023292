import type { Timestamp } from '../../src/base/clock.ts'
import type { AttributeChanges, Attributes } from '../../src/vfs/attributes.ts'
import type { Caller, FileName, FsObject, NodeId, Wcc } from '../../src/vfs/file-system.ts'
import { allowedMode, withoutPrivilegeBits } from './permissions.ts'
import { SparseBytes } from './sparse-bytes.ts'

export interface MemoryEntry {
  readonly name: FileName
  readonly node: MemoryNode
  /** In the order of insertion, never used again: so a listing goes on where it was, whatever happens. */
  readonly cookie: number
}

const FIRST_COOKIE = 3

/** An object of a MemoryFileSystem. `attributes` is replaced, never changed. */
export class MemoryNode {
  readonly id: NodeId
  readonly generation: number
  attributes: Attributes
  /** Directories: entries by byteKey(name), in cookie order. */
  readonly entries = new Map<string, MemoryEntry>()
  nextCookie = FIRST_COOKIE
  /** Directories: where ".." leads. */
  parent: MemoryNode | undefined
  readonly content = new SparseBytes()
  readonly target: Uint8Array
  /** Of an exclusive create. */
  verifier: Uint8Array | undefined

  constructor(generation: number, attributes: Attributes, target: Uint8Array = new Uint8Array(0)) {
    this.id = Number(attributes.fileid) as NodeId
    this.generation = generation
    this.attributes = attributes
    this.target = target
  }

  get isDirectory(): boolean {
    return this.attributes.type === 'directory'
  }

  object(): FsObject {
    return { node: this.id, generation: this.generation, attributes: this.attributes }
  }

  unchanged(): Wcc {
    return { before: this.attributes, after: this.attributes }
  }

  isWithin(ancestor: MemoryNode): boolean {
    for (let node: MemoryNode | undefined = this; node !== undefined; node = node.parent) {
      if (node === ancestor) return true
    }
    return false
  }

  /** Sets the attributes that content decides, and ctime. */
  touch(now: Timestamp, changes: Partial<Attributes> = {}): void {
    const sizes =
      this.attributes.type === 'file'
        ? { sizeBytes: this.content.sizeBytes, usedBytes: this.content.usedBytes }
        : {}
    this.attributes = { ...this.attributes, ...sizes, ...changes, ctime: now }
  }

  /** SETATTR that has been allowed. */
  applyChanges(caller: Caller, changes: AttributeChanges, now: Timestamp): void {
    const { attributes } = this
    const uid = changes.uid ?? attributes.uid
    const gid = changes.gid ?? attributes.gid
    let mode = attributes.mode
    if (changes.mode !== undefined) mode = allowedMode(caller, changes.mode, gid)
    const givesAway = changes.uid !== undefined || changes.gid !== undefined
    const cuts = changes.sizeBytes !== undefined && caller.uid !== 0
    if (givesAway || cuts) mode = withoutPrivilegeBits(caller, attributes, mode, gid)
    if (changes.sizeBytes !== undefined) this.content.truncate(changes.sizeBytes)
    const at = (time: AttributeChanges['atime']) => (time === 'server' ? now : time)
    const mtime = at(changes.mtime) ?? (changes.sizeBytes === undefined ? attributes.mtime : now)
    this.touch(now, { mode, uid, gid, mtime, atime: at(changes.atime) ?? attributes.atime })
  }
}
