/** The unit of redirection: one presence bit stands for this many bytes. */
export const BLOCK_SIZE_BYTES = 4096
/** One presence page (one index record) covers 64 blocks: 256 KiB of file. */
export const BLOCKS_PER_PAGE = 64

/** A run of blocks of one kind: all ours (`present`), or none. */
export interface BlockRun {
  readonly firstBlock: number
  readonly blockCount: number
  readonly present: boolean
}

export function blockOf(offsetBytes: number): number {
  return Math.floor(offsetBytes / BLOCK_SIZE_BYTES)
}

/** How many blocks it takes to hold so many bytes. */
export function blocksFor(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_SIZE_BYTES)
}
