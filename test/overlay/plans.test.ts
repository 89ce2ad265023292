import { expect, test } from 'vitest'
import { BLOCK_SIZE_BYTES, type BlockRun } from '../../src/overlay/blocks.ts'
import { planRead } from '../../src/overlay/plan-read.ts'
import { planRename } from '../../src/overlay/plan-rename.ts'
import { planWrite } from '../../src/overlay/plan-write.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'
import { SeededRandom } from '../model/seeded-random.ts'

function runsOf(present: readonly boolean[]): BlockRun[] {
  const runs: { firstBlock: number; blockCount: number; present: boolean }[] = []
  for (const [block, is] of present.entries()) {
    const last = runs.at(-1)
    if (last !== undefined && last.present === is) last.blockCount += 1
    else runs.push({ firstBlock: block, blockCount: 1, present: is })
  }
  return runs
}

test('a read plan gives every byte to the layer that a byte-by-byte rule names', () => {
  const random = new SeededRandom(7)
  for (let round = 0; round < 2000; round += 1) {
    const present = Array.from({ length: 6 }, () => random.below(2) === 1)
    const upstreamEndBytes = random.below(6 * BLOCK_SIZE_BYTES)
    const offsetBytes = random.below(5 * BLOCK_SIZE_BYTES)
    const countBytes = 1 + random.below(6 * BLOCK_SIZE_BYTES - offsetBytes)
    const steps = planRead({ runs: runsOf(present), offsetBytes, countBytes, upstreamEndBytes })
    let at = offsetBytes
    for (const step of steps) {
      expect(step.offsetBytes).toBe(at)
      for (const probe of [at, at + step.countBytes - 1, at + (step.countBytes >> 1)]) {
        const ours = present[Math.floor(probe / BLOCK_SIZE_BYTES)]
        expect(step.source).toBe(ours ? 'shadow' : probe < upstreamEndBytes ? 'upstream' : 'zero')
      }
      at += step.countBytes
    }
    expect(at).toBe(offsetBytes + countBytes)
  }
})

test('a write plan fills the blocks that are covered in part, and no others', () => {
  const plan = (offsetBytes: number, countBytes: number, ours: number[], upstreamEndBytes: number) =>
    planWrite({ offsetBytes, countBytes, upstreamEndBytes, isPresent: (block) => ours.includes(block) })
  expect(plan(0, 8192, [], 8192)).toEqual({ firstBlock: 0, blockCount: 2, fills: [] })
  expect(plan(1, 1, [], 8192).fills).toEqual([{ block: 0, source: 'upstream' }])
  expect(plan(4095, 2, [0], 8192).fills).toEqual([
    { block: 0, source: 'shadow' },
    { block: 1, source: 'upstream' },
  ])
  expect(plan(4096, 100, [], 4096).fills).toEqual([{ block: 1, source: 'zero' }])
  expect(plan(0, 100, [], 50).fills).toEqual([{ block: 0, source: 'upstream' }])
  expect(plan(100, 4096, [], 0).fills).toEqual([
    { block: 0, source: 'zero' },
    { block: 1, source: 'zero' },
  ])
})

test('a rename is refused, nothing, or a move', () => {
  const file = { node: 2 as NodeId, type: 'file' } as const
  const directory = { node: 4 as NodeId, type: 'directory' } as const
  const other = (type: 'file' | 'directory', isEmpty: boolean) => ({ node: 6 as NodeId, type, isEmpty })
  const plan = (input: Partial<Parameters<typeof planRename>[0]>) =>
    planRename({
      source: file,
      target: undefined,
      isBelowItself: false,
      isAboveSource: false,
      denied: undefined,
      ...input,
    })
  expect(plan({ source: undefined })).toEqual({ do: 'refuse', status: 'NOENT' })
  expect(plan({ target: { ...file, isEmpty: true } })).toEqual({ do: 'nothing' })
  expect(plan({ source: directory, isBelowItself: true })).toEqual({ do: 'refuse', status: 'INVAL' })
  expect(plan({ isAboveSource: true, target: other('directory', false) })).toEqual({
    do: 'refuse',
    status: 'NOTEMPTY',
  })
  expect(plan({ denied: 'ACCES' })).toEqual({ do: 'refuse', status: 'ACCES' })
  expect(plan({})).toEqual({ do: 'move', replaces: false })
  expect(plan({ target: other('file', true) })).toEqual({ do: 'move', replaces: true })
  expect(plan({ target: other('directory', true) })).toEqual({ do: 'refuse', status: 'ISDIR' })
  expect(plan({ source: directory, target: other('file', true) })).toEqual({ do: 'refuse', status: 'NOTDIR' })
  expect(plan({ source: directory, target: other('directory', false) })).toEqual({
    do: 'refuse',
    status: 'NOTEMPTY',
  })
  expect(plan({ source: directory, target: other('directory', true) })).toEqual({
    do: 'move',
    replaces: true,
  })
})
