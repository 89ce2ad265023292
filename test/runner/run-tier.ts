import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { brokenTier, type TierResult } from './tier-result.ts'

export interface Tier {
  readonly name: string
  /** Later tiers mean nothing while this one fails. */
  readonly isGate: boolean
  readonly steps: readonly Step[]
}

/** A program whose exit code is one result, or a vitest project that reports each case. */
export type Step =
  | { readonly kind: 'program'; readonly name: string; readonly argv: readonly string[] }
  | { readonly kind: 'vitest'; readonly project: string; readonly args: readonly string[] }

const checkout = join(import.meta.dirname, '..', '..')
const programs = join(checkout, 'node_modules', '.bin')
const resultFolder = join(checkout, '.cache', 'test-results')

export async function runTier(tier: Tier): Promise<TierResult> {
  const startedMs = performance.now()
  const parts: TierResult[] = []
  for (const step of tier.steps) {
    parts.push(await (step.kind === 'vitest' ? runVitest(step) : runProgram(step)))
  }
  return {
    tier: tier.name,
    passed: parts.reduce((all, part) => all + part.passed, 0),
    failed: parts.flatMap((part) => part.failed),
    skipped: parts.flatMap((part) => part.skipped),
    durationMs: performance.now() - startedMs,
  }
}

async function runProgram(step: Extract<Step, { kind: 'program' }>): Promise<TierResult> {
  const exitCode = await start(step.argv, {})
  if (exitCode !== 0) return brokenTier(step.name, `${step.argv.join(' ')} ended with ${exitCode}`, 0)
  return { tier: step.name, passed: 1, failed: [], skipped: [], durationMs: 0 }
}

async function runVitest(step: Extract<Step, { kind: 'vitest' }>): Promise<TierResult> {
  mkdirSync(resultFolder, { recursive: true })
  const path = join(resultFolder, `${step.project}.json`)
  rmSync(path, { force: true })
  const argv = ['vitest', 'run', '--project', step.project, '--passWithNoTests', ...step.args]
  const exitCode = await start(argv, { ROWFS_TEST_RESULT: path })
  const result = readResult(path)
  if (result === undefined) return brokenTier(step.project, `vitest ended with ${exitCode} and no result`, 0)
  if (exitCode !== 0 && result.failed.length === 0) {
    return { ...result, failed: [`${step.project}: vitest ended with ${exitCode}, see above`] }
  }
  return result
}

function readResult(path: string): TierResult | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TierResult
  } catch {
    return undefined
  }
}

function start(argv: readonly string[], env: Record<string, string>): Promise<number | NodeJS.Signals> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(join(programs, program!), args, {
      cwd: checkout,
      stdio: 'inherit',
      env: { ...process.env, PATH: `${programs}:${process.env.PATH}`, ...env },
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 1))
  })
}
