import { Identities } from './compare.ts'
import { Driver, MismatchError } from './driver.ts'
import { Model } from './model.ts'
import type { Step } from './run-model.ts'
import type { SeedTree } from './seed-tree.ts'
import type { Subject } from './subject.ts'
import { recoverFromCrash, verifyTree } from './verify.ts'

/** Does the steps of one view again on a new subject, and looks at the whole tree after every restart and at the end. */
export async function replay(subject: Subject, tree: SeedTree, view: string, steps: readonly Step[]) {
  const driver = new Driver(new Model(tree), await subject.view(view), new Identities(view))
  for (const step of steps) {
    if ('operation' in step) {
      await driver.run(step.operation)
      continue
    }
    const how = step.event === 'clean' ? 'clean' : 'kill'
    await subject.restart(how)
    driver.reconnect(await subject.view(view), how)
    await recoverFromCrash(driver)
    await verifyTree(driver)
  }
  await verifyTree(driver)
  const problems = await subject.problems(view)
  if (problems.length > 0) throw new MismatchError(view, 'view check:', problems)
}

export interface Shrinking {
  readonly tree: SeedTree
  readonly view: string
  readonly open: () => Promise<Subject>
  readonly endsAtMs: number
}

export interface Shrunk {
  readonly steps: readonly Step[]
  readonly error: Error
}

/**
 * Leaves steps out as long as it still goes wrong (delta debugging). Undefined: with the steps of this view alone it
 * does not go wrong again.
 */
export async function shrink(all: readonly Step[], shrinking: Shrinking): Promise<Shrunk | undefined> {
  const own = all.filter((step) => 'event' in step || step.view === shrinking.view)
  let error = await failureOf(own, shrinking)
  if (error === undefined) return undefined
  let steps = own
  for (let parts = 2; Date.now() < shrinking.endsAtMs; ) {
    const partSteps = Math.ceil(steps.length / parts)
    let smaller: Shrunk | undefined
    for (let from = 0; from < steps.length && smaller === undefined; from += partSteps) {
      if (Date.now() > shrinking.endsAtMs) break
      const rest = [...steps.slice(0, from), ...steps.slice(from + partSteps)]
      const failure = await failureOf(rest, shrinking)
      if (failure !== undefined) smaller = { steps: rest, error: failure }
    }
    if (smaller !== undefined) {
      steps = [...smaller.steps]
      error = smaller.error
      parts = Math.max(2, parts - 1)
    } else if (partSteps <= 1) break
    else parts = Math.min(steps.length, parts * 2)
  }
  return { steps, error }
}

async function failureOf(steps: readonly Step[], shrinking: Shrinking): Promise<Error | undefined> {
  const subject = await shrinking.open()
  try {
    await replay(subject, shrinking.tree, shrinking.view, steps)
    return undefined
  } catch (error) {
    return error as Error
  } finally {
    await subject.close().catch(() => {})
  }
}
