import { setTimeout as sleep } from 'node:timers/promises'
import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { Timestamp } from '../../src/base/clock.ts'
import type { Attributes } from '../../src/vfs/attributes.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import type { FileName, SpaceUsage } from '../../src/vfs/file-system.ts'
import type {
  LowerEntry,
  LowerHandle,
  LowerLayer,
  LowerObject,
  LowerPage,
} from '../../src/vfs/lower-layer.ts'
import { type FsResult, refuse, succeed } from '../../src/vfs/result.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree, seedPieces } from '../model/seed-tree.ts'
import { SparseBytes } from '../model/sparse-bytes.ts'

export type LowerCall = 'getattr' | 'lookup' | 'readlink' | 'read' | 'list' | 'space'

/** What a call shall suffer: answered as if nothing were, late, refused, or not answered at all. */
export type LowerFault = 'none' | 'jukebox' | 'stale' | 'io' | 'unavailable' | { readonly delayMs: number }

export interface MemoryLowerOptions {
  /** Asked before every call; the default answers all. `path` is the object's first path. */
  readonly fault?: (call: LowerCall, path: string) => LowerFault
  /** Entries in one page of `list`. */
  readonly entriesPerPage?: number
  /** False: `list` gives names and numbers only, as a server without READDIRPLUS. */
  readonly attributesInLists?: boolean
  /** A different handle for every name of a hard link, as some servers have. */
  readonly handlePerName?: boolean
}

interface MemoryObject {
  readonly path: string
  attributes: Attributes
  readonly content: SparseBytes
  readonly target: string
  readonly names: Map<string, MemoryObject>
}

const FSID = 0xb0b0n
const FIRST_FILEID = 1000n
const DEFAULT_ENTRIES_PER_PAGE = 64

/** A base that lives in memory, made from a seed tree, with knobs for everything an image server can do to us. */
export class MemoryLowerLayer implements LowerLayer {
  readonly name = 'memory'
  /** How often each call was asked. */
  readonly calls: Record<LowerCall, number> = {
    getattr: 0,
    lookup: 0,
    readlink: 0,
    read: 0,
    list: 0,
    space: 0,
  }
  readonly #options: MemoryLowerOptions
  readonly #objects = new Map<string, MemoryObject>()
  /** Handles are places in this list. */
  readonly #paths: string[] = []
  readonly #places = new Map<string, number>()
  fault: (call: LowerCall, path: string) => LowerFault

  constructor(tree: SeedTree, options: MemoryLowerOptions = {}) {
    this.#options = options
    this.fault = options.fault ?? (() => 'none')
    for (const entry of tree) this.#add(entry)
  }

  async root(): Promise<LowerObject> {
    return this.#objectOf('/')
  }

  async getattr(handle: LowerHandle): Promise<FsResult<Attributes>> {
    const found = await this.#enter('getattr', handle)
    return found.ok ? succeed(found.value.attributes) : found
  }

  async lookup(directory: LowerHandle, name: FileName) {
    const found = await this.#enter('lookup', directory)
    if (!found.ok) return refuse(found.status, { directory: undefined })
    const { attributes, path, names } = found.value
    if (attributes.type !== 'directory') return refuse('NOTDIR', { directory: attributes })
    const key = byteKey(name)
    if (!names.has(key)) return refuse('NOENT', { directory: attributes })
    return succeed({ object: this.#objectOf(join(path, key)), directory: attributes })
  }

  async readlink(handle: LowerHandle): Promise<FsResult<Uint8Array>> {
    const found = await this.#enter('readlink', handle)
    if (!found.ok) return found
    if (found.value.attributes.type !== 'symlink') return refuse('INVAL')
    return succeed(fromByteKey(found.value.target))
  }

  async read(handle: LowerHandle, offsetBytes: number, countBytes: number) {
    const found = await this.#enter('read', handle)
    if (!found.ok) return found
    const { attributes, content } = found.value
    if (attributes.type === 'directory') return refuse('ISDIR')
    if (attributes.type !== 'file') return refuse('INVAL')
    const count = Math.max(0, Math.min(countBytes, attributes.sizeBytes - offsetBytes))
    return succeed({ data: content.read(offsetBytes, count), attributes })
  }

  async list(directory: LowerHandle, from: unknown): Promise<FsResult<LowerPage>> {
    const found = await this.#enter('list', directory)
    if (!found.ok) return found
    const { attributes, names, path } = found.value
    if (attributes.type !== 'directory') return refuse('NOTDIR')
    const start = (from as number | undefined) ?? 0
    const end = start + (this.#options.entriesPerPage ?? DEFAULT_ENTRIES_PER_PAGE)
    const withObject = this.#options.attributesInLists ?? true
    const entries = [...names].slice(start, end).map(
      ([key, object]): LowerEntry => ({
        name: fromByteKey(key),
        fileid: object.attributes.fileid,
        object: withObject ? this.#objectOf(join(path, key)) : undefined,
      }),
    )
    return succeed({ entries, next: end < names.size ? end : undefined, directory: attributes })
  }

  async space(): Promise<FsResult<SpaceUsage>> {
    this.calls.space += 1
    return succeed({
      totalBytes: 1e12,
      freeBytes: 5e11,
      availableBytes: 4e11,
      totalFiles: 1e6,
      freeFiles: 5e5,
      availableFiles: 5e5,
    })
  }

  async close(): Promise<void> {}

  /** The file changes under whoever reads it: other bytes, another size, mtime and ctime moved. */
  changeFile(path: string, data: Uint8Array, time: Timestamp): void {
    const object = this.#objects.get(path)!
    object.content.cut(0)
    object.content.write(0, data)
    object.attributes = { ...object.attributes, sizeBytes: data.length, mtime: time, ctime: time }
  }

  /** The object looks different from now on. */
  changeAttributes(path: string, changes: Partial<Attributes>): void {
    const object = this.#objects.get(path)!
    object.attributes = { ...object.attributes, ...changes }
  }

  /** The object's attributes as the layer answers them now. */
  attributesOf(path: string): Attributes {
    return this.#objects.get(path)!.attributes
  }

  #add(entry: SeedEntry): void {
    const linked = entry.linkTo === undefined ? undefined : this.#objects.get(entry.linkTo)!
    const object = linked ?? newObject(entry, FIRST_FILEID + BigInt(this.#objects.size))
    if (linked !== undefined) linked.attributes = addLinks(linked.attributes, 1)
    this.#objects.set(entry.path, object)
    this.#places.set(entry.path, this.#paths.push(entry.path) - 1)
    if (entry.path === '/') return
    const parent = this.#objects.get(parentPath(entry.path))!
    parent.names.set(lastName(entry.path), object)
    if (entry.type === 'directory') parent.attributes = addLinks(parent.attributes, 1)
  }

  #objectOf(path: string): LowerObject {
    const object = this.#objects.get(path)!
    const named = this.#options.handlePerName === true ? path : object.path
    return { handle: handleOf(this.#places.get(named)!), attributes: object.attributes }
  }

  async #enter(call: LowerCall, handle: LowerHandle): Promise<FsResult<MemoryObject>> {
    this.calls[call] += 1
    const path = this.#paths[Buffer.from(handle).readUInt32BE(4)]
    if (path === undefined) return refuse('BADHANDLE')
    const fault = this.fault(call, path)
    if (fault === 'unavailable') throw new ServerUnavailableError(this.name, 0)
    if (fault === 'jukebox') return refuse('JUKEBOX')
    if (fault === 'stale') return refuse('STALE')
    if (fault === 'io') return refuse('IO')
    if (fault !== 'none') await sleep(fault.delayMs)
    return succeed(this.#objects.get(path)!)
  }
}

function newObject(entry: SeedEntry, fileid: bigint): MemoryObject {
  const content = new SparseBytes()
  if (entry.content !== undefined) {
    for (const piece of seedPieces(entry.content)) content.write(piece.offsetBytes, piece.data)
  }
  const sizeBytes =
    entry.content?.sizeBytes ?? entry.target?.length ?? (entry.type === 'directory' ? 4096 : 0)
  const attributes: Attributes = {
    type: entry.type,
    mode: entry.mode,
    nlink: entry.type === 'directory' ? 2 : 1,
    uid: entry.uid,
    gid: entry.gid,
    sizeBytes,
    usedBytes: sizeBytes,
    rdevMajor: entry.rdevMajor ?? 0,
    rdevMinor: entry.rdevMinor ?? 0,
    fsid: FSID,
    fileid,
    atime: entry.atime,
    mtime: entry.mtime,
    ctime: entry.ctime,
  }
  return { path: entry.path, attributes, content, target: entry.target ?? '', names: new Map() }
}

function addLinks(attributes: Attributes, count: number): Attributes {
  return { ...attributes, nlink: attributes.nlink + count }
}

function handleOf(index: number): LowerHandle {
  const bytes = Buffer.alloc(8)
  bytes.write('mem/', 'latin1')
  bytes.writeUInt32BE(index, 4)
  return new Uint8Array(bytes) as LowerHandle
}

function join(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`
}
