import { BLOCK_SIZE_BYTES, type BlockRun } from './blocks.ts'

export type BlockSource = 'shadow' | 'upstream' | 'zero'

export interface ReadStep {
  readonly source: BlockSource
  readonly offsetBytes: number
  readonly countBytes: number
}

export interface ReadPlanInput {
  /** Cover the range [offsetBytes, offsetBytes + countBytes), in order. */
  readonly runs: Iterable<BlockRun>
  readonly offsetBytes: number
  readonly countBytes: number
  /**
   * The smallest size the file has had since it became ours, 0 for a file we made.
   * Upstream bytes at or after it must not come back when the file grows again.
   */
  readonly upstreamEndBytes: number
}

/** Decides, does not act. The steps cover the range in order, without gaps. */
export function planRead(input: ReadPlanInput): ReadStep[] {
  const steps: ReadStep[] = []
  const end = input.offsetBytes + input.countBytes
  for (const run of input.runs) {
    const from = Math.max(input.offsetBytes, run.firstBlock * BLOCK_SIZE_BYTES)
    const to = Math.min(end, (run.firstBlock + run.blockCount) * BLOCK_SIZE_BYTES)
    if (to <= from) continue
    if (run.present) {
      steps.push({ source: 'shadow', offsetBytes: from, countBytes: to - from })
      continue
    }
    const split = Math.min(to, Math.max(from, input.upstreamEndBytes))
    if (split > from) steps.push({ source: 'upstream', offsetBytes: from, countBytes: split - from })
    if (to > split) steps.push({ source: 'zero', offsetBytes: split, countBytes: to - split })
  }
  return steps
}
