import { DamageError } from '../vfs/faults.ts'
import type { IndexEntry } from './index-store.ts'

/** The number of a commit, u64. */
export function sequencePayload(sequence: number): Buffer {
  const payload = Buffer.allocUnsafe(8)
  payload.writeBigUInt64BE(BigInt(sequence))
  return payload
}

/**
 * Every commit leaves its number in slot (number mod slots). LevelDB opens a log with flipped bits and drops
 * commits without a word; a number that is missing between its neighbours tells.
 */
export async function loadJournal(
  entries: AsyncIterable<IndexEntry>,
  slots: number,
): Promise<{ last: number; findings: string[] }> {
  const present = new Set<number>()
  const findings: string[] = []
  let last = 0
  for await (const { payload } of entries) {
    if (payload instanceof DamageError) {
      findings.push(payload.message)
      continue
    }
    const sequence = Number(Buffer.from(payload).readBigUInt64BE(0))
    present.add(sequence)
    if (sequence > last) last = sequence
  }
  const first = Math.max(1, last - slots + 1)
  for (let sequence = first; sequence <= last; sequence += 1) {
    if (present.has(sequence)) continue
    let end = sequence
    while (!present.has(end + 1)) end += 1
    findings.push(`the index lost the commits ${sequence} to ${end} of ${last}: bytes in its log are damaged`)
    sequence = end
  }
  return { last, findings }
}
