import { byteKey, ownBytes } from '../../src/base/bytes.ts'
import { type Clock, SystemClock, sameTime, type Timestamp } from '../../src/base/clock.ts'
import {
  type AttributeChanges,
  type Attributes,
  MAX_FILE_SIZE_BYTES,
  MODE_MASK,
  MODE_STICKY,
} from '../../src/vfs/attributes.ts'
import type {
  AttributesFail,
  Caller,
  CreateHow,
  CreateResult,
  DirectoryEntry,
  DirectoryPage,
  FileName,
  FileSystem,
  FsObject,
  LinkResult,
  NodeId,
  RenameResult,
  Seal,
  SpaceUsage,
  SpecialNode,
  Stability,
  Wcc,
  WccFail,
  WccResult,
} from '../../src/vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../src/vfs/result.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { createOverExisting, link, makeChild, NO_WCC, rename, takeAway } from './memory-names.ts'
import type { MemoryEntry, MemoryNode } from './memory-node.ts'
import { MemoryTree, type NewNode } from './memory-tree.ts'
import {
  changeRefusal,
  EXECUTE,
  grantedAccess,
  isRootOrOwner,
  permits,
  READ,
  WRITE,
  withoutPrivilegeBits,
} from './permissions.ts'

const DOT = byteKey(Buffer.from('.'))
const DOT_DOT = byteKey(Buffer.from('..'))
const TOTAL_BYTES = 2 ** 40
const TOTAL_FILES = 1_000_000

export interface MemoryFileSystemOptions {
  readonly clock?: Clock
  readonly fsid?: bigint
  readonly writable?: boolean
  /** The number of the root; objects made later count up from it. */
  readonly rootNode?: number
}

/**
 * A whole FileSystem in memory, synchronous, as plain as can be: the model that other file systems are compared
 * with, and what nfsd is tested over. Semantics: POSIX as Linux has it, with NFSv3's rule that an owner may write.
 */
export class MemoryFileSystem implements FileSystem {
  readonly root: NodeId
  readonly fsid: bigint
  readonly writable: boolean
  readonly writeVerifier = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])
  readonly #tree: MemoryTree

  constructor(options: MemoryFileSystemOptions = {}) {
    this.fsid = options.fsid ?? 1n
    this.writable = options.writable ?? true
    this.#tree = new MemoryTree(options.clock ?? new SystemClock(), this.fsid, options.rootNode ?? 1)
    this.root = this.#tree.newNode({ type: 'directory', mode: 0o755, changes: {} }, 0, 0).id
  }

  /** What the seals gave, in order: the records of a duplicate-request cache. */
  get sealed(): readonly Uint8Array[] {
    return this.#tree.sealed
  }

  resolve(node: NodeId, generation: number): FsResult<undefined> {
    const found = this.#tree.live(node)
    if (found === undefined || found.generation !== generation) return refuse('STALE')
    return succeed(undefined)
  }

  generationOf(node: NodeId): number {
    return this.#tree.live(node)?.generation ?? 0
  }

  getattr(_caller: Caller, node: NodeId): FsResult<Attributes> {
    const found = this.#tree.live(node)
    return found === undefined ? refuse('STALE') : succeed(found.attributes)
  }

  setattr(
    caller: Caller,
    node: NodeId,
    changes: AttributeChanges,
    guardCtime: Timestamp | undefined,
    seal?: Seal<WccResult>,
  ): WccResult {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { wcc: NO_WCC })
    const before = found.attributes
    if (guardCtime !== undefined && !sameTime(guardCtime, before.ctime)) {
      return refuse('NOT_SYNC', { wcc: found.unchanged() })
    }
    const refusal = changeRefusal(caller, before, changes)
    if (refusal !== undefined) return refuse(refusal, { wcc: found.unchanged() })
    if (Object.values(changes).every((change) => change === undefined)) {
      return succeed({ wcc: found.unchanged() })
    }
    found.applyChanges(caller, changes, this.#tree.clock.now())
    return this.#tree.seal(succeed({ wcc: { before, after: found.attributes } }), seal)
  }

  lookup(
    caller: Caller,
    directory: NodeId,
    name: FileName,
  ): FsResult<{ readonly object: FsObject; readonly directory: Attributes }, AttributesFail> {
    const found = this.#tree.live(directory)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const { attributes } = found
    if (!found.isDirectory) return refuse('NOTDIR', { attributes })
    if (!permits(caller, attributes, EXECUTE)) return refuse('ACCES', { attributes })
    const key = byteKey(name)
    const child =
      key === DOT ? found : key === DOT_DOT ? (found.parent ?? found) : found.entries.get(key)?.node
    if (child === undefined) return refuse('NOENT', { attributes })
    return succeed({ object: child.object(), directory: attributes })
  }

  access(
    caller: Caller,
    node: NodeId,
    wanted: number,
  ): FsResult<{ readonly granted: number; readonly attributes: Attributes }, AttributesFail> {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const { attributes } = found
    return succeed({ granted: grantedAccess(caller, attributes) & wanted, attributes })
  }

  readlink(
    _caller: Caller,
    node: NodeId,
  ): FsResult<{ readonly target: Uint8Array; readonly attributes: Attributes }, AttributesFail> {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const { attributes, target } = found
    if (attributes.type !== 'symlink') return refuse('INVAL', { attributes })
    return succeed({ target, attributes })
  }

  read(
    caller: Caller,
    node: NodeId,
    offsetBytes: number,
    into: Uint8Array,
  ): FsResult<
    { readonly countBytes: number; readonly eof: boolean; readonly attributes: Attributes },
    AttributesFail
  > {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const { attributes } = found
    if (attributes.type !== 'file') {
      return refuse(attributes.type === 'directory' ? 'ISDIR' : 'INVAL', { attributes })
    }
    // Who may run a file may read it: the server cannot tell loading a program from reading it.
    const may =
      isRootOrOwner(caller, attributes) ||
      permits(caller, attributes, READ) ||
      permits(caller, attributes, EXECUTE)
    if (!may) return refuse('ACCES', { attributes })
    const countBytes = found.content.read(offsetBytes, into)
    return succeed({ countBytes, eof: offsetBytes + countBytes >= attributes.sizeBytes, attributes })
  }

  write(
    caller: Caller,
    node: NodeId,
    offsetBytes: number,
    data: Uint8Array,
    stability: Stability,
  ): FsResult<{ readonly wcc: Wcc; readonly committed: Stability }, WccFail> {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { wcc: NO_WCC })
    const before = found.attributes
    const refusal = writeRefusal(caller, before)
    if (refusal !== undefined) return refuse(refusal, { wcc: found.unchanged() })
    if (offsetBytes + data.length > MAX_FILE_SIZE_BYTES) return refuse('FBIG', { wcc: found.unchanged() })
    if (data.length > 0) {
      found.content.write(offsetBytes, data)
      const now = this.#tree.clock.now()
      const mode =
        caller.uid === 0 ? before.mode : withoutPrivilegeBits(caller, before, before.mode, before.gid)
      found.touch(now, { mtime: now, mode })
    }
    return succeed({ wcc: { before, after: found.attributes }, committed: stability })
  }

  create(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    how: CreateHow,
    seal?: Seal<CreateResult>,
  ): CreateResult {
    const dir = this.#tree.live(directory)
    const there = dir?.entries.get(byteKey(name))?.node
    if (dir !== undefined && there !== undefined && permits(caller, dir.attributes, EXECUTE)) {
      return createOverExisting(this.#tree, caller, dir, there, how, seal)
    }
    const changes = how.mode === 'exclusive' ? {} : how.changes
    const verifier = how.mode === 'exclusive' ? { verifier: ownBytes(how.verifier) } : {}
    const mode = (changes.mode ?? 0) & MODE_MASK
    return makeChild(this.#tree, caller, directory, name, { type: 'file', mode, changes, ...verifier }, seal)
  }

  mkdir(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): CreateResult {
    const mode = (changes.mode ?? 0) & (0o777 | MODE_STICKY)
    return makeChild(this.#tree, caller, directory, name, { type: 'directory', mode, changes }, seal)
  }

  symlink(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    target: Uint8Array,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): CreateResult {
    const link: NewNode = { type: 'symlink', mode: 0o777, changes, target: ownBytes(target) }
    return makeChild(this.#tree, caller, directory, name, link, seal)
  }

  mknod(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    special: SpecialNode,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): CreateResult {
    const mode = (changes.mode ?? 0) & MODE_MASK
    return makeChild(this.#tree, caller, directory, name, { ...special, mode, changes }, seal)
  }

  remove(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): WccResult {
    return takeAway(this.#tree, caller, directory, name, 'file', seal)
  }

  rmdir(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): WccResult {
    return takeAway(this.#tree, caller, directory, name, 'directory', seal)
  }

  rename(
    caller: Caller,
    fromDirectory: NodeId,
    fromName: FileName,
    toDirectory: NodeId,
    toName: FileName,
    seal?: Seal<RenameResult>,
  ): RenameResult {
    return rename(this.#tree, caller, fromDirectory, fromName, toDirectory, toName, seal)
  }

  link(caller: Caller, node: NodeId, directory: NodeId, name: FileName, seal?: Seal<LinkResult>): LinkResult {
    return link(this.#tree, caller, node, directory, name, seal)
  }

  readdir(
    caller: Caller,
    directory: NodeId,
    afterCookie: number,
    options: { readonly maxEntries: number; readonly withAttributes: boolean },
  ): FsResult<DirectoryPage, AttributesFail> {
    const found = this.#tree.live(directory)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const { attributes } = found
    if (!found.isDirectory) return refuse('NOTDIR', { attributes })
    if (!permits(caller, attributes, READ)) return refuse('ACCES', { attributes })
    const entries: DirectoryEntry[] = []
    for (const { name, node, cookie } of listing(found)) {
      if (cookie <= afterCookie) continue
      if (entries.length === options.maxEntries) return succeed({ entries, eof: false, attributes })
      entries.push({
        name,
        node: node.id,
        generation: node.generation,
        cookie,
        attributes: options.withAttributes ? node.attributes : undefined,
      })
    }
    return succeed({ entries, eof: true, attributes })
  }

  fsstat(
    _caller: Caller,
    node: NodeId,
  ): FsResult<{ readonly space: SpaceUsage; readonly attributes: Attributes }, AttributesFail> {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { attributes: undefined })
    const freeBytes = TOTAL_BYTES - this.#tree.usedBytes
    const freeFiles = TOTAL_FILES - this.#tree.nodeCount
    const space = {
      totalBytes: TOTAL_BYTES,
      freeBytes,
      availableBytes: freeBytes,
      totalFiles: TOTAL_FILES,
      freeFiles,
      availableFiles: freeFiles,
    }
    return succeed({ space, attributes: found.attributes })
  }

  commit(caller: Caller, node: NodeId): FsResult<{ readonly wcc: Wcc }, WccFail> {
    const found = this.#tree.live(node)
    if (found === undefined) return refuse('STALE', { wcc: NO_WCC })
    const wcc = found.unchanged()
    const refusal = writeRefusal(caller, found.attributes)
    return refusal === undefined ? succeed({ wcc }) : refuse(refusal, { wcc })
  }
}

function writeRefusal(caller: Caller, attributes: Attributes): FsStatus | undefined {
  if (attributes.type !== 'file') return attributes.type === 'directory' ? 'ISDIR' : 'INVAL'
  const may = isRootOrOwner(caller, attributes) || permits(caller, attributes, WRITE)
  return may ? undefined : 'ACCES'
}

function* listing(directory: MemoryNode): Generator<MemoryEntry> {
  yield { name: Buffer.from('.'), node: directory, cookie: 1 }
  yield { name: Buffer.from('..'), node: directory.parent ?? directory, cookie: 2 }
  yield* directory.entries.values()
}
