/**
 * `npm test`: the tiers in order, cheap ones first, then a summary that names what failed and what was skipped and why.
 * Arguments are passed on to vitest (`npm test -- test/cli`).
 */
import { runTier, type Tier } from './run-tier.ts'
import { summaryLines, type TierResult } from './tier-result.ts'

const args = process.argv.slice(2)
const vitest = (project: string) => ({ kind: 'vitest' as const, project, args })

const TIERS: readonly Tier[] = [
  { name: 'types', isGate: true, steps: [{ kind: 'program', name: 'types', argv: ['tsc'] }] },
  { name: 'lint', isGate: false, steps: [{ kind: 'program', name: 'lint', argv: ['biome', 'check', '.'] }] },
  { name: 'fast', isGate: true, steps: [vitest('fast')] },
  { name: 'system', isGate: false, steps: [vitest('system')] },
  { name: 'kernel', isGate: false, steps: [vitest('kernel')] },
]

const results: TierResult[] = []
const notRun: string[] = []
for (const tier of TIERS) {
  process.stdout.write(`\n== ${tier.name}\n`)
  const result = await runTier(tier)
  results.push(result)
  if (!tier.isGate || result.failed.length === 0) continue
  notRun.push(...TIERS.slice(TIERS.indexOf(tier) + 1).map((later) => later.name))
  break
}
process.stdout.write(`${summaryLines(results, notRun).join('\n')}\n`)
process.exitCode = results.some((result) => result.failed.length > 0) ? 1 : 0
