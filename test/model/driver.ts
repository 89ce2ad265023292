import type { Timestamp } from '../../src/base/clock.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import { compareAnswer, compareLook, type Identities } from './compare.ts'
import type { Asking, Expected } from './expected.ts'
import { ListingCheck } from './listing-check.ts'
import type { Model } from './model.ts'
import { lookAt, type ModelNode, type NodeRef } from './model-node.ts'
import { settle } from './model-objects.ts'
import { may } from './model-permissions.ts'
import {
  type Burst,
  bytesOf,
  CALLERS,
  type Call,
  type List,
  type Operation,
  ROOT_CALLER,
} from './operation.ts'
import type { Answer, Handle, SubjectView } from './subject.ts'

/** Thrown when the server and the model disagree. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError'
  readonly view: string
  constructor(view: string, what: string, complaints: readonly string[]) {
    super([`view ${view}: ${what}`, ...complaints].join('\n  '))
    this.view = view
  }
}

const REMEMBERED = 30
/** A listing that goes on for longer never ends. */
const PAGES_MAX = 100_000

/** One view and its model, side by side: does an operation on both and compares all that comes back. */
export class Driver {
  readonly model: Model
  readonly identities: Identities
  /** The last calls and their answers, in words. */
  readonly recent: string[] = []
  readonly #handles: Map<NodeRef, Handle>
  #view: SubjectView
  #verifier: string | undefined
  #verifierBeforeCrash: string | undefined

  /** `handles`: what a client knows from before. */
  constructor(
    model: Model,
    view: SubjectView,
    identities: Identities,
    handles: ReadonlyMap<NodeRef, Handle> = new Map(),
  ) {
    this.model = model
    this.#handles = new Map(handles)
    this.#view = view
    this.identities = identities
  }

  /** Every handle that was seen, also of what is gone. */
  get handles(): ReadonlyMap<NodeRef, Handle> {
    return this.#handles
  }

  get view(): SubjectView {
    return this.#view
  }

  /** After a restart: the same view, served anew. */
  reconnect(view: SubjectView, how: 'clean' | 'kill'): void {
    this.#view = view
    const lost = how === 'kill' && [...this.model.nodes.values()].some((node) => node.unstable !== undefined)
    this.#verifierBeforeCrash = lost ? this.#verifier : undefined
    this.#verifier = undefined
    if (how === 'clean')
      for (const node of this.model.nodes.values()) settle(node, 0, Number.MAX_SAFE_INTEGER)
  }

  /** How many calls were made; 0: left out, because what it names was never made. */
  async run(operation: Operation): Promise<number> {
    const { body } = operation
    if (body.do === 'burst') return this.#burst(body)
    const isDone = body.do === 'list' ? await this.list(operation, body) : await this.#call(operation, body)
    return isDone ? 1 : 0
  }

  async #burst({ operations }: Burst): Promise<number> {
    for (const operation of operations) await this.prepare(operation)
    const calls = await settleAll(operations.map((operation) => this.run(operation)))
    // What none of the answers could show for certain is there to be seen now.
    for (const { body } of operations)
      if ('node' in body) await this.asRoot({ do: 'getattr', node: body.node })
    return calls.reduce((sum, count) => sum + count, 0)
  }

  /** Asks for all that a call needs before it can be sent. */
  async prepare(operation: Operation): Promise<void> {
    const { body } = operation
    if (body.do !== 'list' && body.do !== 'burst') await this.#withHandles(body)
    if (body.do === 'setattr') await this.#guard(body)
  }

  /** A call that is under way when the server is killed, and is then sent again. Preconditions: `prepare`, and that `crash` reconnects. */
  async runAcross(operation: Operation, crash: () => Promise<void>): Promise<void> {
    const { body } = operation
    const view = this.#view
    if (body.do === 'list' || body.do === 'burst' || view.performAcross === undefined)
      throw new Error('not to be sent again')
    const caller = CALLERS[operation.caller]!
    await this.perform(operation, body, (named, guard) => view.performAcross!(caller, named, guard, crash))
  }

  /** A call of root between the operations; compared like all. */
  async asRoot(call: Call): Promise<Answer | undefined> {
    let answer: Answer | undefined
    await this.perform({ id: -1, caller: ROOT_CALLER, body: call }, call, async (named, guard) => {
      answer = await this.#view.perform(CALLERS[ROOT_CALLER]!, named, guard)
      return answer
    })
    return answer
  }

  #call(operation: Operation, call: Call): Promise<boolean> {
    const caller = CALLERS[operation.caller]!
    return this.perform(operation, call, (named, guard) => this.#view.perform(caller, named, guard))
  }

  /** Does a call on the model and, by `ask`, on the server; throws MismatchError. */
  async perform(
    operation: Operation,
    call: Call,
    ask: (named: Call, guardCtime: Timestamp | undefined) => Promise<Answer>,
  ): Promise<boolean> {
    const named = await this.#withHandles(call)
    if (named === undefined) return false
    const guard = call.do === 'setattr' ? await this.#guard(call) : undefined
    const expected = this.model.apply(askingOf(operation), call)
    if (expected === undefined) return false
    const { unsure = [] } = operation
    const asked = await ask(named, guard)
    const answer = { ...asked, unsure: [...unsure, ...(asked.unsure ?? [])] }
    this.#remember(operation, answer.status)
    const complaints = compareAnswer(expected, answer, this.identities)
    if (expected.object !== undefined && answer.status === 'OK')
      complaints.push(...this.#learnHandle(expected.object, answer.handle))
    complaints.push(...this.#learnStability(expected, call, answer))
    if (complaints.length > 0) throw this.mismatch(describe(operation), complaints)
    return true
  }

  /** The handle of an object, looked up by its path where it was not seen yet. */
  async handleOf(node: ModelNode): Promise<Handle | undefined> {
    if (node === this.model.root && !this.#handles.has(node.ref))
      this.#handles.set(node.ref, await this.#view.root())
    const known = this.#handles.get(node.ref)
    if (known !== undefined || node.gone) return known
    const place = this.model.placeOf(node)
    if (place === undefined) return undefined
    await this.asRoot({ do: 'lookup', directory: place.directory.ref, name: place.name })
    return this.#handles.get(node.ref)
  }

  /** The call with handles for references; undefined when one is gone and was never seen. */
  async #withHandles(call: Call): Promise<Call | undefined> {
    const named: Record<string, unknown> = { ...call }
    for (const field of ['node', 'directory', 'toDirectory']) {
      const ref = named[field] as NodeRef | undefined
      if (ref === undefined) continue
      const node = this.model.nodes.get(ref)
      const handle = node === undefined ? undefined : await this.handleOf(node)
      if (handle === undefined) return undefined
      named[field] = handle
    }
    return named as Call
  }

  async #guard(call: Extract<Call, { do: 'setattr' }>): Promise<Timestamp | undefined> {
    const node = this.model.nodes.get(call.node)
    if (call.guard === 'none' || node === undefined) return undefined
    if (node.gone) return { seconds: 1, nanoseconds: 0 }
    if (node.ctime.exact === undefined) await this.asRoot({ do: 'getattr', node: call.node })
    const { seconds, nanoseconds } = node.ctime.exact!
    return call.guard === 'right' ? { seconds, nanoseconds } : { seconds: seconds - 1, nanoseconds }
  }

  /** A whole listing, with other operations between its pages. */
  async list(operation: Operation, list: List): Promise<boolean> {
    const directory = this.model.nodes.get(list.directory)
    const handle = directory === undefined ? undefined : await this.handleOf(directory)
    if (directory === undefined || handle === undefined) return false
    const check = new ListingCheck(directory, this.identities)
    const between = [...list.between]
    let afterCookie = 0n
    for (let index = 0; index < PAGES_MAX; index += 1) {
      const size = list.pageSizes[Math.min(index, list.pageSizes.length - 1)]!
      const expected = this.#listStatus(operation, directory)
      const page = await this.#view.list(CALLERS[operation.caller]!, handle, {
        afterCookie,
        size,
        plus: list.plus,
      })
      this.#remember(operation, `${page.status}, ${page.entries.length} entries`)
      if (page.status !== expected)
        throw this.mismatch(describe(operation), [`status ${page.status}, expected ${expected}`])
      const complaints = page.directory ? compareLook(lookAt(directory), page.directory, this.identities) : []
      if (page.status === 'OK' && page.directory === undefined) complaints.push('directory: no attributes')
      complaints.push(...check.page(page.entries))
      if (page.status === 'OK' && page.eof) complaints.push(...check.end())
      if (complaints.length > 0) throw this.mismatch(describe(operation), complaints)
      if (page.status !== 'OK' || page.eof) return true
      if (page.entries.length === 0) break
      for (const entry of page.entries) if (entry.handle !== undefined) this.#learnEntry(directory, entry)
      afterCookie = page.entries.at(-1)!.cookie
      const next = between.shift()
      if (next !== undefined) await this.run(next)
      check.noteChanges()
    }
    throw this.mismatch(describe(operation), ['the listing does not end'])
  }

  #listStatus(operation: Operation, directory: ModelNode): 'OK' | FsStatus {
    if (directory.gone) return 'STALE'
    if (directory.type !== 'directory') return 'NOTDIR'
    return may(CALLERS[operation.caller]!, directory, 'r') ? 'OK' : 'ACCES'
  }

  #learnEntry(
    directory: ModelNode,
    entry: { readonly name: string; readonly handle: Handle | undefined },
  ): void {
    const node = directory.entries.get(entry.name)
    if (node !== undefined) this.#handles.set(node.ref, entry.handle!)
  }

  #learnHandle(node: ModelNode, handle: Handle | undefined): string[] {
    if (handle === undefined) return [`${node.ref}: no handle`]
    this.#handles.set(node.ref, handle)
    return this.identities.handle(node, handle)
  }

  /** The verifier stays the same while the server lives, and is another after a crash that may have lost writes. */
  #learnStability(expected: Expected, call: Call, answer: Answer): string[] {
    if (answer.status !== 'OK') return []
    if (expected.written !== undefined && call.do === 'write') {
      const { node, offsetBytes } = expected.written
      const stable = answer.committed !== 'unstable'
      if (stable) settle(node, offsetBytes, bytesOf(call.data).length)
    }
    const { verifier } = answer
    if (verifier === undefined) return []
    const complaints: string[] = []
    if (this.#verifier !== undefined && verifier !== this.#verifier)
      complaints.push(`write verifier ${verifier}, was ${this.#verifier}`)
    if (verifier === this.#verifierBeforeCrash)
      complaints.push(`write verifier ${verifier} is the one from before the crash`)
    this.#verifier = verifier
    return complaints
  }

  mismatch(what: string, complaints: readonly string[]): MismatchError {
    return new MismatchError(this.identities.view, what, complaints)
  }

  #remember(operation: Operation, outcome: string): void {
    if (operation.id < 0) return
    this.recent.push(`${describe(operation)} -> ${outcome}`)
    if (this.recent.length > REMEMBERED) this.recent.shift()
  }
}

/** Waits for all, so that nothing goes on behind a failure, and then throws the first. */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

export function askingOf(operation: Operation): Asking {
  return { caller: CALLERS[operation.caller]!, callerIndex: operation.caller, id: operation.id }
}

function describe(operation: Operation): string {
  return JSON.stringify(operation, (_, value: unknown) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  )
}
