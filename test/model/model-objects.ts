import { MAX_FILE_SIZE_BYTES, MODE_MASK, MODE_SETGID } from '../../src/vfs/attributes.ts'
import type { Caller, Stability } from '../../src/vfs/file-system.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { type Asking, Before, type Expected, plain } from './expected.ts'
import type { ModelNode } from './model-node.ts'
import {
  changeRefusals,
  grantedAccess,
  isMember,
  mayReadData,
  mayWriteData,
  withoutPrivileges,
} from './model-permissions.ts'
import { ModelTime } from './model-time.ts'
import type { Changes } from './operation.ts'
import { UnstableWrites } from './unstable-writes.ts'

/** The calls of the model that take an object: every rule of POSIX and RFC 1813 that rowfs promises, in order. */

export function access(asking: Asking, node: ModelNode, wanted: number): Expected {
  return plain('object', node, 'OK', { granted: grantedAccess(asking.caller, node) & wanted })
}

export function readlink(node: ModelNode): Expected {
  if (node.type !== 'symlink') return plain('object', node, 'INVAL')
  return plain('object', node, 'OK', { target: node.target })
}

export function read(asking: Asking, node: ModelNode, offsetBytes: number, countBytes: number): Expected {
  const refusal = notAFile(node)
  if (refusal !== undefined) return plain('object', node, refusal)
  if (!mayReadData(asking.caller, node)) return plain('object', node, 'ACCES')
  const count = Math.max(0, Math.min(countBytes, node.sizeBytes - offsetBytes))
  const eof = offsetBytes + count >= node.sizeBytes
  return plain('object', node, 'OK', { data: node.content.read(offsetBytes, count), eof })
}

export function setattr(
  asking: Asking,
  node: ModelNode,
  changes: Changes,
  guard: 'none' | 'right' | 'wrong',
): Expected {
  const before = new Before({ object: node })
  const refusals = changeRefusals(asking.caller, node, changes)
  if ((changes.sizeBytes ?? 0) > MAX_FILE_SIZE_BYTES) refusals.push('FBIG')
  if (typeof changes.mtime === 'object' && changes.mtime.nanoseconds >= 1e9) refusals.push('INVAL')
  if (guard === 'wrong') refusals.push('NOT_SYNC')
  if (refusals.length > 0) return before.refuse(refusals)
  if (Object.keys(changes).length === 0) return before.succeed()
  change(asking.caller, node, changes)
  return before.succeed()
}

/** A SETATTR that is allowed. */
export function change(caller: Caller, node: ModelNode, changes: Changes): void {
  node.uid = changes.uid ?? node.uid
  node.gid = changes.gid ?? node.gid
  if (changes.mode !== undefined) {
    const keepsGroupBit = caller.uid === 0 || isMember(caller, node.gid)
    node.mode = changes.mode & MODE_MASK & ~(keepsGroupBit ? 0 : MODE_SETGID)
  }
  const givenAway = changes.uid !== undefined || changes.gid !== undefined
  const cutByOther = changes.sizeBytes !== undefined && caller.uid !== 0
  if (givenAway || cutByOther) node.mode = withoutPrivileges(caller, node, node.mode)
  node.bitsAtRisk = 0
  node.ctime = ModelTime.byServer(node.ctime)
  if (changes.sizeBytes !== undefined) {
    node.content.cut(changes.sizeBytes)
    node.unstable?.resize(changes.sizeBytes)
    node.sizeBytes = changes.sizeBytes
    node.used = { value: undefined }
    node.mtime = node.mtime.next()
  }
  if (changes.mtime !== undefined) {
    node.mtime = changes.mtime === 'server' ? node.mtime.next() : ModelTime.exactly(changes.mtime)
  }
  if (changes.atime !== undefined) {
    node.atime = changes.atime === 'server' ? node.atime.next() : ModelTime.exactly(changes.atime)
  }
}

export function write(
  asking: Asking,
  node: ModelNode,
  offsetBytes: number,
  data: Uint8Array,
  stability: Stability,
): Expected {
  const before = new Before({ object: node })
  const tooLarge: FsStatus[] = offsetBytes + data.length > MAX_FILE_SIZE_BYTES ? ['FBIG'] : []
  const refusal = notAFile(node) ?? (mayWriteData(asking.caller, node) ? undefined : 'ACCES')
  if (refusal !== undefined) return before.refuse([refusal, ...tooLarge])
  if (tooLarge.length > 0) return before.refuse(tooLarge)
  const written = { node, offsetBytes, stability }
  if (data.length === 0) return before.succeed({ written })

  if (stability === 'unstable') {
    node.unstable ??= new UnstableWrites(node.content, node.sizeBytes)
    node.unstable.write({ offsetBytes, data, caller: asking.callerIndex })
  }
  node.content.write(offsetBytes, data)
  node.sizeBytes = Math.max(node.sizeBytes, offsetBytes + data.length)
  node.used = { value: undefined }
  const mode = asking.caller.uid === 0 ? node.mode : withoutPrivileges(asking.caller, node, node.mode)
  node.bitsAtRisk = stability === 'unstable' ? node.bitsAtRisk | (node.mode & ~mode) : 0
  node.mode = mode
  node.mtime = node.mtime.next()
  node.ctime = ModelTime.byServer(node.ctime)
  if (stability !== 'unstable') {
    node.unstable?.settle(offsetBytes, data)
    forgetSettled(node)
  }
  return before.succeed({ written })
}

export function commit(
  asking: Asking,
  node: ModelNode,
  range: { readonly offsetBytes: number; readonly countBytes: number },
): Expected {
  const before = new Before({ object: node })
  const refusal = notAFile(node)
  if (refusal !== undefined) return before.refuse(refusal)
  if (!mayWriteData(asking.caller, node)) return before.refuse('ACCES')
  const toEnd = node.sizeBytes - range.offsetBytes
  const countBytes = range.countBytes === 0 ? toEnd : Math.min(range.countBytes, toEnd)
  if (countBytes > 0) settle(node, range.offsetBytes, countBytes)
  return before.succeed()
}

/** What was unstable in this range of the file is on stable storage now. */
export function settle(node: ModelNode, offsetBytes: number, countBytes: number): void {
  for (const piece of node.unstable?.pieces ?? []) {
    const start = Math.max(piece.offsetBytes, offsetBytes)
    const end = Math.min(piece.offsetBytes + piece.data.length, offsetBytes + countBytes)
    if (start < end) node.unstable?.settle(start, node.content.read(start, end - start))
  }
  forgetSettled(node)
}

function forgetSettled(node: ModelNode): void {
  if (node.unstable === undefined || node.unstable.pieces.length > 0) return
  node.unstable = undefined
  node.bitsAtRisk = 0
}

function notAFile(node: ModelNode): FsStatus | undefined {
  if (node.type === 'file') return undefined
  return node.type === 'directory' ? 'ISDIR' : 'INVAL'
}
