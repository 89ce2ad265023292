import { assert } from '../base/assert.ts'
import { byteKey, ownBytes } from '../base/bytes.ts'
import type { Caller, FileSystem } from '../vfs/file-system.ts'
import { AllowList, LOOPBACK_ONLY } from './allow-list.ts'

/** Whose identity is taken away: nobody's, root's, everybody's. */
export type Squash = 'none' | 'root' | 'all'

/** "nobody" on Linux. */
export const ANONYMOUS_ID = 65534
/** Ports that only a privileged process can send from (IPPORT_RESERVED). */
const PRIVILEGED_PORT_LIMIT = 1024

export interface ExportSettings {
  /** "/NAME": bytes, as MNT sends them. */
  readonly path: Uint8Array
  /** The number in the handles: 1 to 2^32 - 1. */
  readonly view: number
  readonly fileSystem: FileSystem
  /** CIDR notation; default LOOPBACK_ONLY. */
  readonly allow?: readonly string[]
  readonly squash?: Squash
  readonly anonUid?: number
  readonly anonGid?: number
  readonly readOnly?: boolean
  readonly requirePrivilegedPort?: boolean
}

/** Who sent a call, before squashing. */
export interface Sender {
  readonly address: string
  readonly port: number
}

/** The identity of AUTH_SYS (RFC 5531 appendix A). */
export interface SenderIdentity {
  readonly uid: number
  readonly gid: number
  readonly gids: readonly number[]
}

/** One file system as clients may see it: who may, and as whom. */
export class Export {
  readonly path: Uint8Array
  readonly view: number
  readonly fileSystem: FileSystem
  readonly allow: AllowList
  /** False: mutations are answered ROFS without asking the file system. */
  readonly writable: boolean
  readonly #squash: Squash
  readonly #anonUid: number
  readonly #anonGid: number
  readonly #requirePrivilegedPort: boolean

  constructor(settings: ExportSettings) {
    assert(settings.path[0] === SLASH && settings.path.length > 1, 'an export is called "/NAME"')
    this.path = ownBytes(settings.path)
    this.view = settings.view
    this.fileSystem = settings.fileSystem
    this.allow = new AllowList(settings.allow ?? LOOPBACK_ONLY)
    this.writable = settings.fileSystem.writable && settings.readOnly !== true
    this.#squash = settings.squash ?? 'none'
    this.#anonUid = settings.anonUid ?? ANONYMOUS_ID
    this.#anonGid = settings.anonGid ?? ANONYMOUS_ID
    this.#requirePrivilegedPort = settings.requirePrivilegedPort ?? false
  }

  /** May this client use the export at all? Asked at MNT and again at every call: handles can be passed on. */
  admits(sender: Sender): boolean {
    if (this.#requirePrivilegedPort && sender.port >= PRIVILEGED_PORT_LIMIT) return false
    return this.allow.allows(sender.address)
  }

  /** `identity` undefined: AUTH_NONE, so nobody. */
  callerFor(sender: Sender, identity: SenderIdentity | undefined): Caller {
    const address = sender.address
    if (identity === undefined || this.#squash === 'all') {
      return { uid: this.#anonUid, gid: this.#anonGid, gids: [], address }
    }
    const { uid, gid, gids } = identity
    if (this.#squash === 'none') return { uid, gid, gids, address }
    // As Linux does for root_squash: uid, gid and every group on its own.
    return {
      uid: uid === 0 ? this.#anonUid : uid,
      gid: gid === 0 ? this.#anonGid : gid,
      gids: gids.includes(0) ? gids.map((each) => (each === 0 ? this.#anonGid : each)) : gids,
      address,
    }
  }
}

const SLASH = 0x2f

/** What is exported now. Exports come and go while clients are connected. */
export class ExportTable {
  readonly #byView = new Map<number, Export>()
  readonly #byPath = new Map<string, Export>()

  add(settings: ExportSettings): Export {
    const added = new Export(settings)
    assert(!this.#byView.has(added.view), `view ${added.view} is exported already`)
    assert(!this.#byPath.has(byteKey(added.path)), 'the path is exported already')
    this.#byView.set(added.view, added)
    this.#byPath.set(byteKey(added.path), added)
    return added
  }

  /** Handles of the view are STALE from now on. */
  remove(view: number): void {
    const found = this.#byView.get(view)
    if (found === undefined) return
    this.#byView.delete(view)
    this.#byPath.delete(byteKey(found.path))
  }

  byView(view: number): Export | undefined {
    return this.#byView.get(view)
  }

  /** `path` exactly as exported. */
  byPath(path: Uint8Array): Export | undefined {
    return this.#byPath.get(byteKey(path))
  }

  list(): Export[] {
    return [...this.#byView.values()]
  }
}
