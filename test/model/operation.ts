import type { Timestamp } from '../../src/base/clock.ts'
import type { Caller, Stability } from '../../src/vfs/file-system.ts'
import type { Role } from './expected.ts'
import type { NodeRef } from './model-node.ts'
import { patternBytes } from './seeded-random.ts'

/** A name as a byte key: one character a byte, so that an operation can be printed and read back as JSON. */
export type Name = string

export interface Changes {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly sizeBytes?: number
  readonly atime?: 'server' | Timestamp
  readonly mtime?: 'server' | Timestamp
}

/** Bytes to write: patternBytes(pattern, lengthBytes). */
export interface Pattern {
  readonly pattern: number
  readonly lengthBytes: number
}

export function bytesOf(data: Pattern | Uint8Array): Uint8Array {
  return data instanceof Uint8Array ? data : patternBytes(data.pattern, data.lengthBytes)
}

export type How =
  | { readonly mode: 'unchecked' | 'guarded'; readonly changes: Changes }
  | { readonly mode: 'exclusive'; readonly verifier: string }

export type Special =
  | { readonly type: 'block' | 'character'; readonly rdevMajor: number; readonly rdevMinor: number }
  | { readonly type: 'socket' | 'fifo' }
  /** No special files: BADTYPE, over the wire. */
  | { readonly type: 'file' | 'directory' | 'symlink' }

/** A call of its own for each name, all with the same arguments. */
type Each<Do extends string, Args> = { [Name in Do]: { readonly do: Name } & Args }[Do]

/** One call of NFSv3, as plain data. */
export type Call =
  | Each<'getattr' | 'readlink' | 'fsstat' | 'fsinfo' | 'pathconf', { readonly node: NodeRef }>
  | {
      readonly do: 'setattr'
      readonly node: NodeRef
      readonly changes: Changes
      readonly guard: 'none' | 'right' | 'wrong'
    }
  | { readonly do: 'lookup'; readonly directory: NodeRef; readonly name: Name }
  | { readonly do: 'access'; readonly node: NodeRef; readonly wanted: number }
  | {
      readonly do: 'read'
      readonly node: NodeRef
      readonly offsetBytes: number
      readonly countBytes: number
    }
  | {
      readonly do: 'write'
      readonly node: NodeRef
      readonly offsetBytes: number
      /** A pattern in every operation that is written down; bytes when a client sends again after a crash. */
      readonly data: Pattern | Uint8Array
      readonly stability: Stability
    }
  | { readonly do: 'create'; readonly directory: NodeRef; readonly name: Name; readonly how: How }
  | { readonly do: 'mkdir'; readonly directory: NodeRef; readonly name: Name; readonly changes: Changes }
  | {
      readonly do: 'symlink'
      readonly directory: NodeRef
      readonly name: Name
      readonly target: string
      readonly changes: Changes
    }
  | {
      readonly do: 'mknod'
      readonly directory: NodeRef
      readonly name: Name
      readonly special: Special
      readonly changes: Changes
    }
  | Each<'remove' | 'rmdir', { readonly directory: NodeRef; readonly name: Name }>
  | {
      readonly do: 'rename'
      readonly directory: NodeRef
      readonly name: Name
      readonly toDirectory: NodeRef
      readonly toName: Name
    }
  | { readonly do: 'link'; readonly node: NodeRef; readonly directory: NodeRef; readonly name: Name }
  | {
      readonly do: 'commit'
      readonly node: NodeRef
      readonly offsetBytes: number
      readonly countBytes: number
    }

/** A whole listing in many calls of random size, with other operations between them. */
export interface List {
  readonly do: 'list'
  readonly directory: NodeRef
  readonly plus: boolean
  /** Taken in turn, the last one for ever: entries in process, kilobytes over the wire. */
  readonly pageSizes: readonly number[]
  readonly between: readonly Operation[]
}

/** Calls that are all under way at once and do not meet, or meet only in the bytes of one file beside each other. */
export interface Burst {
  readonly do: 'burst'
  readonly operations: readonly Operation[]
}

export interface Operation {
  /** Unique in a run; names what it makes ("n12"). */
  readonly id: number
  /** An index into CALLERS. */
  readonly caller: number
  readonly body: Call | List | Burst
  /** Attributes that depend on which of several calls at once came first. */
  readonly unsure?: readonly Role[]
}

export const ROOT_CALLER = 0
export const ROOT_GID = 0

/** Who asks: root, owners, members of groups by the main group and by a further one, strangers. */
export const CALLERS: readonly Caller[] = [
  { uid: 0, gid: ROOT_GID, gids: [], address: '127.0.0.1' },
  { uid: 1000, gid: 1000, gids: [2000], address: '127.0.0.1' },
  { uid: 1001, gid: 1001, gids: [100, 2000], address: '127.0.0.1' },
  {
    uid: 1002,
    gid: 2000,
    gids: Array.from({ length: 16 }, (_, index) => 3000 + index),
    address: '127.0.0.1',
  },
  { uid: 1003, gid: 100, gids: [], address: '127.0.0.1' },
]
