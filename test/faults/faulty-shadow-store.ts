import type { Awaitable } from '../../src/base/awaitable.ts'
import type { NodeId, SpaceUsage } from '../../src/vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../../src/vfs/shadow-store.ts'

export type ShadowCall = 'read' | 'write' | 'truncate' | 'sync' | 'remove'

/** A shadow store around another one, with knobs: what a call throws, before or after it took effect. */
export class FaultyShadowStore implements ShadowStore {
  readonly #inner: ShadowStore
  /** Throw from here to make the call fail. */
  before: (call: ShadowCall) => void = () => {}
  after: (call: ShadowCall) => void = () => {}
  readonly calls: Record<ShadowCall, number> = { read: 0, write: 0, truncate: 0, sync: 0, remove: 0 }

  constructor(inner: ShadowStore) {
    this.#inner = inner
  }

  get name(): string {
    return this.#inner.name
  }

  #run<T>(call: ShadowCall, work: () => T): T {
    this.calls[call] += 1
    this.before(call)
    const result = work()
    this.after(call)
    return result
  }

  read(key: ShadowKey, offsetBytes: number, into: Uint8Array): Awaitable<number> {
    return this.#run('read', () => this.#inner.read(key, offsetBytes, into))
  }

  write(key: ShadowKey, offsetBytes: number, data: Uint8Array): Awaitable<void> {
    return this.#run('write', () => this.#inner.write(key, offsetBytes, data))
  }

  truncate(key: ShadowKey, sizeBytes: number): Awaitable<void> {
    return this.#run('truncate', () => this.#inner.truncate(key, sizeBytes))
  }

  async sync(key: ShadowKey): Promise<void> {
    return this.#run('sync', () => this.#inner.sync(key))
  }

  remove(key: ShadowKey): Awaitable<void> {
    return this.#run('remove', () => this.#inner.remove(key))
  }

  list(view: number): AsyncIterable<NodeId> {
    return this.#inner.list(view)
  }

  removeView(view: number): Promise<void> {
    return this.#inner.removeView(view)
  }

  space(): Awaitable<SpaceUsage> {
    return this.#inner.space()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
