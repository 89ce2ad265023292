import type { NodeType } from '../vfs/attributes.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { FsStatus } from '../vfs/status.ts'

export interface RenameTarget {
  readonly node: NodeId
  readonly type: NodeType
  /** For a directory: nothing is in it. */
  readonly isEmpty: boolean
}

export interface RenameInput {
  readonly source: { readonly node: NodeId; readonly type: NodeType } | undefined
  readonly target: RenameTarget | undefined
  /** The target's directory is the source or lies below it. */
  readonly isBelowItself: boolean
  /** The source's directory is the target or lies below it. */
  readonly isAboveSource: boolean
  /** What the permissions say, when they say no. */
  readonly denied: FsStatus | undefined
}

export type RenamePlan =
  | { readonly do: 'refuse'; readonly status: FsStatus }
  /** Both names are the same object: POSIX says that nothing happens. */
  | { readonly do: 'nothing' }
  | { readonly do: 'move'; readonly replaces: boolean }

/** Decides, does not act (RFC 1813 section 3.3.14; the order of checks is the Linux server's). */
export function planRename(input: RenameInput): RenamePlan {
  const { source, target } = input
  if (source === undefined) return { do: 'refuse', status: 'NOENT' }
  if (input.isBelowItself) return { do: 'refuse', status: 'INVAL' }
  if (input.isAboveSource) return { do: 'refuse', status: 'NOTEMPTY' }
  if (target?.node === source.node) return { do: 'nothing' }
  if (input.denied !== undefined) return { do: 'refuse', status: input.denied }
  if (target === undefined) return { do: 'move', replaces: false }
  if (source.type === 'directory') {
    if (target.type !== 'directory') return { do: 'refuse', status: 'NOTDIR' }
    if (!target.isEmpty) return { do: 'refuse', status: 'NOTEMPTY' }
  } else if (target.type === 'directory') {
    return { do: 'refuse', status: 'ISDIR' }
  }
  return { do: 'move', replaces: true }
}
