import { constants, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DiskCalls } from './disk-calls.ts'
import { SharedSync } from './shared-sync.ts'
import { isErrno, storageFault, storageFaultOfErrno } from './storage-faults.ts'

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/**
 * A folder of the local store. A new name in it is stable only after a sync of the folder itself, and of the
 * folders above it when they were newly made. The state starts as "changed": a process before us may have made
 * names and died before it synced them.
 */
export class Folder {
  readonly path: string
  readonly #disk: DiskCalls
  readonly #parent: Folder | undefined
  readonly #sharedSync: SharedSync
  #namesChanged = true

  constructor(disk: DiskCalls, path: string, parent: Folder | undefined) {
    this.#disk = disk
    this.path = path
    this.#parent = parent
    this.#sharedSync = new SharedSync(() => this.#syncNames())
  }

  get stable(): boolean {
    if (this.#namesChanged || this.#sharedSync.busy) return false
    return this.#parent === undefined || this.#parent.stable
  }

  noteNewName(): void {
    this.#namesChanged = true
  }

  /** Makes the folder if it is missing; refuses anything else of that name, symbolic links above all. */
  make(): void {
    try {
      this.#disk.makeFolder(this.path)
      this.#parent?.noteNewName()
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw storageFaultOfErrno('make', this.path, error)
    }
    this.check()
  }

  /** False if there is no such folder. Throws if it is not a folder of ours but, for instance, a symbolic link. */
  check(): boolean {
    try {
      this.#disk.close(this.#disk.open(this.path, OPEN_FOLDER, 0))
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false
      if (isErrno(error, 'ELOOP') || isErrno(error, 'ENOTDIR')) {
        throw storageFault('IO', 'use', this.path, 'not a folder (a symbolic link is never followed)', error)
      }
      throw storageFaultOfErrno('open', this.path, error)
    }
  }

  /** Precondition of "stable" for every name in it: this folder and those above it are on disk. */
  async stabilise(): Promise<void> {
    await this.#parent?.stabilise()
    if (this.#namesChanged || this.#sharedSync.busy) await this.#sharedSync.run()
  }

  async #syncNames(): Promise<void> {
    this.#namesChanged = false
    let fd: number | undefined
    try {
      fd = this.#disk.open(this.path, OPEN_FOLDER, 0)
      await this.#disk.sync(fd)
    } catch (error) {
      this.#namesChanged = true
      throw storageFaultOfErrno('sync', this.path, error)
    } finally {
      if (fd !== undefined) this.#disk.close(fd)
    }
  }
}

/**
 * The store's own folder, made with what is missing above it (mkdir -p). This one may be a symbolic link: it is the
 * operator's word. Its parents are there only to be synced when we made a name in them.
 */
export function makeRoot(disk: DiskCalls, path: string): Folder {
  const above = dirname(path)
  try {
    disk.makeFolder(path)
    return new Folder(disk, path, new Folder(disk, realpathSync(above), undefined))
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return new Folder(disk, realpathSync(path), undefined)
    if (!isErrno(error, 'ENOENT') || above === path) throw storageFaultOfErrno('make', path, error)
  }
  const root = new Folder(disk, path, makeRoot(disk, above))
  root.make()
  return root
}
