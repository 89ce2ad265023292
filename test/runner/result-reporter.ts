import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import type { SkippedCase } from './tier-result.ts'

type Outcome = { passed: number; failed: string[]; skipped: SkippedCase[] }

/**
 * Writes what a vitest run came to into the file that ROWFS_TEST_RESULT names, in the shape that `run.ts` adds up.
 * A file that cannot be loaded, a failing hook and an error outside of every test count as failures too.
 */
export class ResultReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], strayErrors: readonly { readonly message: string }[]): void {
    const path = process.env.ROWFS_TEST_RESULT
    if (path === undefined) return
    const outcome: Outcome = { passed: 0, failed: [], skipped: [] }
    for (const error of strayErrors) outcome.failed.push(`outside of every test: ${firstLine(error.message)}`)
    for (const module of modules) addModule(module, outcome)
    writeFileSync(path, JSON.stringify(outcome))
  }
}

function addModule(module: TestModule, outcome: Outcome): void {
  const file = relative(process.cwd(), module.moduleId)
  addGroupErrors(module, file, outcome)
  for (const suite of module.children.allSuites())
    addGroupErrors(suite, `${file} > ${suite.fullName}`, outcome)
  for (const test of module.children.allTests()) addCase(test, `${file} > ${test.fullName}`, outcome)
}

function addGroupErrors(group: TestModule | TestSuite, name: string, outcome: Outcome): void {
  for (const error of group.errors()) outcome.failed.push(`${name}: ${firstLine(error.message)}`)
}

function addCase(test: TestCase, name: string, outcome: Outcome): void {
  const result = test.result()
  switch (result.state) {
    case 'passed':
      outcome.passed += 1
      break
    case 'skipped':
      outcome.skipped.push({ name, reason: result.note ?? reasonInName(name) })
      break
    case 'failed':
      outcome.failed.push(`${name}: ${firstLine(result.errors[0]?.message ?? 'no error was given')}`)
      break
    default:
      outcome.failed.push(`${name}: did not finish`)
  }
}

/** Suites that lack something carry the reason in their name: "suite [skipped: needs root]". */
function reasonInName(name: string): string {
  return /\[skipped: ([^\]]*)\]/.exec(name)?.[1] ?? 'no reason was given in the test'
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!
}
