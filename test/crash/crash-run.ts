import type { CrashPoint } from '../../src/base/crash-points.ts'
import { Identities } from '../model/compare.ts'
import { askingOf, Driver } from '../model/driver.ts'
import { Model } from '../model/model.ts'
import { settle } from '../model/model-objects.ts'
import { ModelTime } from '../model/model-time.ts'
import type { Operation } from '../model/operation.ts'
import { ConnectionLostError } from '../model/rpc-socket.ts'
import type { Answer } from '../model/subject.ts'
import { recoverFromCrash, verifyTree } from '../model/verify.ts'
import { WireSubject } from '../model/wire-subject.ts'
import type { WireView } from '../model/wire-view.ts'
import { type ProxyOptions, type RowfsCrashPoint, RowfsProcess } from '../rig/proxy-process.ts'
import { crashTree } from './crash-workload.ts'
import { treeProblems } from './tree-problems.ts'

const VIEW = 'default'

/** A call without an answer, and the way to send it again. */
interface LostCall {
  readonly operation: Operation
  readonly repeat: () => Promise<Answer>
}

/** What is stable from here on, and the operations before. */
export type LogEntry = Operation | 'all stable'

/**
 * A proxy that dies at a crash point again and again while it works, and what a client finds after each death. With
 * `stride` 1 it dies every time the point is passed.
 */
export class CrashRun {
  crashes = 0
  readonly #point: CrashPoint
  readonly #stride: number
  readonly #proxy: RowfsProcess
  readonly #subject: WireSubject
  readonly #view: WireView
  readonly #identities = new Identities(VIEW)
  readonly #log: LogEntry[] = []
  #driver: Driver

  constructor(
    crash: { readonly point: CrashPoint; readonly stride: number },
    proxy: RowfsProcess,
    subject: WireSubject,
    view: WireView,
  ) {
    this.#point = crash.point
    this.#stride = crash.stride
    this.#proxy = proxy
    this.#subject = subject
    this.#view = view
    this.#driver = new Driver(withoutTimes(new Model(crashTree())), view, this.#identities)
  }

  static async start(
    options: ProxyOptions,
    crash: { readonly point: CrashPoint; readonly stride: number },
  ): Promise<CrashRun> {
    const proxy = await RowfsProcess.startProxy({ ...options, views: [VIEW], crashPoint: `${crash.point}:1` })
    const subject = new WireSubject(proxy, options.state)
    return new CrashRun(crash, proxy, subject, await subject.view(VIEW))
  }

  async run(operations: readonly Operation[]): Promise<void> {
    await this.perform(operations)
    await this.#end()
  }

  async perform(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      await this.#survive(undefined, () => this.#driver.prepare(operation))
      await this.#survive(operation, () => this.#driver.run(operation))
      this.#log.push(operation)
    }
  }

  stop(): Promise<void> {
    return this.#proxy.kill()
  }

  /** `inFlight`: the call that is under way, if the death is not between calls. */
  async #survive(inFlight: Operation | undefined, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error
      const { signal } = await this.#proxy.ended
      if (signal !== 'SIGKILL') throw new Error(`the proxy ended by itself:\n${this.#proxy.log}`)
      this.crashes += 1
      const lost = inFlight && { operation: inFlight, repeat: this.#view.repeatLast() }
      await this.#proxy.start()
      await this.#subject.reconnect()
      await this.#recover(lost)
      await this.#restart(`${this.#point}:${this.#stride}`)
    }
  }

  /** What is acknowledged is there; what was under way is wholly there or not at all; then the client goes on. */
  async #recover(lost: LostCall | undefined): Promise<void> {
    const known = this.#driver.handles
    const inFlight = lost?.operation
    const after = modelAfter([...this.#log, ...unacknowledged(inFlight)])
    const problems = await treeProblems(this.#view, after, known)
    const others = problems.length > 0 ? await treeProblems(this.#view, modelAfter(this.#log), known) : []
    if (others.length > 0)
      throw this.#failure(inFlight, ['neither as after it:', ...problems, 'nor as before it:', ...others])

    // A reply that was lost comes again; a call that was not carried out is carried out now.
    const again = await lost?.repeat()
    if (again !== undefined && again.status !== 'OK')
      throw this.#failure(inFlight, [`sent again: ${again.status}`])
    this.#driver = new Driver(withoutTimes(after), this.#view, this.#identities, known)
    await recoverFromCrash(this.#driver)
    const wanted = modelAfter([...this.#log, ...(inFlight === undefined ? [] : [inFlight]), 'all stable'])
    const left = await treeProblems(this.#view, wanted, known)
    if (left.length > 0) throw this.#failure(inFlight, ['after everything was sent again:', ...left])
    this.#driver = new Driver(withoutTimes(wanted), this.#view, this.#identities, known)
    this.#log.push('all stable')
  }

  #failure(inFlight: Operation | undefined, what: readonly string[]): Error {
    const where = `crash ${this.crashes} at ${this.#point} in ${JSON.stringify(inFlight)}`
    return new Error([where, ...what].join('\n  '))
  }

  /** At the end once more by a kill, and cleanly: nothing is lost, and nothing is left over. */
  async #end(): Promise<void> {
    await this.#subject.restart('kill')
    this.#driver.reconnect(this.#view, 'kill')
    await recoverFromCrash(this.#driver)
    await verifyTree(this.#driver)
    await this.#restart(undefined)
    this.#driver.reconnect(this.#view, 'clean')
    await verifyTree(this.#driver)
  }

  async #restart(crashPoint: RowfsCrashPoint | undefined): Promise<void> {
    const problems = await this.#subject.problems(VIEW)
    if (problems.length > 0) throw this.#failure(undefined, ['view check:', ...problems])
    const { exitCode } = await this.#proxy.stop()
    if (exitCode !== 0) throw new Error(`SIGTERM: exit code ${exitCode}\n${this.#proxy.log}`)
    await this.#proxy.start(crashPoint)
    await this.#subject.reconnect()
  }
}

/** The model after some operations, as if everything had gone well. */
export function modelAfter(log: readonly LogEntry[]): Model {
  const model = new Model(crashTree())
  for (const entry of log) {
    if (entry === 'all stable') {
      for (const node of model.nodes.values()) settle(node, 0, Number.MAX_SAFE_INTEGER)
    } else if (entry.body.do !== 'list' && entry.body.do !== 'burst') model.apply(askingOf(entry), entry.body)
  }
  return model
}

/** A call without an answer has promised nothing: a write may be lost, a commit may not have been one. */
function unacknowledged(operation: Operation | undefined): Operation[] {
  if (operation === undefined || operation.body.do === 'commit') return []
  const { body } = operation
  return [body.do === 'write' ? { ...operation, body: { ...body, stability: 'unstable' } } : operation]
}

/** Nobody saw the times of a model that was only thought out. */
function withoutTimes(model: Model): Model {
  for (const node of model.nodes.values()) {
    node.atime = ModelTime.unsure()
    node.mtime = ModelTime.unsure()
    node.ctime = ModelTime.unsure()
  }
  return model
}
