import { ownBytes, sameBytes } from '../base/bytes.ts'
import { readRange } from '../nfsclient/read-range.ts'
import { DamageError } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { FsResult } from '../vfs/result.ts'
import type { CachedFile } from './file-cache.ts'
import {
  granted,
  isStale,
  isTransient,
  type MountedShadow,
  refused,
  type ShadowClient,
} from './remote-answers.ts'
import { SharedSync } from './shared-sync.ts'
import { storageFault } from './storage-faults.ts'
import { type UncommittedPiece, type UncommittedWrite, UncommittedWrites } from './uncommitted-writes.ts'

/** WRITEs of one request, or of one resend, under way at a time. */
export const WRITES_IN_FLIGHT_MAX = 8
/** Times that a server may be restarted during one sync before the sync is given up. */
export const SYNC_ROUNDS_MAX = 8
/** A COMMIT writes to the server's disk: while the server lives, it may take so long. */
const COMMIT_WAIT_MAX_MS = 60_000

/** Bytes kept for resending, of all files of a store together. */
export interface UncommittedTotal {
  bytes: number
}

/**
 * One file of an NFS shadow store. Writes are UNSTABLE; their bytes are kept until a COMMIT has confirmed them, which it
 * does only with the verifier that the WRITE was answered with (RFC 1813 sections 3.3.7 and 3.3.21). What a restarted
 * server has forgotten is written again before a sync succeeds, and reads see it all the time.
 *
 * While bytes are written again no new write or cut is begun, so that old bytes cannot overtake new ones.
 */
export class RemoteFile implements CachedFile {
  readonly view: number
  readonly node: NodeId
  lastUse = 0
  readonly #name: string
  readonly #mounted: MountedShadow
  readonly #findAgain: () => Promise<Uint8Array | undefined>
  readonly #total: UncommittedTotal
  readonly #uncommitted = new UncommittedWrites()
  readonly #sharedSync = new SharedSync(() => this.#commit())
  #handle: Uint8Array
  #finding: Promise<void> | undefined
  /** Answers so far; the order in which COMMITs cover WRITEs. */
  #answers = 0
  #resending: Promise<unknown> | undefined
  #resends = 0
  #users = 0
  #countedBytes = 0
  /** A write over uncommitted bytes failed, so neither the old nor the new are known to be there. */
  #broken: unknown
  #failed = false
  #closed = false

  constructor(
    mounted: MountedShadow,
    place: {
      readonly view: number
      readonly node: NodeId
      readonly name: string
      readonly handle: Uint8Array
    },
    findAgain: () => Promise<Uint8Array | undefined>,
    total: UncommittedTotal,
  ) {
    this.#mounted = mounted
    this.view = place.view
    this.node = place.node
    this.#name = place.name
    this.#handle = place.handle
    this.#findAgain = findAgain
    this.#total = total
  }

  get inUse(): boolean {
    return this.#users > 0
  }

  get dirty(): boolean {
    return !this.#uncommitted.isEmpty || this.#broken !== undefined
  }

  get failed(): boolean {
    return this.#failed
  }

  get closed(): boolean {
    return this.#closed
  }

  get uncommittedBytes(): number {
    return this.#uncommitted.bytes
  }

  get syncing(): boolean {
    return this.#sharedSync.busy
  }

  read(offsetBytes: number, into: Uint8Array): Promise<number> {
    return this.#whileUsed(async () => {
      for (;;) {
        await this.#resending
        if (this.#uncommitted.covers(offsetBytes, into.length)) {
          return this.#uncommitted.overlay(offsetBytes, into, 0)
        }
        const resends = this.#resends
        const result = await this.#withHandle((client, handle) =>
          readRange(client, this.#mounted.limits.readBytes, handle, offsetBytes, into),
        )
        const { countBytes } = granted(result, 'read', this.#name)
        // Read before bytes were written again, and those may be confirmed (and forgotten here) by now.
        if (resends !== this.#resends) continue
        return this.#uncommitted.overlay(offsetBytes, into, countBytes)
      }
    })
  }

  write(offsetBytes: number, data: Uint8Array): Promise<void> {
    return this.#whileUsed(async () => {
      await this.#resending
      const { writeBytes } = this.#mounted.limits
      const pieces: UncommittedPiece[] = []
      for (let at = 0; at < data.length; at += writeBytes) {
        const part = ownBytes(data.subarray(at, at + writeBytes))
        pieces.push({
          offsetBytes: offsetBytes + at,
          data: part,
          write: { verifier: undefined, answered: 0 },
        })
      }
      const displaced = pieces.map((piece) =>
        this.#uncommitted.add(piece.offsetBytes, piece.data, piece.write),
      )
      this.#count()
      try {
        await eachInFlight(pieces, (piece) => this.#send(piece, piece.write))
      } catch (error) {
        for (const { write } of pieces) this.#uncommitted.forget(write)
        if (displaced.includes(true)) this.#broken = error
        throw error
      } finally {
        this.#count()
      }
    })
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#whileUsed(async () => {
      await this.#resending
      const displaced = this.#uncommitted.cut(sizeBytes)
      this.#count()
      const unchanged = {
        mode: undefined,
        uid: undefined,
        gid: undefined,
        atime: undefined,
        mtime: undefined,
      }
      try {
        const result = await this.#withHandle((client, object) =>
          client.call('SETATTR', {
            object,
            new_attributes: { ...unchanged, size: sizeBytes },
            guard: undefined,
          }),
        )
        granted(result, 'truncate', this.#name)
      } catch (error) {
        if (displaced) this.#broken = error
        throw error
      }
    })
  }

  sync(): Promise<void> {
    return this.#whileUsed(() => this.#sharedSync.run())
  }

  close(): void {
    this.#closed = true
    this.#uncommitted.clear()
    this.#count()
  }

  async #commit(): Promise<void> {
    try {
      if (this.#broken !== undefined) throw this.#broken
      for (let round = 0; round < SYNC_ROUNDS_MAX; round += 1) {
        if (await this.#commitOnce()) return
      }
      throw storageFault(
        'IO',
        'sync',
        this.#name,
        `the server was restarted ${SYNC_ROUNDS_MAX} times meanwhile`,
      )
    } catch (error) {
      // Transient: everything that is needed to try again is still here.
      if (this.#broken !== undefined || !isTransient(error)) this.#failed = true
      throw error
    } finally {
      this.#count()
    }
  }

  /** True when all that had been answered before is stable; false when some had to be written again. */
  async #commitOnce(): Promise<boolean> {
    if (!this.#uncommitted.hasAnswered()) return true
    const answered = this.#answers
    const result = await this.#withHandle((client, file) =>
      client.call('COMMIT', { file, offset: 0, count: 0 }, { waitMaxMs: COMMIT_WAIT_MAX_MS }),
    )
    const { verf } = granted(result, 'sync', this.#name)
    this.#uncommitted.committed(answered, verf)
    this.#count()
    const lost = this.#uncommitted.lost(answered, verf)
    if (lost.length === 0) return true
    this.#resends += 1
    const resending = eachInFlight(lost, (piece) => this.#resend(piece))
    // Those who wait for the end of it are not concerned by its failure.
    this.#resending = resending.catch(() => undefined)
    try {
      await resending
    } finally {
      this.#resending = undefined
    }
    return false
  }

  async #resend(piece: UncommittedPiece): Promise<void> {
    if (this.#closed) return
    // Its own record: other pieces of the same write are not written again by this.
    const write: UncommittedWrite = { verifier: undefined, answered: 0 }
    this.#uncommitted.add(piece.offsetBytes, piece.data, write)
    try {
      await this.#send(piece, write)
    } catch (error) {
      // Answered without a verifier: still lost, and written again by the next sync.
      this.#answers += 1
      write.answered = this.#answers
      throw error
    }
  }

  /** WRITEs all of a piece, and notes in `write` how that was answered; the server may take it in parts. */
  async #send(piece: UncommittedPiece, write: UncommittedWrite): Promise<void> {
    let doneBytes = 0
    let stable = true
    let verifier: Uint8Array | undefined
    let sameServer = true
    while (doneBytes < piece.data.length) {
      const data = doneBytes === 0 ? piece.data : piece.data.subarray(doneBytes)
      const offset = piece.offsetBytes + doneBytes
      const result = await this.#withHandle((client, file) =>
        client.call('WRITE', { file, offset, count: data.length, stable: 'UNSTABLE', data }),
      )
      const { count, committed, verf } = granted(result, 'write', this.#name)
      if (count === 0 || count > data.length) {
        throw storageFault(
          'IO',
          'write',
          this.#name,
          `the server says it wrote ${count} of ${data.length} bytes`,
        )
      }
      doneBytes += count
      if (committed === 'UNSTABLE') stable = false
      if (verifier !== undefined && !sameBytes(verifier, verf)) sameServer = false
      verifier ??= verf
    }
    if (stable) {
      this.#uncommitted.forget(write)
      return
    }
    this.#answers += 1
    write.answered = this.#answers
    write.verifier = sameServer ? verifier : undefined
  }

  /** Calls with the file's handle; when the server does not know it any more, finds the file again by its name. */
  async #withHandle<T>(
    use: (client: ShadowClient, handle: Uint8Array) => Promise<FsResult<T, unknown>>,
  ): Promise<FsResult<T, unknown>> {
    const { client } = this.#mounted
    const handle = this.#handle
    const result = await use(client, handle)
    if (!isStale(result)) return result
    if (handle === this.#handle) {
      this.#finding ??= this.#find().finally(() => {
        this.#finding = undefined
      })
      await this.#finding
    }
    const again = await use(client, this.#handle)
    if (isStale(again)) throw refused('STALE', 'use', this.#name)
    return again
  }

  async #find(): Promise<void> {
    const handle = await this.#findAgain()
    // To make it anew would show zeros where there was data.
    if (handle === undefined) throw new DamageError(`shadow ${this.#name}`, 'the server has it no more')
    this.#handle = handle
    this.#uncommitted.distrustAll()
  }

  #count(): void {
    const { bytes } = this.#uncommitted
    this.#total.bytes += bytes - this.#countedBytes
    this.#countedBytes = bytes
  }

  async #whileUsed<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1
    try {
      return await work()
    } finally {
      this.#users -= 1
    }
  }
}

/** Runs the work on every item, some at a time; after a failure no more is begun, and what runs is waited for. */
async function eachInFlight<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const worker = async () => {
    while (next < items.length && failure === undefined) {
      const item = items[next]!
      next += 1
      try {
        await work(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(items.length, WRITES_IN_FLIGHT_MAX) }, worker))
  if (failure !== undefined) throw failure.error
}
