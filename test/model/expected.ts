import type { Caller, Stability } from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { type Look, lookAt, type ModelNode } from './model-node.ts'

/** Whose attributes an answer carries, and at which moment. */
export type Role = 'object' | 'object.before' | 'directory' | 'directory.before' | 'to' | 'to.before'

/** What the model says the answer to a call must be. */
export interface Expected {
  /** More than one only where several rules are broken at once and any may be named. */
  readonly statuses: readonly ('OK' | FsStatus)[]
  readonly looks: Partial<Record<Role, Look>>
  /** The object whose handle the answer carries. */
  readonly object?: ModelNode
  readonly data?: Uint8Array
  readonly eof?: boolean
  readonly target?: string
  readonly granted?: number
  /** Of a WRITE: what was asked, where. The server may do more. */
  readonly written?: { readonly node: ModelNode; readonly offsetBytes: number; readonly stability: Stability }
}

/** One call on the model: who asks, and the number that names what it makes. */
export interface Asking {
  readonly caller: Caller
  readonly callerIndex: number
  readonly id: number
}

/** Remembers how objects looked before a call, and gives both sides of wcc_data after it. */
export class Before {
  readonly #looks: Partial<Record<'object' | 'directory' | 'to', Look>> = {}

  constructor(nodes: {
    readonly object?: ModelNode
    readonly directory?: ModelNode
    readonly to?: ModelNode
  }) {
    for (const role of ['object', 'directory', 'to'] as const) {
      const node = nodes[role]
      if (node !== undefined) this.#looks[role] = lookAt(node)
    }
  }

  /** Before and after, as the nodes look now. */
  wcc(): Partial<Record<Role, Look>> {
    const looks: Partial<Record<Role, Look>> = {}
    for (const role of ['object', 'directory', 'to'] as const) {
      const before = this.#looks[role]
      if (before === undefined) continue
      looks[`${role}.before`] = before
      looks[role] = lookAt(before.node)
    }
    return looks
  }

  refuse(status: FsStatus | readonly FsStatus[]): Expected {
    return { statuses: typeof status === 'string' ? [status] : status, looks: this.wcc() }
  }

  succeed(rest: Partial<Expected> = {}): Expected {
    return { statuses: ['OK'], ...rest, looks: { ...this.wcc(), ...rest.looks } }
  }
}

/** An answer that carries the attributes of one object and no wcc_data. */
export function plain(
  role: 'object' | 'directory',
  node: ModelNode,
  status: 'OK' | FsStatus,
  rest: Partial<Expected> = {},
): Expected {
  return { statuses: [status], ...rest, looks: { [role]: lookAt(node), ...rest.looks } }
}

export const STALE: Expected = { statuses: ['STALE'], looks: {} }
