import { BLOCK_SIZE_BYTES, blockOf, blocksFor } from './blocks.ts'
import type { BlockSource } from './plan-read.ts'

/** A block of which the write covers only a part: the rest comes from `source` first. */
export interface Fill {
  readonly block: number
  readonly source: BlockSource
}

export interface WritePlan {
  readonly firstBlock: number
  readonly blockCount: number
  /** None, one or two: only the first and the last block of a write can be covered in part. */
  readonly fills: readonly Fill[]
}

export interface WritePlanInput {
  readonly offsetBytes: number
  readonly countBytes: number
  readonly isPresent: (block: number) => boolean
  /** As in ReadPlanInput. */
  readonly upstreamEndBytes: number
}

/** Decides, does not act. */
export function planWrite(input: WritePlanInput): WritePlan {
  const end = input.offsetBytes + input.countBytes
  const firstBlock = blockOf(input.offsetBytes)
  const lastBlock = blocksFor(end) - 1
  const fills: Fill[] = []
  const partial = (block: number) => {
    const source = input.isPresent(block)
      ? 'shadow'
      : block * BLOCK_SIZE_BYTES < input.upstreamEndBytes
        ? 'upstream'
        : 'zero'
    fills.push({ block, source })
  }
  if (input.offsetBytes % BLOCK_SIZE_BYTES !== 0) partial(firstBlock)
  const headIsLast = fills.length === 1 && firstBlock === lastBlock
  if (end % BLOCK_SIZE_BYTES !== 0 && !headIsLast) partial(lastBlock)
  return { firstBlock, blockCount: lastBlock - firstBlock + 1, fills }
}
