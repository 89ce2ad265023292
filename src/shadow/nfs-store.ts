import type { NodeId, SpaceUsage } from '../vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../vfs/shadow-store.ts'
import { FileCache } from './file-cache.ts'
import { granted, isTransient, type ShadowExport, storeFault } from './remote-answers.ts'
import { RemoteFile, type UncommittedTotal } from './remote-file.ts'
import { RemoteFolders } from './remote-folders.ts'
import { BUCKETS_PER_VIEW, nodeOfFileName, pathOfKey } from './shadow-layout.ts'

/** Files whose handles are kept. */
export const REMOTE_FILES_MAX = 1024
/** Uncommitted bytes kept for resending; over it the file that has most of them is committed, asked or not. */
export const UNCOMMITTED_MAX_BYTES = 64 * 1024 * 1024
/** At this many times the limit a write waits for such a commit. */
const UNCOMMITTED_OVERDRAFT = 2
/** Files taken away at a time when a view is removed. */
const REMOVE_BATCH_FILES = 64

export interface NfsShadowStoreOptions {
  readonly filesMax?: number
  readonly uncommittedMaxBytes?: number
}

/**
 * Shadow files on an unmodified NFSv3 server (layout: docs/formats/shadow-store.md). While the server does not answer,
 * every method ends with ServerUnavailableError after the bounded wait of the RPC client.
 */
export class NfsShadowStore implements ShadowStore {
  readonly name: string
  readonly #export: ShadowExport
  readonly #folders: RemoteFolders
  readonly #files: FileCache<RemoteFile>
  readonly #uncommittedMaxBytes: number
  readonly #uncommitted: UncommittedTotal = { bytes: 0 }
  /** Files that are being looked for, by their path: never two objects for one file. */
  readonly #opening = new Map<string, Promise<RemoteFile | undefined>>()

  constructor(shadow: ShadowExport, options: NfsShadowStoreOptions = {}) {
    this.name = shadow.name
    this.#export = shadow
    this.#folders = new RemoteFolders(shadow)
    this.#files = new FileCache(options.filesMax ?? REMOTE_FILES_MAX)
    this.#uncommittedMaxBytes = options.uncommittedMaxBytes ?? UNCOMMITTED_MAX_BYTES
  }

  /** Bytes kept because the server may still forget them. */
  get uncommittedBytes(): number {
    return this.#uncommitted.bytes
  }

  read(key: ShadowKey, offsetBytes: number, into: Uint8Array): Promise<number> {
    return this.#asFault(
      async () => (await this.#with(key, false, (file) => file.read(offsetBytes, into))) ?? 0,
    )
  }

  write(key: ShadowKey, offsetBytes: number, data: Uint8Array): Promise<void> {
    return this.#asFault(async () => {
      await this.#waitForRoom()
      await this.#with(key, true, (file) => file.write(offsetBytes, data))
      this.#flushOver()
    })
  }

  truncate(key: ShadowKey, sizeBytes: number): Promise<void> {
    return this.#asFault(() => this.#with(key, false, (file) => file.truncate(sizeBytes)))
  }

  sync(key: ShadowKey): Promise<void> {
    return this.#asFault(async () => {
      const failure = this.#files.takeFailure(key)
      if (failure !== undefined) throw failure
      // A file that is not known here has nothing uncommitted of ours.
      const file = this.#files.find(key)
      if (file === undefined || !(file.dirty || file.syncing)) return
      try {
        await file.sync()
      } catch (error) {
        if (file.failed) this.#files.drop(file)
        throw error
      }
    })
  }

  remove(key: ShadowKey): Promise<void> {
    return this.#asFault(async () => {
      this.#files.takeFailure(key)
      const file = this.#files.find(key)
      if (file !== undefined) this.#files.drop(file)
      await this.#folders.remove(key)
    })
  }

  async *list(view: number): AsyncIterable<NodeId> {
    for (let bucket = 0; bucket < BUCKETS_PER_VIEW; bucket += 1) {
      for (const name of await this.#asFault(() => this.#folders.namesInBucket(view, bucket))) {
        const node = nodeOfFileName(name, bucket)
        if (node !== undefined) yield node
      }
    }
  }

  removeView(view: number): Promise<void> {
    return this.#asFault(async () => {
      this.#files.dropView(view)
      for (let bucket = 0; bucket < BUCKETS_PER_VIEW; bucket += 1) {
        const names = await this.#folders.namesInBucket(view, bucket)
        for (let at = 0; at < names.length; at += REMOVE_BATCH_FILES) {
          await this.#folders.removeFromBucket(view, bucket, names.slice(at, at + REMOVE_BATCH_FILES))
        }
        await this.#folders.removeBucket(view, bucket)
      }
      await this.#folders.removeView(view)
    })
  }

  space(): Promise<SpaceUsage> {
    return this.#asFault(async () => {
      const { client, root } = await this.#export.ready()
      const { tbytes, fbytes, abytes, tfiles, ffiles, afiles } = granted(
        await client.call('FSSTAT', { fsroot: root }),
        'ask for the space of',
        this.name,
      )
      return {
        totalBytes: exact(tbytes),
        freeBytes: exact(fbytes),
        availableBytes: exact(abytes),
        totalFiles: exact(tfiles),
        freeFiles: exact(ffiles),
        availableFiles: exact(afiles),
      }
    })
  }

  async close(): Promise<void> {
    await this.#files.close()
    await this.#export.close()
  }

  /** Works with the key's file; undefined: there is none, and none was to be made. */
  async #with<T>(
    key: ShadowKey,
    make: boolean,
    work: (file: RemoteFile) => Promise<T>,
  ): Promise<T | undefined> {
    for (;;) {
      const file = this.#files.find(key) ?? (await this.#open(key, make))
      if (file === undefined) return undefined
      // It may have been let go before we came to use it; from here to its use there is no wait.
      if (!file.closed) return work(file)
    }
  }

  async #open(key: ShadowKey, make: boolean): Promise<RemoteFile | undefined> {
    const path = pathOfKey(key).join('/')
    const running = this.#opening.get(path)
    if (running !== undefined) {
      const file = await running
      return file === undefined && make ? this.#open(key, true) : file
    }
    const opening = this.#openNow(key, path, make).finally(() => this.#opening.delete(path))
    this.#opening.set(path, opening)
    return opening
  }

  async #openNow(key: ShadowKey, path: string, make: boolean): Promise<RemoteFile | undefined> {
    if (make) await this.#files.whenRoom()
    const handle = make ? await this.#folders.make(key) : await this.#folders.find(key)
    if (handle === undefined) return undefined
    const place = { ...key, name: `${path} on ${this.name}`, handle }
    const findAgain = () => this.#folders.find(key)
    const file = new RemoteFile(await this.#export.ready(), place, findAgain, this.#uncommitted)
    this.#files.add(file)
    return file
  }

  #flushOver(): void {
    if (this.#uncommitted.bytes <= this.#uncommittedMaxBytes) return
    const file = this.#files.greatest((each) => (each.syncing ? 0 : each.uncommittedBytes))
    if (file !== undefined) void this.#files.flush(file)
  }

  async #waitForRoom(): Promise<void> {
    while (this.#uncommitted.bytes > this.#uncommittedMaxBytes * UNCOMMITTED_OVERDRAFT) {
      const file = this.#files.greatest((each) => each.uncommittedBytes)
      const failure = file && (await this.#files.flush(file))
      // Otherwise its bytes are gone from here: committed, or lost, and then its next sync will tell.
      if (isTransient(failure)) throw failure
    }
  }

  async #asFault<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw storeFault(error)
    }
  }
}

function exact(quantity: number): number {
  return Math.min(quantity, Number.MAX_SAFE_INTEGER)
}
