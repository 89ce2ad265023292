import { closeSync } from 'node:fs'
import type { NodeId } from '../vfs/file-system.ts'

/** An open descriptor of one object. */
export interface Descriptor {
  readonly fd: number
  readonly node: NodeId
  /** "/proc/self/fd/N/": what is put before a name to reach it from here and from nowhere else. */
  readonly prefix: Uint8Array
  /** When the object was last seen under its name (Clock.monotonicMs). */
  checkedMs: number
  /** Calls on the thread pool that use it now. */
  pins: number
  /** Out of the cache: closed as soon as nothing uses it. */
  retired: boolean
}

/**
 * Descriptors kept open, the least recently used are closed first. One that is pinned stays open until it is
 * unpinned: its number must not come to mean another file under a call that runs.
 */
export class DescriptorCache {
  readonly #byNode = new Map<NodeId, Descriptor>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#byNode.size
  }

  get(node: NodeId): Descriptor | undefined {
    const found = this.#byNode.get(node)
    if (found !== undefined) {
      // A Map keeps the order of insertion: to the end, as the most recently used.
      this.#byNode.delete(node)
      this.#byNode.set(node, found)
    }
    return found
  }

  add(node: NodeId, fd: number, checkedMs: number): Descriptor {
    this.drop(node)
    const added = descriptorOf(node, fd, checkedMs)
    this.#byNode.set(node, added)
    if (this.#byNode.size > this.#max) {
      const oldest = this.#byNode.keys().next().value
      if (oldest !== undefined) this.drop(oldest)
    }
    return added
  }

  drop(node: NodeId): void {
    const found = this.#byNode.get(node)
    if (found === undefined) return
    this.#byNode.delete(node)
    retire(found)
  }

  dropAll(): void {
    for (const node of [...this.#byNode.keys()]) this.drop(node)
  }
}

export function descriptorOf(node: NodeId, fd: number, checkedMs: number): Descriptor {
  return { fd, node, prefix: Buffer.from(`/proc/self/fd/${fd}/`), checkedMs, pins: 0, retired: false }
}

export function pin(descriptor: Descriptor): void {
  descriptor.pins += 1
}

export function unpin(descriptor: Descriptor): void {
  descriptor.pins -= 1
  if (descriptor.retired && descriptor.pins === 0) closeSync(descriptor.fd)
}

/** Closes it now, or when its last user is done. */
export function retire(descriptor: Descriptor): void {
  descriptor.retired = true
  if (descriptor.pins === 0) closeSync(descriptor.fd)
}

/** The path of one name below an open directory. Precondition: the name is one component, checked by isFileName. */
export function pathBelow(directory: Descriptor, name: Uint8Array): Buffer {
  const path = Buffer.allocUnsafe(directory.prefix.length + name.length)
  path.set(directory.prefix)
  path.set(name, directory.prefix.length)
  return path
}
