import { type Awaitable, isPromise, whenReady } from '../../base/awaitable.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import { statusOfFault } from '../../vfs/faults.ts'
import type { Caller, FileSystem, NodeId, Seal } from '../../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../../vfs/result.ts'
import type { FsStatus } from '../../vfs/status.ts'
import type { Export } from '../exports.ts'
import type { HandleParts } from '../handle-coder.ts'
import type { Nfs3Call } from './call.ts'

/** The object a handle names, in a file system that the sender may use, and who asks after squashing. */
export interface Target {
  readonly served: Export
  readonly fs: FileSystem
  readonly node: NodeId
  readonly caller: Caller
}

/**
 * From handle to object: ours (BADHANDLE), still exported (STALE), to this client (ACCES), still there (the file
 * system's answer). A client that is not on the list learns nothing of the object.
 */
export function openTarget(call: Nfs3Call<never>, handle: Uint8Array): Awaitable<FsResult<Target>> {
  const parts = call.context.handles.decode(handle)
  if (!parts.ok) return parts
  const served = call.context.exports.byView(parts.value.view)
  if (served === undefined) return refuse('STALE')
  if (!served.admits(call)) return refuse('ACCES')
  return resolveTarget(call, served, parts.value)
}

function resolveTarget(
  call: Nfs3Call<never>,
  served: Export,
  { node, generation }: HandleParts,
): Awaitable<FsResult<Target>> {
  const identity = call.credentials.flavor === 'sys' ? call.credentials : undefined
  const target = { served, fs: served.fileSystem, node, caller: served.callerFor(call, identity) }
  const resolved = served.fileSystem.resolve(node, generation)
  if (isPromise(resolved)) return resolved.then((result) => (result.ok ? succeed(target) : result))
  return resolved.ok ? succeed(target) : resolved
}

/**
 * One procedure on one object. `emptyFail` is what goes out when there are no attributes to send: the handle is not
 * good, or the file system threw a fault. Anything that is not a fault is a bug and passes through.
 */
export function onTarget<Ok, Fail>(
  call: Nfs3Call<never>,
  handle: Uint8Array,
  emptyFail: Fail,
  work: (target: Target) => Awaitable<FsResult<Ok, Fail>>,
): Awaitable<FsResult<Ok, Fail>> {
  return catchFault(emptyFail, () =>
    whenReady(openTarget(call, handle), (target) =>
      target.ok ? work(target.value) : refuse(target.status, emptyFail),
    ),
  )
}

/** Runs the work and turns a fault (thrown now or later) into its status. */
export function catchFault<Ok, Fail>(
  emptyFail: Fail,
  work: () => Awaitable<FsResult<Ok, Fail>>,
): Awaitable<FsResult<Ok, Fail>> {
  try {
    const result = work()
    if (!isPromise(result)) return result
    return result.catch((error: unknown) => refuse(statusOfFault(error), emptyFail))
  } catch (error) {
    return refuse(statusOfFault(error), emptyFail)
  }
}

/** A refusal that nfsd decides itself: it carries the object's attributes all the same. */
export function refuseHere<Fail>(
  target: Target,
  status: FsStatus,
  failOf: (attributes: Attributes | undefined) => Fail,
): Awaitable<FsResult<never, Fail>> {
  return whenReady(attributesNow(target), (attributes) => refuse(status, failOf(attributes)))
}

/** The handle of an object of the target's file system. */
export function handleOf(
  call: Nfs3Call<never>,
  { served }: Target,
  { node, generation }: { readonly node: NodeId; readonly generation: number },
): Uint8Array {
  return call.context.handles.encode({ view: served.view, node, generation })
}

/** undefined when the object is gone meanwhile. */
export function attributesNow(target: Target): Awaitable<Attributes | undefined> {
  return whenReady(target.fs.getattr(target.caller, target.node), (result) =>
    result.ok ? result.value : undefined,
  )
}

/**
 * A mutation whose reply is stored together with its effect: the file system calls the seal with its answer at the
 * moment it is decided, and what was sealed is what the client gets.
 */
export function sealing<Result, Res>(
  call: Nfs3Call<Res>,
  toRes: (result: Result) => Res,
  mutate: (seal: Seal<Result>) => Awaitable<Result>,
): Awaitable<Res> {
  let sealed: { readonly result: Result; readonly res: Res } | undefined
  const answer = mutate((result) => {
    sealed = { result, res: toRes(result) }
    return call.seal(sealed.res)
  })
  return whenReady(answer, (result) => (sealed?.result === result ? sealed.res : toRes(result)))
}
