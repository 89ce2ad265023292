import type { Awaitable } from '../base/awaitable.ts'
import type { Brand } from '../base/brand.ts'
import type { Timestamp } from '../base/clock.ts'
import type { AttributeChanges, Attributes } from './attributes.ts'
import type { FsResult } from './result.ts'

/**
 * The number of an object in one file system: what a client sees as fileid. Never reused. An identity: no
 * arithmetic. Below 2^53, so that it is exact and cheap.
 */
export type NodeId = Brand<number, 'NodeId'>

/** A name in a directory: bytes, not text; 1 to FILE_NAME_MAX_BYTES, without '/' and NUL. */
export type FileName = Uint8Array

/** Who asks, after squashing (nfsd/exports.ts). */
export interface Caller {
  readonly uid: number
  readonly gid: number
  readonly gids: readonly number[]
  /** The client's address as text, without port: "127.0.0.1", "fe80::1". */
  readonly address: string
}

/** An object as LOOKUP and CREATE give it. `generation` goes into the handle with `node`. */
export interface FsObject {
  readonly node: NodeId
  readonly generation: number
  readonly attributes: Attributes
}

/** wcc_data (RFC 1813 section 2.6): the same object before and after; absent when it could not be read. */
export interface Wcc {
  readonly before: Attributes | undefined
  readonly after: Attributes | undefined
}

export interface AttributesFail {
  readonly attributes: Attributes | undefined
}
export interface WccFail {
  readonly wcc: Wcc
}
export interface RenameFail {
  readonly from: Wcc
  readonly to: Wcc
}
export interface LinkFail {
  readonly attributes: Attributes | undefined
  readonly wcc: Wcc
}

/** ACCESS3 bits (RFC 1813 section 3.3.4). */
export const ACCESS_READ = 0x01
export const ACCESS_LOOKUP = 0x02
export const ACCESS_MODIFY = 0x04
export const ACCESS_EXTEND = 0x08
export const ACCESS_DELETE = 0x10
export const ACCESS_EXECUTE = 0x20

export type Stability = 'unstable' | 'data-sync' | 'file-sync'

/** How CREATE behaves when the name is there (createmode3, RFC 1813 section 3.3.8). */
export type CreateHow =
  | { readonly mode: 'unchecked'; readonly changes: AttributeChanges }
  | { readonly mode: 'guarded'; readonly changes: AttributeChanges }
  /** 8 bytes, kept durably: the same verifier again is success, another is EXIST. */
  | { readonly mode: 'exclusive'; readonly verifier: Uint8Array }

export type SpecialNode =
  | { readonly type: 'block' | 'character'; readonly rdevMajor: number; readonly rdevMinor: number }
  | { readonly type: 'socket' | 'fifo' }

export interface DirectoryEntry {
  readonly name: FileName
  readonly node: NodeId
  readonly generation: number
  /** Where to go on after this entry: stable while the directory changes and across restarts. > 2 but for "." (1) and ".." (2). */
  readonly cookie: number
  /** Present when asked for (`withAttributes`) and at hand. */
  readonly attributes: Attributes | undefined
}

export interface DirectoryPage {
  /** In cookie order, "." and ".." included when they come after `afterCookie`. */
  readonly entries: readonly DirectoryEntry[]
  /** No entry comes after the last of `entries`. */
  readonly eof: boolean
  readonly attributes: Attributes
}

/** FSSTAT (RFC 1813 section 3.3.18). */
export interface SpaceUsage {
  readonly totalBytes: number
  readonly freeBytes: number
  readonly availableBytes: number
  readonly totalFiles: number
  readonly freeFiles: number
  readonly availableFiles: number
}

/**
 * Called by a mutating operation at the moment its outcome is decided and before it is made durable. The bytes it
 * returns (the encoded reply with its key: the duplicate-request cache's record) are stored in the same atomic
 * batch as the effect; undefined stores nothing. Called at most once, and only for outcomes that have an effect.
 */
export type Seal<Result> = (result: Result) => Uint8Array | undefined

type Mutation<Ok, Fail> = Awaitable<FsResult<Ok, Fail>>
export type CreateResult = FsResult<{ readonly object: FsObject; readonly wcc: Wcc }, WccFail>
export type WccResult = FsResult<{ readonly wcc: Wcc }, WccFail>
export type RenameResult = FsResult<RenameFail, RenameFail>
export type LinkResult = FsResult<{ readonly attributes: Attributes; readonly wcc: Wcc }, LinkFail>

/**
 * A file system as NFSv3 sees one; what `nfsd` serves and does not look behind. Checks permissions itself.
 *
 * Refusals are values with the attributes that the protocol wants. Faults (FsFault) may be thrown by any method:
 * nfsd turns them into their status. A node that is gone refuses with STALE.
 */
export interface FileSystem {
  readonly root: NodeId
  /** The value of fsid in every attribute of this file system. */
  readonly fsid: bigint
  /** False: nfsd answers ROFS to every mutating procedure without asking. */
  readonly writable: boolean
  /** 8 bytes; changes whenever unstable writes may have been lost. */
  readonly writeVerifier: Uint8Array

  /** Is the pair of a well-formed handle still (or again, after restart) an object? Otherwise the status to answer. */
  resolve(node: NodeId, generation: number): Awaitable<FsResult<undefined>>
  generationOf(node: NodeId): number

  getattr(caller: Caller, node: NodeId): Awaitable<FsResult<Attributes>>
  setattr(
    caller: Caller,
    node: NodeId,
    changes: AttributeChanges,
    guardCtime: Timestamp | undefined,
    seal?: Seal<WccResult>,
  ): Mutation<{ readonly wcc: Wcc }, WccFail>
  lookup(
    caller: Caller,
    directory: NodeId,
    name: FileName,
  ): Awaitable<FsResult<{ readonly object: FsObject; readonly directory: Attributes }, AttributesFail>>
  /** Which of the wanted ACCESS bits are granted. */
  access(
    caller: Caller,
    node: NodeId,
    wanted: number,
  ): Awaitable<FsResult<{ readonly granted: number; readonly attributes: Attributes }, AttributesFail>>
  readlink(
    caller: Caller,
    node: NodeId,
  ): Awaitable<FsResult<{ readonly target: Uint8Array; readonly attributes: Attributes }, AttributesFail>>
  /** Fills `into` from its start; `countBytes` is less than its length only at the end of the file. */
  read(
    caller: Caller,
    node: NodeId,
    offsetBytes: number,
    into: Uint8Array,
  ): Awaitable<
    FsResult<
      { readonly countBytes: number; readonly eof: boolean; readonly attributes: Attributes },
      AttributesFail
    >
  >
  /** Writes all of `data` or refuses. `data` is borrowed until the result is there. */
  write(
    caller: Caller,
    node: NodeId,
    offsetBytes: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<FsResult<{ readonly wcc: Wcc; readonly committed: Stability }, WccFail>>
  create(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    how: CreateHow,
    seal?: Seal<CreateResult>,
  ): Awaitable<CreateResult>
  mkdir(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Awaitable<CreateResult>
  symlink(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    target: Uint8Array,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Awaitable<CreateResult>
  mknod(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    special: SpecialNode,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Awaitable<CreateResult>
  remove(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): Awaitable<WccResult>
  rmdir(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): Awaitable<WccResult>
  rename(
    caller: Caller,
    fromDirectory: NodeId,
    fromName: FileName,
    toDirectory: NodeId,
    toName: FileName,
    seal?: Seal<RenameResult>,
  ): Awaitable<RenameResult>
  link(
    caller: Caller,
    node: NodeId,
    directory: NodeId,
    name: FileName,
    seal?: Seal<LinkResult>,
  ): Awaitable<LinkResult>
  /** At most `maxEntries` entries after `afterCookie` (0: from the start). Any cookie value is taken. */
  readdir(
    caller: Caller,
    directory: NodeId,
    afterCookie: number,
    options: { readonly maxEntries: number; readonly withAttributes: boolean },
  ): Awaitable<FsResult<DirectoryPage, AttributesFail>>
  fsstat(
    caller: Caller,
    node: NodeId,
  ): Awaitable<FsResult<{ readonly space: SpaceUsage; readonly attributes: Attributes }, AttributesFail>>
  /** When it returns ok, all data written before is on stable storage. */
  commit(caller: Caller, node: NodeId): Awaitable<FsResult<{ readonly wcc: Wcc }, WccFail>>
}
