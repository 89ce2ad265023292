import { setTimeout as sleep } from 'node:timers/promises'
import { Identities } from './compare.ts'
import { Driver, MismatchError, settleAll } from './driver.ts'
import { Model } from './model.ts'
import { type Operation, ROOT_CALLER } from './operation.ts'
import { OperationGenerator } from './operations.ts'
import type { SeedTree } from './seed-tree.ts'
import { SeededRandom } from './seeded-random.ts'
import type { Subject } from './subject.ts'
import { recoverFromCrash, verifySome, verifyTree } from './verify.ts'

export interface ModelRun {
  readonly seed: number
  readonly tree: SeedTree
  /** Over all views; the last episode is carried to its end. */
  readonly operations: number
  /** After so many operations each pair of views is compared whole and new ones are taken. */
  readonly operationsPerEpisode: number
  /** Between two events, for one view. */
  readonly operationsPerBatch: number
  readonly views: readonly string[]
  /** What happens after a batch, in parts of their sum. */
  readonly events: Readonly<Record<ModelEvent, number>>
}

/** `across`: killed while a call of every view is under way, which is then sent again; only over the wire. */
export type ModelEvent = 'nothing' | 'clean' | 'kill' | 'across'

export interface ModelSummary {
  operations: number
  leftOut: number
  restarts: number
  kills: number
  episodes: number
}

const SOME_NODES = 40
/** A call takes well under a millisecond: some die before, some in, some after it. */
const MOST_KILL_DELAY_MS = 3

/** What was done in an episode, in order, to be done again. */
export type Step =
  | { readonly view: string; readonly operation: Operation }
  | { readonly event: Exclude<ModelEvent, 'nothing'> }

/** The episode that runs, for the report of a failure. */
export interface EpisodeLog {
  readonly drivers: readonly Driver[]
  readonly steps: Step[]
}

/**
 * Random operations on two views of one image at the same time, each against a model of its own, with restarts and
 * kills in between. Throws what the driver throws; `onEpisode` gets the log of every episode as it begins.
 */
export async function runModel(
  subject: Subject,
  run: ModelRun,
  onEpisode: (log: EpisodeLog) => void = () => {},
): Promise<ModelSummary> {
  const summary: ModelSummary = { operations: 0, leftOut: 0, restarts: 0, kills: 0, episodes: 0 }
  const random = new SeededRandom(run.seed)
  const owners = new Map<string, string>()
  while (summary.episodes * run.operationsPerEpisode < run.operations) {
    const names = episodeViews(run, summary.episodes)
    const drivers: Driver[] = []
    for (const name of names) {
      drivers.push(new Driver(new Model(run.tree), await subject.view(name), new Identities(name, owners)))
    }
    const steps: Step[] = []
    onEpisode({ drivers, steps })
    await runEpisode(subject, run, { random, drivers, names, summary, steps })
    summary.episodes += 1
  }
  return summary
}

function episodeViews(run: ModelRun, episode: number): string[] {
  return run.views.map((view) => `e${episode}${view}`)
}

/** The views that a run will ask its subject for. */
export function viewsOfRun(run: ModelRun): string[] {
  const episodes = Math.ceil(run.operations / run.operationsPerEpisode)
  return Array.from({ length: episodes }, (_, episode) => episodeViews(run, episode)).flat()
}

interface Episode {
  readonly random: SeededRandom
  readonly drivers: readonly Driver[]
  readonly names: readonly string[]
  readonly summary: ModelSummary
  readonly steps: Step[]
}

async function runEpisode(subject: Subject, run: ModelRun, episode: Episode): Promise<void> {
  const { random, drivers } = episode
  const generators = drivers.map(
    (driver) =>
      new OperationGenerator(new SeededRandom(random.uint32()), driver.model, driver.view.overTheWire),
  )
  let nextId = 0
  for (let done = 0; done < run.operationsPerEpisode; done += run.operationsPerBatch * drivers.length) {
    const from = nextId
    nextId += run.operationsPerBatch
    const batches = drivers.map((driver, index) =>
      runBatch(driver, generators[index]!, { from, to: nextId, episode }),
    )
    await settleAll(batches)
    const event = random.weighted(run.events)
    if (event === 'across') {
      await killAcross(
        subject,
        episode,
        generators.map((generator) => generator.burst(nextId)),
      )
      nextId += 1
    } else if (event !== 'nothing') {
      await restart(subject, episode, event)
    }
  }
  await settleAll(drivers.map((driver) => verifyTree(driver)))
  for (const name of episode.names) {
    const problems = await subject.problems(name)
    if (problems.length > 0) throw new MismatchError(name, 'view check:', problems)
  }
}

async function runBatch(
  driver: Driver,
  generator: OperationGenerator,
  batch: { readonly from: number; readonly to: number; readonly episode: Episode },
): Promise<void> {
  const { steps, summary } = batch.episode
  for (let id = batch.from; id < batch.to; id += 1) {
    const operation = generator.next(id)
    steps.push({ view: driver.identities.view, operation })
    const calls = await driver.run(operation)
    summary.operations += calls
    if (calls === 0) summary.leftOut += 1
  }
}

async function restart(subject: Subject, episode: Episode, how: 'clean' | 'kill'): Promise<void> {
  const { drivers, names, summary, random, steps } = episode
  steps.push({ event: how })
  await subject.restart(how)
  if (how === 'clean') summary.restarts += 1
  else summary.kills += 1
  for (const [index, driver] of drivers.entries()) {
    driver.reconnect(await subject.view(names[index]!), how)
    await recoverFromCrash(driver)
    await verifySome(driver, SOME_NODES, random)
  }
}

/** What is unstable is committed first, so that the answers to what is sent again can be told exactly. */
async function killAcross(
  subject: Subject,
  episode: Episode,
  bursts: readonly (readonly Operation[])[],
): Promise<void> {
  const { drivers, summary, random, steps } = episode
  steps.push({ event: 'across' })
  for (const [index, driver] of drivers.entries()) {
    const operation: Operation = {
      id: -1,
      caller: ROOT_CALLER,
      body: { do: 'burst', operations: bursts[index]! },
    }
    steps.push({ view: driver.identities.view, operation })
    await commitAll(driver)
    for (const each of bursts[index]!) await driver.prepare(each)
  }
  const delayMs = random.below(MOST_KILL_DELAY_MS)
  let crash: Promise<void> | undefined
  const crashOnce = () => {
    crash ??= killAfter(subject, drivers, delayMs)
    return crash
  }
  const calls = drivers.map((driver, index) =>
    settleAll(bursts[index]!.map((operation) => driver.runAcross(operation, crashOnce))),
  )
  for (const done of await settleAll(calls)) summary.operations += done.length
  await crashOnce()
  summary.kills += 1
  await settleAll(drivers.map((driver) => verifySome(driver, SOME_NODES, random)))
}

async function killAfter(subject: Subject, drivers: readonly Driver[], delayMs: number): Promise<void> {
  await sleep(delayMs)
  await subject.restart('kill')
  for (const driver of drivers) driver.reconnect(driver.view, 'kill')
}

async function commitAll(driver: Driver): Promise<void> {
  for (const node of driver.model.nodes.values()) {
    if (node.unstable === undefined || node.gone) continue
    await driver.asRoot({ do: 'commit', node: node.ref, offsetBytes: 0, countBytes: 0 })
  }
}
