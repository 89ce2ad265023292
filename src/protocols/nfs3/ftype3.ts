/** ftype3 (RFC 1813 section 2.5). */
export const FTYPE3 = {
  NF3REG: 1,
  NF3DIR: 2,
  NF3BLK: 3,
  NF3CHR: 4,
  NF3LNK: 5,
  NF3SOCK: 6,
  NF3FIFO: 7,
} as const

/** By number; index 0 is none. */
export const FTYPE3_NAMES: readonly (keyof typeof FTYPE3 | undefined)[] = [
  undefined,
  ...(Object.keys(FTYPE3) as (keyof typeof FTYPE3)[]),
]
