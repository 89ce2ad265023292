import { type Awaitable, isPromise } from '../base/awaitable.ts'
import { type Attributes, MAX_FILE_SIZE_BYTES } from '../vfs/attributes.ts'
import type { Caller, Stability, Wcc, WccFail } from '../vfs/file-system.ts'
import { type FsResult, succeed } from '../vfs/result.ts'
import type { FsStatus } from '../vfs/status.ts'
import type { FileData } from './file-data.ts'
import type { Node } from './node.ts'
import { refuseUnchanged, unchanged } from './outcomes.ts'
import { MAY_WRITE, mayUseData, modeAfterWrite } from './permissions.ts'
import type { WritePlan } from './plan-write.ts'
import type { View } from './view.ts'

export type WriteOk = { readonly wcc: Wcc; readonly committed: Stability }
type WriteResult = FsResult<WriteOk, WccFail>

export interface WriteRequest {
  readonly offsetBytes: number
  readonly data: Uint8Array
  readonly stability: Stability
}

export function notAFile(attributes: Attributes): 'ISDIR' | 'INVAL' {
  return attributes.type === 'directory' ? 'ISDIR' : 'INVAL'
}

/** WRITE (RFC 1813 section 3.3.7). Without a promise when nothing has to be waited for. */
export class FileWriter {
  readonly #view: View
  readonly #data: FileData

  constructor(view: View, data: FileData) {
    this.#view = view
    this.#data = data
  }

  /** Precondition: the node is live and its attributes are at hand. */
  write(caller: Caller, node: Node, attributes: Attributes, request: WriteRequest): Awaitable<WriteResult> {
    const status = refuseWrite(caller, attributes, request)
    if (status !== undefined) return refuseUnchanged(status, attributes)
    const { offsetBytes, data, stability } = request
    if (data.length === 0) return succeed({ wcc: unchanged(attributes), committed: stability })
    const plan = this.#data.tryBegin(node, offsetBytes, data.length)
    if (plan === undefined) return this.#wait(caller, node, request)
    let stored: Awaitable<void>
    try {
      stored = this.#data.store(node, plan, offsetBytes, data)
    } catch (error) {
      this.#data.end(node)
      throw error
    }
    if (isPromise(stored)) return this.#finish(caller, node, request, stored)
    const result = this.#apply(caller, node, request)
    this.#data.end(node)
    return stability === 'unstable' ? result : this.#data.stabilise(node).then(() => result)
  }

  /** Waits for the image, the index, or another writer of the same file. */
  async #wait(caller: Caller, node: Node, request: WriteRequest): Promise<WriteResult> {
    const { epoch } = this.#view
    await this.#view.attributes(node)
    const plan: WritePlan = await this.#data.begin(node, request.offsetBytes, request.data.length)
    return this.#finish(caller, node, request, this.#storeLater(node, plan, request, epoch))
  }

  async #storeLater(node: Node, plan: WritePlan, request: WriteRequest, epoch: number): Promise<void> {
    this.#view.requireEpoch(epoch)
    if (!node.removed) await this.#data.store(node, plan, request.offsetBytes, request.data)
  }

  /** The lock is held until the attributes follow the bytes: a change of size in between would lose one of them. */
  async #finish(
    caller: Caller,
    node: Node,
    request: WriteRequest,
    stored: Promise<void>,
  ): Promise<WriteResult> {
    const { epoch } = this.#view
    let result: WriteResult
    try {
      await stored
      this.#view.requireEpoch(epoch)
      if (node.removed) return refuseUnchanged('STALE', undefined)
      result = this.#apply(caller, node, request)
    } finally {
      this.#data.end(node)
    }
    if (request.stability !== 'unstable') await this.#data.stabilise(node)
    return result
  }

  /** The blocks are in the shadow: the attributes follow. */
  #apply(caller: Caller, node: Node, { offsetBytes, data, stability }: WriteRequest): WriteResult {
    const view = this.#view
    const before = view.attributesAtHand(node)!
    const now = view.parts.clock.now()
    view.own(node)
    view.written.add(node)
    node.writtenAtMs = view.parts.clock.monotonicMs()
    view.change(node, {
      sizeBytes: Math.max(before.sizeBytes, offsetBytes + data.length),
      mode: modeAfterWrite(caller, before),
      mtime: now,
      ctime: now,
    })
    return succeed({ wcc: { before, after: node.attributes }, committed: stability })
  }
}

function refuseWrite(
  caller: Caller,
  attributes: Attributes,
  { offsetBytes, data }: WriteRequest,
): FsStatus | undefined {
  if (attributes.type !== 'file') return notAFile(attributes)
  if (!mayUseData(caller, attributes, MAY_WRITE)) return 'ACCES'
  return offsetBytes + data.length > MAX_FILE_SIZE_BYTES ? 'FBIG' : undefined
}
