import { LINK_MAX, MODE_MASK, MODE_SETGID, MODE_STICKY, type NodeType } from '../../src/vfs/attributes.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { type Asking, Before, type Expected, plain } from './expected.ts'
import { nameRefusal, targetRefusal } from './model-name-rules.ts'
import { lookAt, type ModelNode, newModelNode } from './model-node.ts'
import { change } from './model-objects.ts'
import { changeRefusals, isMember, may, removalRefusal } from './model-permissions.ts'
import { ModelTime } from './model-time.ts'
import type { Changes, How, Name } from './operation.ts'

/** The calls of the model that take names. Checks come in the order of Linux, because clients know that one. */

export function lookup(asking: Asking, directory: ModelNode, name: Name): Expected {
  const refusal = nameRefusal(name, 'looked-up') ?? searchRefusal(asking, directory)
  if (refusal !== undefined) return plain('directory', directory, refusal)
  const found = childOf(directory, name)
  if (found === undefined) return plain('directory', directory, 'NOENT')
  return plain('directory', directory, 'OK', { object: found, looks: { object: lookAt(found) } })
}

export function childOf(directory: ModelNode, name: Name): ModelNode | undefined {
  if (name === '.') return directory
  if (name === '..') return directory.parent
  return directory.entries.get(name)
}

export interface Wanted {
  readonly type: NodeType
  readonly changes: Changes
  readonly target?: string
  readonly rdevMajor?: number
  readonly rdevMinor?: number
  readonly verifier?: string
  /** By MKNOD: a type that is not special is BADTYPE. */
  readonly isSpecial?: boolean
}

export interface Made {
  readonly expected: Expected
  readonly node: ModelNode | undefined
}

export function create(asking: Asking, directory: ModelNode, name: Name, how: How): Made {
  const bad = nameRefusal(name, 'new')
  if (bad !== undefined) return { expected: new Before({ directory }).refuse(bad), node: undefined }
  const there = directory.type === 'directory' ? childOf(directory, name) : undefined
  if (there !== undefined && may(asking.caller, directory, 'x')) {
    return { expected: createOver(asking, directory, there, how), node: undefined }
  }
  const exclusive = how.mode === 'exclusive'
  const changes = exclusive ? {} : how.changes
  return make(asking, directory, name, {
    type: 'file',
    changes,
    ...(exclusive ? { verifier: how.verifier } : {}),
  })
}

/** CREATE of a name that is there. Of the attributes only the size counts then: open(O_CREAT | O_TRUNC). */
function createOver(asking: Asking, directory: ModelNode, there: ModelNode, how: How): Expected {
  const before = new Before({ directory })
  const found = () => before.succeed({ object: there, looks: { object: lookAt(there) } })
  if (how.mode === 'exclusive') return there.verifier === how.verifier ? found() : before.refuse('EXIST')
  if (how.mode === 'guarded' || there.type !== 'file') return before.refuse('EXIST')
  const { sizeBytes } = how.changes
  if (sizeBytes === undefined) return found()
  const refusals = changeRefusals(asking.caller, there, { sizeBytes })
  if (refusals.length > 0) return before.refuse(refusals)
  change(asking.caller, there, { sizeBytes })
  return found()
}

export function make(asking: Asking, directory: ModelNode, name: Name, wanted: Wanted): Made {
  const { caller } = asking
  const before = new Before({ directory })
  const bad = nameRefusal(name, 'new') ?? argumentRefusal(wanted)
  const refusal = bad ?? addRefusal(asking, directory, name)
  if (refusal !== undefined) return { expected: before.refuse(refusal), node: undefined }
  const device = wanted.type === 'block' || wanted.type === 'character'
  if (device && caller.uid !== 0) return { expected: before.refuse('PERM'), node: undefined }

  const { type, changes } = wanted
  const inherits = (directory.mode & MODE_SETGID) !== 0
  const ownGroup =
    changes.gid !== undefined && (caller.uid === 0 || isMember(caller, changes.gid)) ? changes.gid : undefined
  const gid = ownGroup ?? (inherits ? directory.gid : caller.gid)
  const node = newModelNode({
    ref: `n${asking.id}`,
    type,
    mode: modeOfNew(asking, wanted, gid, inherits),
    uid: caller.uid === 0 ? (changes.uid ?? 0) : caller.uid,
    gid,
    target: wanted.target ?? '',
    rdevMajor: wanted.rdevMajor ?? 0,
    rdevMinor: wanted.rdevMinor ?? 0,
    verifier: wanted.verifier,
    ...(type === 'file' ? { sizeBytes: changes.sizeBytes ?? 0 } : {}),
    ...(typeof changes.atime === 'object' ? { atime: ModelTime.exactly(changes.atime) } : {}),
    ...(typeof changes.mtime === 'object' ? { mtime: ModelTime.exactly(changes.mtime) } : {}),
  })
  directory.entries.set(name, node)
  if (type === 'directory') {
    node.parent = directory
    directory.nlink += 1
  }
  entriesChanged(directory)
  return { expected: before.succeed({ object: node, looks: { object: lookAt(node) } }), node }
}

/** What makes no sense whatever the directory says. */
function argumentRefusal({ type, target, isSpecial }: Wanted): FsStatus | undefined {
  if (type === 'symlink' && isSpecial !== true) return targetRefusal(target ?? '')
  const notSpecial = type === 'file' || type === 'directory' || type === 'symlink'
  return isSpecial === true && notSpecial ? 'BADTYPE' : undefined
}

function modeOfNew(asking: Asking, wanted: Wanted, gid: number, inherits: boolean): number {
  if (wanted.type === 'symlink') return 0o777
  const mode = wanted.changes.mode ?? 0
  if (wanted.type === 'directory') return (mode & (0o777 | MODE_STICKY)) | (inherits ? MODE_SETGID : 0)
  const keepsGroupBit = asking.caller.uid === 0 || isMember(asking.caller, gid)
  return mode & MODE_MASK & ~(keepsGroupBit ? 0 : MODE_SETGID)
}

export function remove(asking: Asking, directory: ModelNode, name: Name, kind: 'remove' | 'rmdir'): Expected {
  const before = new Before({ directory })
  const refusal = nameRefusal(name, 'removed') ?? searchRefusal(asking, directory)
  if (refusal !== undefined) return before.refuse(refusal)
  const victim = directory.entries.get(name)
  if (victim === undefined) return before.refuse('NOENT')
  const why = removalRefusal(asking.caller, directory, victim)
  if (why !== undefined) return before.refuse(why)
  if (kind === 'remove' && victim.type === 'directory') return before.refuse('ISDIR')
  if (kind === 'rmdir' && victim.type !== 'directory') return before.refuse('NOTDIR')
  if (victim.entries.size > 0) return before.refuse('NOTEMPTY')
  unlink(directory, name)
  entriesChanged(directory)
  return before.succeed()
}

export function rename(
  asking: Asking,
  directory: ModelNode,
  name: Name,
  to: ModelNode,
  toName: Name,
): Expected {
  const before = new Before({ directory, to })
  const bad = nameRefusal(name, 'renamed') ?? nameRefusal(toName, 'renamed')
  const refusal = bad ?? searchRefusal(asking, directory) ?? searchRefusal(asking, to)
  if (refusal !== undefined) return before.refuse(refusal)
  const source = directory.entries.get(name)
  const target = to.entries.get(toName)
  if (source === undefined) return before.refuse('NOENT')
  if (source === target) return before.succeed()
  const refusals = renameRefusals(asking, directory, source, to, target)
  if (refusals.length > 0) return before.refuse(refusals)

  if (target !== undefined) unlink(to, toName)
  directory.entries.delete(name)
  to.entries.set(toName, source)
  source.ctime = ModelTime.byServer(source.ctime)
  if (source.type === 'directory') {
    source.parent = to
    directory.nlink -= 1
    to.nlink += 1
  }
  entriesChanged(directory)
  if (to !== directory) entriesChanged(to)
  return before.succeed()
}

/** Every rule that the rename breaks: with several, the server may name any. */
function renameRefusals(
  asking: Asking,
  directory: ModelNode,
  source: ModelNode,
  to: ModelNode,
  target: ModelNode | undefined,
): FsStatus[] {
  const { caller } = asking
  const refusals: (FsStatus | undefined)[] = [removalRefusal(caller, directory, source)]
  if (isWithin(to, source)) refusals.push('INVAL')
  if (target === undefined && !may(caller, to, 'w')) refusals.push('ACCES')
  if (target !== undefined) {
    refusals.push(removalRefusal(caller, to, target))
    if (isWithin(directory, target) || target.entries.size > 0) refusals.push('NOTEMPTY')
    if (source.type === 'directory' && target.type !== 'directory') refusals.push('NOTDIR')
    if (source.type !== 'directory' && target.type === 'directory') refusals.push('ISDIR')
  }
  // Its ".." is part of its content.
  if (source.type === 'directory' && to !== directory && !may(caller, source, 'w')) refusals.push('ACCES')
  return refusals.filter((refusal) => refusal !== undefined)
}

export function link(asking: Asking, node: ModelNode, directory: ModelNode, name: Name): Expected {
  const before = new Before({ directory })
  const answer = (expected: Expected): Expected => ({
    ...expected,
    looks: { ...expected.looks, object: lookAt(node) },
  })
  const bad = nameRefusal(name, 'new')
  if (bad !== undefined) return answer(before.refuse(bad))
  if (node.type === 'directory') return answer(before.refuse('ISDIR'))
  const refusal = addRefusal(asking, directory, name)
  if (refusal !== undefined) return answer(before.refuse(refusal))
  if (node.nlink >= LINK_MAX) return answer(before.refuse('MLINK'))
  directory.entries.set(name, node)
  node.nlink += 1
  node.ctime = ModelTime.byServer(node.ctime)
  entriesChanged(directory)
  return answer(before.succeed())
}

export function isWithin(node: ModelNode, ancestor: ModelNode): boolean {
  for (let each: ModelNode = node; ; each = each.parent!) {
    if (each === ancestor) return true
    if (each.parent === each || each.parent === undefined) return false
  }
}

function searchRefusal(asking: Asking, directory: ModelNode): FsStatus | undefined {
  if (directory.type !== 'directory') return 'NOTDIR'
  return may(asking.caller, directory, 'x') ? undefined : 'ACCES'
}

/** A name that is there is EXIST, also to who may not write in the directory. */
function addRefusal(asking: Asking, directory: ModelNode, name: Name): FsStatus | undefined {
  const refusal = searchRefusal(asking, directory)
  if (refusal !== undefined) return refusal
  if (childOf(directory, name) !== undefined) return 'EXIST'
  return may(asking.caller, directory, 'w') ? undefined : 'ACCES'
}

function entriesChanged(directory: ModelNode): void {
  directory.mtime = directory.mtime.next()
  directory.ctime = ModelTime.byServer(directory.ctime)
}

/** The object goes with its last name; a directory has but one. */
function unlink(directory: ModelNode, name: Name): void {
  const victim = directory.entries.get(name)!
  directory.entries.delete(name)
  victim.ctime = ModelTime.byServer(victim.ctime)
  victim.nlink -= 1
  if (victim.type === 'directory') directory.nlink -= 1
  if (victim.type === 'directory' || victim.nlink === 0) victim.gone = true
}
