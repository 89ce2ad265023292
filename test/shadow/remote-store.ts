import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NfsShadowStore, type NfsShadowStoreOptions } from '../../src/shadow/nfs-store.ts'
import { SHADOW_PROCEDURES } from '../../src/shadow/remote-answers.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import type { ShadowKey, ShadowStore } from '../../src/vfs/shadow-store.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { MemoryNfsServer, NfsProcedure } from '../nfsclient/memory-nfs-server.ts'

const QUICK = { waitMaxMs: 800, waitMinMs: 20, backOffMinMs: 5, backOffMaxMs: 20 }

export const key = (node: number, view = 1): ShadowKey => ({ view, node: node as NodeId })

export function storeOn(server: MemoryNfsServer, options: NfsShadowStoreOptions = {}): NfsShadowStore {
  const shadow = new NfsExport(parseNfsUrl(server.url), SHADOW_PROCEDURES, { limits: QUICK })
  return new NfsShadowStore(shadow, options)
}

/** What the store reads; of node 5 if nothing else is said. */
export async function readFrom(
  store: ShadowStore,
  countBytes: number,
  offsetBytes = 0,
  from = key(5),
): Promise<Uint8Array> {
  const into = new Uint8Array(countBytes).fill(0xee)
  return into.subarray(0, await store.read(from, offsetBytes, into))
}

/** What the server itself has, from the start of the file. */
export function serverHas(server: MemoryNfsServer, path: string, countBytes: number): Uint8Array {
  const object = server.object(path)!
  return object.content.read(0, Math.min(object.sizeBytes, countBytes))
}

export function failTimes(
  server: MemoryNfsServer,
  procedure: NfsProcedure,
  fault: FsStatus,
  times = 1,
): void {
  let left = times
  server.fault = (called) => (called === procedure && left-- > 0 ? fault : undefined)
}
