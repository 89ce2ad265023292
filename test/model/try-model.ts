import { MismatchError } from './driver.ts'
import {
  type InProcessMode,
  inProcessSubject,
  isInProcess,
  type ModelMode,
  type OpenMode,
  openMode,
} from './modes.ts'
import { type EpisodeLog, type ModelSummary, runModel } from './run-model.ts'
import { type Shrunk, shrink } from './shrink.ts'

/** Thrown for a run that failed: everything that somebody needs to do it again. */
export class ModelFailure extends Error {
  override readonly name = 'ModelFailure'
}

const SHRINK_MS = 60_000
const SHOWN_STEPS = 60

/** One run of the model test; throws ModelFailure. */
export async function tryModel(mode: ModelMode, seed: number, operations: number): Promise<ModelSummary> {
  const open = await openMode(mode, seed, operations)
  let log: EpisodeLog | undefined
  try {
    const summary = await runModel(open.subject, open.run, (episode) => {
      log = episode
    })
    await open.close()
    return summary
  } catch (error) {
    await open.close().catch(() => {})
    const shrunk = isInProcess(mode) ? await tryToShrink(mode, open, log, error) : undefined
    throw new ModelFailure(report({ mode, seed, operations, log, error, shrunk }), { cause: error })
  }
}

async function tryToShrink(
  mode: InProcessMode,
  { run }: OpenMode,
  log: EpisodeLog | undefined,
  error: unknown,
): Promise<Shrunk | undefined> {
  if (log === undefined || !(error instanceof MismatchError)) return undefined
  return shrink(log.steps, {
    tree: run.tree,
    view: error.view,
    open: () => inProcessSubject(mode, run.seed, run.tree),
    endsAtMs: Date.now() + SHRINK_MS,
  })
}

interface Failure {
  readonly mode: ModelMode
  readonly seed: number
  readonly operations: number
  readonly log: EpisodeLog | undefined
  readonly error: unknown
  readonly shrunk: Shrunk | undefined
}

function report({ mode, seed, operations, log, error, shrunk }: Failure): string {
  const lines = [
    `the model test failed in mode ${mode} with seed ${seed}`,
    `again: node test/model/main.ts --mode ${mode} --seed ${seed} --operations ${operations}`,
    String(error),
  ]
  for (const { identities, recent } of log?.drivers ?? []) {
    lines.push(`the last operations on view ${identities.view}:`, ...recent.map((line) => `  ${line}`))
  }
  if (shrunk !== undefined) {
    lines.push(`the fewest steps found that fail (${shrunk.steps.length}), with ${shrunk.error}:`)
    lines.push(...shrunk.steps.slice(0, SHOWN_STEPS).map((step) => `  ${JSON.stringify(step)}`))
  }
  return lines.join('\n')
}
