import { type Awaitable, isPromise, whenReady } from '../base/awaitable.ts'
import type { Timestamp } from '../base/clock.ts'
import type { AttributeChanges, Attributes } from '../vfs/attributes.ts'
import type {
  AttributesFail,
  Caller,
  CreateHow,
  CreateResult,
  DirectoryPage,
  FileName,
  FileSystem,
  FsObject,
  LinkResult,
  NodeId,
  RenameResult,
  Seal,
  SpaceUsage,
  SpecialNode,
  Stability,
  Wcc,
  WccFail,
  WccResult,
} from '../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import { current, prepare, refuseDirectory } from './directory-access.ts'
import { FileData } from './file-data.ts'
import { prepareEmptiness } from './find-name.ts'
import { linkName } from './link-name.ts'
import { listDirectory } from './list-directory.ts'
import { makeNode, type NewNode } from './make-node.ts'
import type { Node } from './node.ts'
import { NO_WCC, NODE_GENERATION, objectOf, refuseUnchanged } from './outcomes.ts'
import { grantedAccess, MAY_READ, MAY_WRITE, mayAccess, mayUseData } from './permissions.ts'
import { removeName } from './remove-name.ts'
import { parentOf, renameName } from './rename-name.ts'
import { Resizer } from './set-attributes.ts'
import type { View } from './view.ts'
import { FileWriter, notAFile, type WriteOk } from './write-file.ts'

const SYMLINK_MODE = 0o777

type ReadOk = { readonly countBytes: number; readonly eof: boolean; readonly attributes: Attributes }

/** A view as a FileSystem: one short method per operation. What is in memory is answered without a promise. */
export class OverlayFileSystem implements FileSystem {
  readonly writable = true
  readonly view: View
  readonly data: FileData
  readonly #resizer: Resizer
  readonly #writer: FileWriter

  constructor(view: View) {
    this.view = view
    this.data = new FileData(view)
    this.#resizer = new Resizer(view, this.data)
    this.#writer = new FileWriter(view, this.data)
  }

  get root(): NodeId {
    return this.view.rootId
  }

  get fsid(): bigint {
    return this.view.fsid
  }

  get writeVerifier(): Uint8Array {
    return this.view.writeVerifier
  }

  /** The first step of every call: waits here while the view is frozen (reset, restore). */
  resolve(node: NodeId, generation: number): Awaitable<FsResult<undefined>> {
    if (this.view.gate.isFrozen) return this.view.gate.opened().then(() => this.resolve(node, generation))
    if (generation !== NODE_GENERATION || this.view.node(node) === undefined) return refuse('STALE')
    return succeed(undefined)
  }

  generationOf(_node: NodeId): number {
    return NODE_GENERATION
  }

  /** Runs an operation that may wait; afterwards memory is trimmed. */
  #run<T>(operation: () => Promise<T>): Promise<T> {
    const done = this.view.gate.count(this.view.parts.window.run(operation))
    this.view.evict()
    this.view.parts.image.table.evict()
    return done
  }

  /** Calls `next` with a live node and its attributes; refuses STALE. */
  #with<Ok, Fail>(
    id: NodeId,
    stale: Fail,
    next: (node: Node, attributes: Attributes) => Awaitable<FsResult<Ok, Fail>>,
  ): Awaitable<FsResult<Ok, Fail>> {
    const node = this.view.node(id)
    if (node === undefined) return refuse('STALE', stale)
    const attributes = this.view.attributes(node)
    if (!isPromise(attributes)) return next(node, attributes)
    return this.#run(async () => next(node, await attributes))
  }

  getattr(_caller: Caller, node: NodeId): Awaitable<FsResult<Attributes>> {
    return this.#with<Attributes, undefined>(node, undefined, (_node, attributes) => succeed(attributes))
  }

  setattr(
    caller: Caller,
    node: NodeId,
    changes: AttributeChanges,
    guardCtime: Timestamp | undefined,
    seal?: Seal<WccResult>,
  ): Promise<WccResult> {
    return this.#run(() => this.#resizer.setAttributes(caller, node, changes, guardCtime, seal))
  }

  lookup(
    caller: Caller,
    directory: NodeId,
    name: FileName,
  ): Awaitable<FsResult<{ readonly object: FsObject; readonly directory: Attributes }, AttributesFail>> {
    if (isDot(name) || isDotDot(name)) return this.#lookupDots(caller, directory, name)
    const now = current(this.view, directory, name)
    if (now !== undefined) return lookedUp(caller, now)
    return this.#run(async () => {
      const prepared = await prepare(this.view, caller, directory, name, 0)
      return prepared.ok ? lookedUp(caller, prepared.value) : prepared
    })
  }

  #lookupDots(caller: Caller, directory: NodeId, name: FileName) {
    return this.#with<{ object: FsObject; directory: Attributes }, AttributesFail>(
      directory,
      { attributes: undefined },
      (node, attributes) => {
        const status = refuseDirectory(caller, attributes, 0)
        if (status !== undefined) return refuse(status, { attributes })
        const target = isDot(name) ? node.id : parentOf(node) || node.id
        return this.#with<{ object: FsObject; directory: Attributes }, AttributesFail>(
          target,
          { attributes },
          (found, of) => succeed({ object: objectOf(found.id, of), directory: attributes }),
        )
      },
    )
  }

  access(caller: Caller, node: NodeId, wanted: number) {
    return this.#with<{ granted: number; attributes: Attributes }, AttributesFail>(
      node,
      { attributes: undefined },
      (_node, attributes) => succeed({ granted: grantedAccess(caller, attributes, wanted), attributes }),
    )
  }

  readlink(_caller: Caller, id: NodeId) {
    return this.#with<{ target: Uint8Array; attributes: Attributes }, AttributesFail>(
      id,
      { attributes: undefined },
      (node, attributes) => {
        if (attributes.type !== 'symlink') return refuse('INVAL', { attributes })
        if (node.target !== undefined) return succeed({ target: node.target, attributes })
        return whenReady(this.view.parts.image.readlink(node.image!), (result) =>
          result.ok ? succeed({ target: result.value, attributes }) : refuse(result.status, { attributes }),
        )
      },
    )
  }

  read(
    caller: Caller,
    id: NodeId,
    offsetBytes: number,
    into: Uint8Array,
  ): Awaitable<FsResult<ReadOk, AttributesFail>> {
    return this.#with<ReadOk, AttributesFail>(id, { attributes: undefined }, (node, attributes) => {
      if (attributes.type !== 'file') return refuse(notAFile(attributes), { attributes })
      if (!mayUseData(caller, attributes, MAY_READ)) return refuse('ACCES', { attributes })
      const countBytes = Math.max(0, Math.min(into.length, attributes.sizeBytes - offsetBytes))
      const result = succeed({
        countBytes,
        eof: offsetBytes + countBytes >= attributes.sizeBytes,
        attributes,
      })
      if (countBytes === 0) return result
      const done = this.data.read(node, offsetBytes, into.subarray(0, countBytes))
      return isPromise(done) ? this.#run(() => done.then(() => result)) : result
    })
  }

  write(
    caller: Caller,
    id: NodeId,
    offsetBytes: number,
    data: Uint8Array,
    stability: Stability,
  ): Awaitable<FsResult<WriteOk, WccFail>> {
    return this.#with<WriteOk, WccFail>(id, { wcc: NO_WCC }, (node, attributes) => {
      const done = this.#writer.write(caller, node, attributes, { offsetBytes, data, stability })
      return isPromise(done) ? this.#run(() => done) : done
    })
  }

  create(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    how: CreateHow,
    seal?: Seal<CreateResult>,
  ): Promise<CreateResult> {
    const file = { type: 'file' } as const
    const wanted: NewNode =
      how.mode === 'exclusive'
        ? { ...file, changes: {}, verifier: new Uint8Array(how.verifier), ifThere: 'compare-verifier' }
        : { ...file, changes: how.changes, ifThere: how.mode === 'guarded' ? 'refuse' : 'use' }
    return this.#make(caller, directory, name, wanted, seal)
  }

  mkdir(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Promise<CreateResult> {
    const wanted: NewNode = {
      type: 'directory',
      changes,
      ifThere: 'refuse',
    }
    return this.#make(caller, directory, name, wanted, seal)
  }

  symlink(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    target: Uint8Array,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Promise<CreateResult> {
    const own = new Uint8Array(target)
    const wanted: NewNode = {
      type: 'symlink',
      target: own,
      changes: { ...changes, mode: SYMLINK_MODE },
      ifThere: 'refuse',
    }
    return this.#make(caller, directory, name, wanted, seal)
  }

  mknod(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    special: SpecialNode,
    changes: AttributeChanges,
    seal?: Seal<CreateResult>,
  ): Promise<CreateResult> {
    const wanted: NewNode = { ...special, changes, ifThere: 'refuse' }
    return this.#make(caller, directory, name, wanted, seal)
  }

  #make(
    caller: Caller,
    directory: NodeId,
    name: FileName,
    wanted: NewNode,
    seal: Seal<CreateResult> | undefined,
  ): Promise<CreateResult> {
    return this.#run(() => makeNode(this.view, this.#resizer, caller, directory, name, wanted, seal))
  }

  remove(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): Promise<WccResult> {
    return this.#run(() => removeName(this.view, caller, directory, name, 'other', seal))
  }

  rmdir(caller: Caller, directory: NodeId, name: FileName, seal?: Seal<WccResult>): Promise<WccResult> {
    return this.#run(() => removeName(this.view, caller, directory, name, 'directory', seal))
  }

  rename(
    caller: Caller,
    fromDirectory: NodeId,
    fromName: FileName,
    toDirectory: NodeId,
    toName: FileName,
    seal?: Seal<RenameResult>,
  ): Promise<RenameResult> {
    return this.#run(() => renameName(this.view, caller, fromDirectory, fromName, toDirectory, toName, seal))
  }

  link(
    caller: Caller,
    node: NodeId,
    directory: NodeId,
    name: FileName,
    seal?: Seal<LinkResult>,
  ): Promise<LinkResult> {
    return this.#run(() => linkName(this.view, caller, node, directory, name, seal))
  }

  readdir(
    caller: Caller,
    id: NodeId,
    afterCookie: number,
    options: { readonly maxEntries: number; readonly withAttributes: boolean },
  ): Awaitable<FsResult<DirectoryPage, AttributesFail>> {
    return this.#with<DirectoryPage, AttributesFail>(id, { attributes: undefined }, (node, attributes) => {
      if (attributes.type !== 'directory') return refuse('NOTDIR', { attributes })
      if (!mayAccess(caller, attributes, MAY_READ)) return refuse('ACCES', { attributes })
      if (this.#isListable(node)) {
        return succeed({ ...listDirectory(this.view, node, afterCookie, options), attributes })
      }
      return this.#run(async () => {
        await prepareEmptiness(this.view, node)
        return succeed({ ...listDirectory(this.view, node, afterCookie, options), attributes })
      })
    })
  }

  #isListable(node: Node): boolean {
    return node.delta !== undefined && (node.image === undefined || node.image.listing !== undefined)
  }

  fsstat(
    _caller: Caller,
    id: NodeId,
  ): Awaitable<FsResult<{ readonly space: SpaceUsage; readonly attributes: Attributes }, AttributesFail>> {
    return this.#with<{ space: SpaceUsage; attributes: Attributes }, AttributesFail>(
      id,
      { attributes: undefined },
      (_node, attributes) =>
        whenReady(this.view.parts.shadow.space(), (space) => succeed({ space, attributes })),
    )
  }

  commit(caller: Caller, id: NodeId): Awaitable<FsResult<{ readonly wcc: Wcc }, WccFail>> {
    return this.#with<{ wcc: Wcc }, WccFail>(id, { wcc: NO_WCC }, (node, before) => {
      if (before.type !== 'file') return refuseUnchanged(notAFile(before), before)
      if (!mayUseData(caller, before, MAY_WRITE)) return refuseUnchanged('ACCES', before)
      const done = () => succeed({ wcc: { before, after: this.view.attributesAtHand(node) } })
      if (!node.isDirty && node.runningCommit === undefined) return done()
      return this.#run(() => this.data.stabilise(node).then(done))
    })
  }
}

function isDot(name: FileName): boolean {
  return name.length === 1 && name[0] === 0x2e
}

function isDotDot(name: FileName): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e
}

function lookedUp(
  caller: Caller,
  {
    attributes,
    shown,
  }: { attributes: Attributes; shown: { node: Node; attributes: Attributes } | undefined },
): FsResult<{ readonly object: FsObject; readonly directory: Attributes }, AttributesFail> {
  const status = refuseDirectory(caller, attributes, 0)
  if (status !== undefined) return refuse(status, { attributes })
  if (shown === undefined) return refuse('NOENT', { attributes })
  return succeed({ object: objectOf(shown.node.id, shown.attributes), directory: attributes })
}
