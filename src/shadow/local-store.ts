import { constants, statfsSync } from 'node:fs'
import { opendir, rmdir, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Awaitable } from '../base/awaitable.ts'
import type { NodeId, SpaceUsage } from '../vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../vfs/shadow-store.ts'
import { type DiskCalls, systemDisk } from './disk-calls.ts'
import { FileCache } from './file-cache.ts'
import { Folder, makeRoot } from './folder.ts'
import { ShadowFile } from './shadow-file.ts'
import {
  BUCKETS_PER_VIEW,
  bucketName,
  bucketOfNode,
  fileName,
  nodeOfFileName,
  viewFolderName,
} from './shadow-layout.ts'
import { isErrno, storageFault, storageFaultOfErrno } from './storage-faults.ts'

const OPEN_EXISTING = constants.O_RDWR | constants.O_NOFOLLOW
const OPEN_OR_MAKE = OPEN_EXISTING | constants.O_CREAT
const FILE_MODE = 0o600
/** Descriptors kept open. */
export const OPEN_FILES_MAX = 256
/** Files taken away at a time when a view is removed, so that other work gets its turn in the thread pool. */
const REMOVE_BATCH_FILES = 64

interface ViewFolder {
  readonly folder: Folder
  readonly buckets: Map<number, Folder>
}

/**
 * Shadow files in a local directory (layout: docs/formats/shadow-store.md). Calls on one file are not put in order
 * here: a caller that lets a large (threaded) write run while it touches the same range gets either.
 */
export class LocalShadowStore implements ShadowStore {
  readonly name: string
  readonly #disk: DiskCalls
  readonly #files: FileCache<ShadowFile>
  readonly #views = new Map<number, ViewFolder>()
  #root: Folder | undefined

  constructor(directory: string, options: { disk?: DiskCalls; openFilesMax?: number } = {}) {
    this.name = resolve(directory)
    this.#disk = options.disk ?? systemDisk
    this.#files = new FileCache<ShadowFile>(options.openFilesMax ?? OPEN_FILES_MAX)
  }

  read(key: ShadowKey, offsetBytes: number, into: Uint8Array): Awaitable<number> {
    return this.#existing(key)?.read(offsetBytes, into) ?? 0
  }

  write(key: ShadowKey, offsetBytes: number, data: Uint8Array): Awaitable<void> {
    const file = this.#files.find(key)
    if (file !== undefined) return file.write(offsetBytes, data)
    const room = this.#files.whenRoom()
    if (room !== undefined) return room.then(() => this.write(key, offsetBytes, data))
    return this.#made(key).write(offsetBytes, data)
  }

  truncate(key: ShadowKey, sizeBytes: number): Awaitable<void> {
    return this.#existing(key)?.truncate(sizeBytes)
  }

  async sync(key: ShadowKey): Promise<void> {
    const failure = this.#files.takeFailure(key)
    if (failure !== undefined) throw failure
    const file = this.#existing(key)
    if (file === undefined) return
    try {
      if (file.dirty || !file.folder.stable) await file.sync()
    } catch (error) {
      if (file.failed) this.#files.drop(file)
      throw error
    }
  }

  remove(key: ShadowKey): Awaitable<void> {
    this.#files.takeFailure(key)
    const file = this.#existing(key)
    if (file === undefined) return
    try {
      this.#disk.unlinkNow(file.path)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw storageFaultOfErrno('remove', file.path, error)
    }
    // The name went at once because the file is open; the blocks of a large one go in the thread pool.
    const freed = file.isLarge() ? file.truncate(0) : undefined
    this.#files.drop(file)
    return freed
  }

  async *list(view: number): AsyncIterable<NodeId> {
    const path = this.#viewFolder(view, false)?.folder.path
    if (path === undefined) return
    for (let bucket = 0; bucket < BUCKETS_PER_VIEW; bucket += 1) {
      const folder = new Folder(this.#disk, join(path, bucketName(bucket)), undefined)
      if (!folder.check()) continue
      for await (const name of namesIn(folder.path)) {
        const node = nodeOfFileName(name, bucket)
        if (node !== undefined) yield node
      }
    }
  }

  async removeView(view: number): Promise<void> {
    this.#files.dropView(view)
    const path = this.#viewFolder(view, false)?.folder.path
    this.#views.delete(view)
    if (path === undefined) return
    for (let bucket = 0; bucket < BUCKETS_PER_VIEW; bucket += 1) {
      await removeFolder(new Folder(this.#disk, join(path, bucketName(bucket)), undefined))
    }
    await removeFolder(new Folder(this.#disk, path, undefined))
  }

  space(): SpaceUsage {
    let path = this.name
    for (;;) {
      try {
        return spaceAt(path)
      } catch (error) {
        // Nothing was written yet, so the folder is not there: its space is that of the folder it will be made in.
        if (!isErrno(error, 'ENOENT') || dirname(path) === path) {
          throw storageFaultOfErrno('ask for the space of', path, error)
        }
        path = dirname(path)
      }
    }
  }

  async close(): Promise<void> {
    await this.#files.close()
  }

  #existing(key: ShadowKey): ShadowFile | undefined {
    const file = this.#files.find(key)
    if (file !== undefined) return file
    const folder = this.#bucket(key, false)
    if (folder === undefined) return undefined
    const path = join(folder.path, fileName(key.node))
    try {
      return this.#opened(key, folder, path, this.#disk.open(path, OPEN_EXISTING, 0))
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw storageFaultOfErrno('open', path, error)
    }
  }

  #made(key: ShadowKey): ShadowFile {
    const existing = this.#existing(key)
    if (existing !== undefined) return existing
    const folder = this.#bucket(key, true)
    const path = join(folder.path, fileName(key.node))
    try {
      const fd = this.#disk.open(path, OPEN_OR_MAKE, FILE_MODE)
      folder.noteNewName()
      return this.#opened(key, folder, path, fd)
    } catch (error) {
      throw storageFaultOfErrno('make', path, error)
    }
  }

  #opened(key: ShadowKey, folder: Folder, path: string, fd: number): ShadowFile {
    if (!this.#disk.isFile(fd)) {
      this.#disk.close(fd)
      throw storageFault('IO', 'use', path, 'not a regular file')
    }
    const file = new ShadowFile(this.#disk, fd, { view: key.view, node: key.node, path, folder })
    this.#files.add(file)
    return file
  }

  #bucket(key: ShadowKey, make: true): Folder
  #bucket(key: ShadowKey, make: boolean): Folder | undefined
  #bucket(key: ShadowKey, make: boolean): Folder | undefined {
    const view = this.#viewFolder(key.view, make)
    if (view === undefined) return undefined
    const bucket = bucketOfNode(key.node)
    const known = view.buckets.get(bucket)
    if (known !== undefined) return known
    const folder = new Folder(this.#disk, join(view.folder.path, bucketName(bucket)), view.folder)
    if (make) folder.make()
    else if (!folder.check()) return undefined
    view.buckets.set(bucket, folder)
    return folder
  }

  #viewFolder(view: number, make: boolean): ViewFolder | undefined {
    const known = this.#views.get(view)
    if (known !== undefined) return known
    this.#root ??= this.#rootFolder(make)
    if (this.#root === undefined) return undefined
    const folder = new Folder(this.#disk, join(this.#root.path, viewFolderName(view)), this.#root)
    if (make) folder.make()
    else if (!folder.check()) return undefined
    const made = { folder, buckets: new Map<number, Folder>() }
    this.#views.set(view, made)
    return made
  }

  #rootFolder(make: boolean): Folder | undefined {
    return make || isThere(this.name) ? makeRoot(this.#disk, this.name) : undefined
  }
}

function isThere(path: string): boolean {
  try {
    statfsSync(path)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw storageFaultOfErrno('open', path, error)
  }
}

function spaceAt(path: string): SpaceUsage {
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path)
  return {
    totalBytes: blocks * bsize,
    freeBytes: bfree * bsize,
    availableBytes: bavail * bsize,
    totalFiles: files,
    freeFiles: ffree,
    availableFiles: ffree,
  }
}

/** Nothing if there is no such folder. */
async function* namesIn(path: string): AsyncIterable<string> {
  try {
    for await (const entry of await opendir(path)) yield entry.name
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw storageFaultOfErrno('list', path, error)
  }
}

async function removeFolder(folder: Folder): Promise<void> {
  if (!folder.check()) return
  try {
    let names: string[] = []
    for await (const name of namesIn(folder.path)) {
      names.push(name)
      if (names.length < REMOVE_BATCH_FILES) continue
      await removeNames(folder.path, names)
      names = []
    }
    await removeNames(folder.path, names)
    await rmdir(folder.path)
  } catch (error) {
    throw storageFaultOfErrno('remove', folder.path, error)
  }
}

async function removeNames(path: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => unlink(join(path, name))))
}
