import { byteKey, ownBytes } from '../../base/bytes.ts'

/** Mounts that are remembered; at the limit the oldest is forgotten. */
export const MOUNT_LIST_MAX = 1024

export interface MountRecord {
  readonly address: string
  readonly path: Uint8Array
}

/**
 * Who has mounted what, for DUMP. Advice only (RFC 1813 section 5.2.2): clients that vanish never say so, and
 * nothing depends on it. Kept in memory.
 */
export class MountList {
  /** In the order of mounting. */
  readonly #records = new Map<string, MountRecord>()

  add(address: string, path: Uint8Array): void {
    const key = keyOf(address, path)
    this.#records.delete(key)
    this.#records.set(key, { address, path: ownBytes(path) })
    if (this.#records.size <= MOUNT_LIST_MAX) return
    const [oldest] = this.#records.keys()
    if (oldest !== undefined) this.#records.delete(oldest)
  }

  remove(address: string, path: Uint8Array): void {
    this.#records.delete(keyOf(address, path))
  }

  removeAll(address: string): void {
    for (const [key, record] of this.#records) if (record.address === address) this.#records.delete(key)
  }

  list(): MountRecord[] {
    return [...this.#records.values()]
  }
}

function keyOf(address: string, path: Uint8Array): string {
  return `${address} ${byteKey(path)}`
}
