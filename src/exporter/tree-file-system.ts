import type { BigIntStats } from 'node:fs'
import { type Awaitable, whenReady } from '../base/awaitable.ts'
import type { Logger } from '../base/logger.ts'
import { nameHash } from '../base/name-hash.ts'
import type { Attributes } from '../vfs/attributes.ts'
import {
  ACCESS_EXECUTE,
  ACCESS_LOOKUP,
  ACCESS_READ,
  type AttributesFail,
  type Caller,
  type DirectoryEntry,
  type DirectoryPage,
  type FileName,
  type FileSystem,
  type FsObject,
  type LinkFail,
  type NodeId,
  type RenameFail,
  type SpaceUsage,
  type Wcc,
  type WccFail,
} from '../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import { fillPage } from './directory-page.ts'
import { fsidOf } from './export-identity.ts'
import { readData } from './file-data.ts'
import { DOT_DOT_NAME, DOT_NAME, isDots, whatIsWrongWith } from './file-name.ts'
import { attributesOf, generationOf, inodeTooBig, nodeOf } from './host-attributes.ts'
import { HostTree, type HostTreeOptions } from './host-tree.ts'
import { DOT_COOKIE, DOT_DOT_COOKIE, type Listing } from './listing.ts'
import { ListingCache } from './listing-cache.ts'
import { MAY_EXECUTE, MAY_READ, mayDo, mayReadData } from './permission.ts'
import { RecentSet } from './recent-set.ts'
import { type SearchLimits, TreeSearch } from './tree-search.ts'

/** Tries to catch up with an object that is moved on the host again and again. */
const LOCATE_TRIES = 3
/** Names whose inode the kernel should still have in memory: these are looked up without the thread pool. */
const RECENT_NAMES_HALF_MAX = 65_536

export interface TreeFileSystemOptions extends HostTreeOptions {
  /** The export's name: with the device it makes the fsid. */
  readonly name: string
  readonly logger: Logger
  readonly listingCacheMaxBytes?: number
  readonly search?: Partial<SearchLimits>
}

type Found = { readonly stats: BigIntStats; readonly attributes: Attributes }

/**
 * A directory of the host, served as it is and never changed. A node is an inode number, its generation is made of
 * the inode's birth: so handles mean the same after a restart, with nothing stored. Follows changes on the host.
 */
export class TreeFileSystem implements FileSystem {
  readonly root: NodeId
  readonly fsid: bigint
  readonly writable = false
  /** Nothing is ever written, so nothing can be lost. */
  readonly writeVerifier = new Uint8Array(8)
  readonly #tree: HostTree
  readonly #listings: ListingCache
  readonly #search: TreeSearch
  readonly #recentNames = new RecentSet(RECENT_NAMES_HALF_MAX)

  /** Throws an Error with the reason when the directory cannot be served. */
  constructor(options: TreeFileSystemOptions) {
    this.#tree = new HostTree(options)
    this.root = this.#tree.root
    this.fsid = fsidOf(options.name, this.#tree.device)
    this.#listings = new ListingCache(options.clock, options.listingCacheMaxBytes)
    this.#search = new TreeSearch(this.#tree, this.#listings, options.logger, options.search)
  }

  /** Calls in flight come to their end; later ones are answered JUKEBOX. */
  close(): void {
    this.#search.close()
    this.#tree.close()
  }

  resolve(node: NodeId, generation: number): Awaitable<FsResult<undefined>> {
    const known = this.#tree.generationOf(node)
    if (known === generation) return RESOLVED
    // The number is in use by another object that is where we knew it: the one of this handle is gone.
    if (known !== undefined && this.#tree.stat(node) !== undefined) return refuse('STALE')
    return this.#search.find(node, generation).then((outcome) => {
      if (outcome !== 'found') return refuse(outcome)
      return this.#tree.generationOf(node) === generation ? RESOLVED : refuse('STALE')
    })
  }

  generationOf(node: NodeId): number {
    return this.#tree.generationOf(node) ?? 0
  }

  getattr(_caller: Caller, node: NodeId): Awaitable<FsResult<Attributes>> {
    return whenReady(this.#locate(node), (found) =>
      found.ok ? succeed(found.value.attributes) : refuse(found.status),
    )
  }

  lookup(
    caller: Caller,
    directory: NodeId,
    name: FileName,
  ): Awaitable<FsResult<{ readonly object: FsObject; readonly directory: Attributes }, AttributesFail>> {
    return whenReady(this.#locateDirectory(caller, directory, MAY_EXECUTE), (found) => {
      if (!found.ok) return found
      const { attributes } = found.value
      const wrong = whatIsWrongWith(name)
      if (wrong !== undefined) return refuse(wrong, { attributes })
      const child = isDots(name) ? this.#lookupDots(directory, name) : this.#lookupName(directory, name)
      return whenReady(child, (object) =>
        object.ok
          ? succeed({ object: object.value, directory: attributes })
          : refuse(object.status, { attributes }),
      )
    })
  }

  access(
    caller: Caller,
    node: NodeId,
    wanted: number,
  ): Awaitable<FsResult<{ readonly granted: number; readonly attributes: Attributes }, AttributesFail>> {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, NO_ATTRIBUTES)
      const { attributes } = found.value
      const runs = attributes.type === 'directory' ? ACCESS_LOOKUP : ACCESS_EXECUTE
      const granted =
        (mayDo(caller, attributes, MAY_READ) ? ACCESS_READ : 0) |
        (mayDo(caller, attributes, MAY_EXECUTE) ? runs : 0)
      return succeed({ granted: granted & wanted, attributes })
    })
  }

  readlink(
    _caller: Caller,
    node: NodeId,
  ): Awaitable<FsResult<{ readonly target: Uint8Array; readonly attributes: Attributes }, AttributesFail>> {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, NO_ATTRIBUTES)
      const { attributes } = found.value
      if (attributes.type !== 'symlink') return refuse('INVAL', { attributes })
      const target = this.#tree.readlink(node)
      return target === undefined ? refuse('JUKEBOX', { attributes }) : succeed({ target, attributes })
    })
  }

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
  > {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, NO_ATTRIBUTES)
      const { attributes } = found.value
      if (attributes.type === 'directory') return refuse('ISDIR', { attributes })
      if (attributes.type !== 'file') return refuse('INVAL', { attributes })
      if (!mayReadData(caller, attributes)) return refuse('ACCES', { attributes })
      const file = this.#tree.file(node)
      // It was there a moment ago and is being moved: the client asks again.
      if (file === undefined) return refuse('JUKEBOX', { attributes })
      const leftBytes = Math.max(0, attributes.sizeBytes - offsetBytes)
      const part = into.length <= leftBytes ? into : into.subarray(0, leftBytes)
      return whenReady(readData(file, offsetBytes, part), (countBytes) => {
        const eof = countBytes < part.length || offsetBytes + countBytes >= attributes.sizeBytes
        return succeed({ countBytes, eof, attributes })
      })
    })
  }

  readdir(
    caller: Caller,
    directory: NodeId,
    afterCookie: number,
    options: { readonly maxEntries: number; readonly withAttributes: boolean },
  ): Awaitable<FsResult<DirectoryPage, AttributesFail>> {
    return whenReady(this.#locateDirectory(caller, directory, MAY_READ), (found) => {
      if (!found.ok) return found
      const { stats, attributes } = found.value
      const open = this.#tree.directory(directory)
      if (open === undefined) return refuse('JUKEBOX', { attributes })
      return whenReady(this.#listings.get(open, stats, afterCookie > DOT_DOT_COOKIE), (listing) =>
        listing === undefined
          ? refuse('STALE', { attributes })
          : this.#readPage({ node: directory, attributes, listing }, afterCookie, options),
      )
    })
  }

  fsstat(
    _caller: Caller,
    node: NodeId,
  ): Awaitable<FsResult<{ readonly space: SpaceUsage; readonly attributes: Attributes }, AttributesFail>> {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, NO_ATTRIBUTES)
      const { attributes } = found.value
      const space = this.#tree.space()
      return space === undefined ? refuse('JUKEBOX', { attributes }) : succeed({ space, attributes })
    })
  }

  setattr(_caller: Caller, node: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(node)
  }
  write(_caller: Caller, node: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(node)
  }
  create(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  mkdir(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  symlink(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  mknod(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  remove(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  rmdir(_caller: Caller, directory: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(directory)
  }
  commit(_caller: Caller, node: NodeId): Awaitable<FsResult<never, WccFail>> {
    return this.#refuseChange(node)
  }

  rename(
    _caller: Caller,
    fromDirectory: NodeId,
    _fromName: FileName,
    toDirectory: NodeId,
  ): Awaitable<FsResult<never, RenameFail>> {
    return whenReady(this.#refuseChange(fromDirectory), (from) =>
      whenReady(this.#refuseChange(toDirectory), (to) =>
        refuse('ROFS', { from: from.fail.wcc, to: to.fail.wcc }),
      ),
    )
  }

  link(_caller: Caller, node: NodeId, directory: NodeId): Awaitable<FsResult<never, LinkFail>> {
    return whenReady(this.#refuseChange(node), (object) =>
      whenReady(this.#refuseChange(directory), (into) =>
        refuse('ROFS', { attributes: object.fail.wcc.after, wcc: into.fail.wcc }),
      ),
    )
  }

  #refuseChange(node: NodeId): Awaitable<{ ok: false; status: FsStatus; fail: WccFail }> {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, { wcc: NO_WCC })
      const { attributes } = found.value
      return refuse('ROFS', { wcc: { before: attributes, after: attributes } })
    })
  }

  /** What an object is now, wherever in the tree it is. */
  #locate(node: NodeId): Awaitable<FsResult<Found>> {
    const stats = this.#tree.stat(node)
    if (stats === undefined) return this.#locateBySearch(node)
    return stats === 'removed' ? refuse('STALE') : this.#found(stats)
  }

  async #locateBySearch(node: NodeId): Promise<FsResult<Found>> {
    for (let tries = 0; tries < LOCATE_TRIES; tries += 1) {
      const outcome = await this.#search.find(node, this.#tree.generationOf(node))
      if (outcome !== 'found') return refuse(outcome)
      const stats = this.#tree.stat(node)
      if (stats !== undefined) return stats === 'removed' ? refuse('STALE') : this.#found(stats)
    }
    return refuse('JUKEBOX')
  }

  #found(stats: BigIntStats): FsResult<Found> {
    return succeed({ stats, attributes: attributesOf(stats, this.fsid) })
  }

  #locateDirectory(caller: Caller, node: NodeId, wanted: number): Awaitable<FsResult<Found, AttributesFail>> {
    return whenReady(this.#locate(node), (found) => {
      if (!found.ok) return refuse(found.status, NO_ATTRIBUTES)
      const { attributes } = found.value
      if (attributes.type !== 'directory') return refuse('NOTDIR', { attributes })
      return mayDo(caller, attributes, wanted) ? found : refuse('ACCES', { attributes })
    })
  }

  #lookupName(directory: NodeId, name: FileName): Awaitable<FsResult<FsObject>> {
    const open = this.#tree.directory(directory)
    if (open === undefined) return refuse('JUKEBOX')
    // Two numbers that meet by chance cost nothing but a synchronous call.
    const key = nameHash(name) + (directory % 0x10_0000) * 2 ** 32
    const stats = this.#recentNames.has(key)
      ? this.#tree.statName(open, name)
      : this.#tree.statNameLater(open, name)
    return whenReady(stats, (child) => {
      if (child === undefined) return refuse('NOENT')
      this.#recentNames.add(key)
      return succeed(this.#objectAt(directory, name, child))
    })
  }

  #objectAt(directory: NodeId, name: FileName, stats: BigIntStats): FsObject {
    const node = nodeOf(stats)
    if (node === undefined) throw inodeTooBig(stats.ino)
    const generation = generationOf(stats)
    this.#tree.nodes.set(node, directory, name, generation)
    return { node, generation, attributes: attributesOf(stats, this.fsid) }
  }

  #lookupDots(directory: NodeId, name: FileName): Awaitable<FsResult<FsObject>> {
    const node = name.length === 1 ? directory : this.#parentOf(directory)
    return whenReady(node, (target) => {
      if (target === undefined) return refuse('JUKEBOX')
      return whenReady(this.#locate(target), (found) =>
        found.ok
          ? succeed({
              node: target,
              generation: this.generationOf(target),
              attributes: found.value.attributes,
            })
          : refuse(found.status),
      )
    })
  }

  /** The directory above, which for the root is the root; looked at now, because directories are moved on the host. */
  #parentOf(directory: NodeId): Awaitable<NodeId | undefined> {
    if (directory === this.root) return directory
    const parent = this.#tree.parentOf(directory)
    if (parent !== undefined) return parent
    return this.#search
      .find(directory, this.#tree.generationOf(directory))
      .then((outcome) => (outcome === 'found' ? this.#tree.parentOf(directory) : undefined))
  }

  #readPage(
    directory: { readonly node: NodeId; readonly attributes: Attributes; readonly listing: Listing },
    afterCookie: number,
    options: { readonly maxEntries: number; readonly withAttributes: boolean },
  ): Awaitable<FsResult<DirectoryPage, AttributesFail>> {
    const { attributes, listing } = directory
    const dots = afterCookie < DOT_DOT_COOKIE ? this.#dotEntries(directory.node, attributes, options) : []
    return whenReady(dots, (both) => {
      const entries = both.filter(({ cookie }) => cookie > afterCookie).slice(0, options.maxEntries)
      const request = { directory: directory.node, fsid: this.fsid, listing, ...options }
      const page = fillPage(this.#tree, request, listing.indexAfter(afterCookie), entries)
      return whenReady(page, (filled) =>
        filled === undefined
          ? refuse('JUKEBOX', { attributes })
          : succeed({ entries, eof: filled.eof, attributes }),
      )
    })
  }

  #dotEntries(
    node: NodeId,
    attributes: Attributes,
    options: { readonly withAttributes: boolean },
  ): Awaitable<DirectoryEntry[]> {
    return whenReady(this.#lookupDots(node, DOT_DOT_NAME), (above) => {
      const own = options.withAttributes ? attributes : undefined
      const dot = {
        name: DOT_NAME,
        node,
        generation: this.generationOf(node),
        cookie: DOT_COOKIE,
        attributes: own,
      }
      if (!above.ok) return [dot]
      const parent = options.withAttributes ? above.value.attributes : undefined
      return [dot, { ...above.value, name: DOT_DOT_NAME, cookie: DOT_DOT_COOKIE, attributes: parent }]
    })
  }
}

const RESOLVED = succeed(undefined)
const NO_ATTRIBUTES: AttributesFail = { attributes: undefined }
const NO_WCC: Wcc = { before: undefined, after: undefined }
