import type { Attributes } from '../vfs/attributes.ts'
import type { Caller, FileName, NodeId } from '../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import { type FoundName, findName, prepareName } from './find-name.ts'
import type { Node } from './node.ts'
import { MAY_EXECUTE, MAY_WRITE, mayAccess } from './permissions.ts'
import type { View } from './view.ts'

export interface PreparedName {
  readonly directory: Node
  readonly attributes: Attributes
  readonly found: FoundName
  /** The object that is shown under the name, with its attributes. */
  readonly shown: { readonly node: Node; readonly attributes: Attributes } | undefined
}

interface PrepareFail {
  readonly attributes: Attributes | undefined
}

const TRIES = 8

/**
 * Brings a directory and what is under a name in it into memory. When it resolves all of it is current, and stays so
 * until the next `await`. Refuses what is no directory, or closed to the caller (search; `wanted` besides).
 */
export async function prepare(
  view: View,
  caller: Caller,
  id: NodeId,
  name: FileName,
  wanted: number,
): Promise<FsResult<PreparedName, PrepareFail>> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const directory = view.node(id)
    if (directory === undefined) return refuse('STALE', { attributes: undefined })
    const attributes = await view.attributes(directory)
    const status = refuseDirectory(caller, attributes, wanted)
    if (status !== undefined) return refuse(status, { attributes })
    await prepareName(view, directory, name)
    const target = shownId(findName(view, directory, name))
    if (target !== undefined) {
      const node = view.node(target)
      if (node !== undefined) await view.attributes(node)
    }
    const now = current(view, id, name)
    if (now !== undefined) return succeed(now)
  }
  return refuse('JUKEBOX', { attributes: undefined })
}

/** The same from memory, at once; undefined when something is not there (any more). */
export function current(view: View, id: NodeId, name: FileName): PreparedName | undefined {
  const directory = view.node(id)
  if (directory === undefined || directory.delta === undefined) return undefined
  const attributes = view.attributesAtHand(directory)
  const found = findName(view, directory, name)
  if (attributes === undefined || found === undefined) return undefined
  const target = shownId(found)
  if (target === undefined) return { directory, attributes, found, shown: undefined }
  const node = view.node(target)
  if (node === undefined) throw view.damage(directory, `a name in it shows node ${target}, which is gone`)
  const shown = view.attributesAtHand(node)
  return shown === undefined
    ? undefined
    : { directory, attributes, found, shown: { node, attributes: shown } }
}

export function refuseDirectory(
  caller: Caller,
  attributes: Attributes,
  wanted: number,
): FsStatus | undefined {
  if (attributes.type !== 'directory') return 'NOTDIR'
  return mayAccess(caller, attributes, wanted | MAY_EXECUTE) ? undefined : 'ACCES'
}

export function mayChange(caller: Caller, directory: Attributes): boolean {
  return mayAccess(caller, directory, MAY_WRITE | MAY_EXECUTE)
}

function shownId(found: FoundName | undefined): NodeId | undefined {
  return found?.in === 'upper' || found?.in === 'lower' ? found.node : undefined
}
