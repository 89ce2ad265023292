/** What one tier of the tests came to. */
export interface TierResult {
  readonly tier: string
  readonly passed: number
  /** "file > suite > case: first line of the error". */
  readonly failed: readonly string[]
  readonly skipped: readonly SkippedCase[]
  readonly durationMs: number
}

export interface SkippedCase {
  readonly name: string
  readonly reason: string
}

/** A tier that ended without a result (it crashed, or its time was up) counts as one failure. */
export function brokenTier(tier: string, what: string, durationMs: number): TierResult {
  return { tier, passed: 0, failed: [`${tier}: ${what}`], skipped: [], durationMs }
}

/** What is printed at the end of `npm test`. The last line is for machines: "N passed, N failed[, N skipped]". */
export function summaryLines(results: readonly TierResult[], notRun: readonly string[]): string[] {
  const lines: string[] = ['']
  for (const result of results) {
    const counts = [`${result.passed} passed`, `${result.failed.length} failed`]
    if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`)
    lines.push(`${result.tier.padEnd(8)}${counts.join(' · ')} in ${(result.durationMs / 1000).toFixed(1)} s`)
  }
  for (const tier of notRun) lines.push(`${tier.padEnd(8)}not run, because an earlier tier failed`)
  lines.push(...skippedLines(results.flatMap((result) => result.skipped)))
  const failed = results.flatMap((result) => result.failed)
  if (failed.length > 0) lines.push('', 'failed:', ...failed.map((name) => `  ${name}`))
  lines.push('', totalLine(results))
  return lines
}

/** The names under each reason, so that one missing package is said once. */
function skippedLines(skipped: readonly SkippedCase[]): string[] {
  const byReason = Map.groupBy(skipped, (one) => one.reason)
  const lines: string[] = []
  for (const [reason, cases] of byReason) {
    lines.push('', `skipped: ${reason}`, ...cases.map((one) => `  ${one.name}`))
  }
  return lines
}

function totalLine(results: readonly TierResult[]): string {
  const sum = (count: (result: TierResult) => number) => results.reduce((all, one) => all + count(one), 0)
  const skipped = sum((result) => result.skipped.length)
  const line = `${sum((result) => result.passed)} passed, ${sum((result) => result.failed.length)} failed`
  return skipped > 0 ? `${line}, ${skipped} skipped` : line
}
