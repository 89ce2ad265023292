import type { Awaitable } from '../base/awaitable.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { DiskCalls } from './disk-calls.ts'
import type { CachedFile } from './file-cache.ts'
import type { Folder } from './folder.ts'
import { SharedSync } from './shared-sync.ts'
import { storageFault, storageFaultOfErrno } from './storage-faults.ts'

/**
 * Up to this many bytes a read or write is done at once: on cached data that costs a third of a trip through the
 * thread pool (4 KiB: 9 against 25 us of CPU); at 1 MiB the two are equal, and holding the event loop is not.
 */
export const IMMEDIATE_IO_MAX_BYTES = 64 * 1024
/** Cutting off more than this frees so many extents that it is done in the thread pool. */
export const IMMEDIATE_CUT_MAX_BYTES = 64 * 1024 * 1024

/**
 * An open descriptor of one shadow file. `users` counts the operations in the thread pool: the descriptor is
 * closed only when there are none, so a number is never reused under a running call.
 */
export class ShadowFile implements CachedFile {
  readonly view: number
  readonly node: NodeId
  readonly path: string
  readonly folder: Folder
  readonly #disk: DiskCalls
  readonly #fd: number
  readonly #sharedSync: SharedSync
  #users = 0
  #dirty = true
  #closing = false
  #failed = false
  lastUse = 0

  constructor(
    disk: DiskCalls,
    fd: number,
    place: { view: number; node: NodeId; path: string; folder: Folder },
  ) {
    this.#disk = disk
    this.#fd = fd
    this.view = place.view
    this.node = place.node
    this.path = place.path
    this.folder = place.folder
    this.#sharedSync = new SharedSync(() => this.#syncData())
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  /** Written since the last sync began, or opened without knowing: then a sync has something to do. */
  get dirty(): boolean {
    return this.#dirty || this.#sharedSync.busy
  }

  get failed(): boolean {
    return this.#failed
  }

  read(offsetBytes: number, into: Uint8Array): Awaitable<number> {
    if (into.length > IMMEDIATE_IO_MAX_BYTES)
      return this.#whileUsed('read', this.#readLater(offsetBytes, into))
    let done = 0
    try {
      while (done < into.length) {
        const count = this.#disk.readNow(
          this.#fd,
          done === 0 ? into : into.subarray(done),
          offsetBytes + done,
        )
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw storageFaultOfErrno('read', this.path, error)
    }
    return done
  }

  write(offsetBytes: number, data: Uint8Array): Awaitable<void> {
    this.#dirty = true
    if (data.length > IMMEDIATE_IO_MAX_BYTES) {
      return this.#whileUsed('write', this.#writeLater(offsetBytes, data))
    }
    let done = 0
    try {
      while (done < data.length) {
        const rest = done === 0 ? data : data.subarray(done)
        done += this.#written(this.#disk.writeNow(this.#fd, rest, offsetBytes + done))
      }
    } catch (error) {
      throw storageFaultOfErrno('write', this.path, error)
    }
  }

  /** So long that cutting it to the size must not hold the event loop. */
  isLarge(cutToBytes = 0): boolean {
    return this.#disk.sizeBytes(this.#fd) - cutToBytes > IMMEDIATE_CUT_MAX_BYTES
  }

  truncate(sizeBytes: number): Awaitable<void> {
    this.#dirty = true
    try {
      if (this.isLarge(sizeBytes)) {
        return this.#whileUsed('truncate', this.#truncateLater(sizeBytes))
      }
      this.#disk.truncateNow(this.#fd, sizeBytes)
    } catch (error) {
      throw storageFaultOfErrno('truncate', this.path, error)
    }
  }

  /** Data and name on stable storage; both run to their end even if one fails, so the descriptor is free after. */
  async sync(): Promise<void> {
    this.#users += 1
    try {
      const outcomes = await Promise.allSettled([
        this.dirty ? this.#sharedSync.run() : undefined,
        this.folder.stable ? undefined : this.folder.stabilise(),
      ])
      for (const outcome of outcomes) {
        if (outcome.status !== 'rejected') continue
        // The kernel has marked the pages clean: asking this descriptor again would succeed over lost data.
        this.#failed = true
        throw outcome.reason
      }
    } finally {
      this.#release()
    }
  }

  /** Closes now, or when the last running call has come back. */
  close(): void {
    this.#closing = true
    if (this.#users === 0) this.#disk.close(this.#fd)
  }

  async #syncData(): Promise<void> {
    this.#dirty = false
    try {
      await this.#disk.syncData(this.#fd)
    } catch (error) {
      throw storageFaultOfErrno('sync', this.path, error)
    }
  }

  async #readLater(offsetBytes: number, into: Uint8Array): Promise<number> {
    let done = 0
    while (done < into.length) {
      const count = await this.#disk.read(this.#fd, into.subarray(done), offsetBytes + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  async #writeLater(offsetBytes: number, data: Uint8Array): Promise<void> {
    let done = 0
    while (done < data.length) {
      done += this.#written(await this.#disk.write(this.#fd, data.subarray(done), offsetBytes + done))
    }
    // A sync may have begun in between: it did not cover what came after it.
    this.#dirty = true
  }

  async #truncateLater(sizeBytes: number): Promise<void> {
    await this.#disk.truncate(this.#fd, sizeBytes)
    this.#dirty = true
  }

  /** A write that takes nothing and reports nothing would loop for ever. */
  #written(count: number): number {
    if (count === 0) throw storageFault('IO', 'write', this.path, 'the system wrote 0 bytes')
    return count
  }

  async #whileUsed<T>(what: string, work: Promise<T>): Promise<T> {
    this.#users += 1
    try {
      return await work
    } catch (error) {
      throw storageFaultOfErrno(what, this.path, error)
    } finally {
      this.#release()
    }
  }

  #release(): void {
    this.#users -= 1
    if (this.#users === 0 && this.#closing) this.#disk.close(this.#fd)
  }
}
