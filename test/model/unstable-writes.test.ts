import { expect, test } from 'vitest'
import { SparseBytes } from './sparse-bytes.ts'
import { UnstableWrites } from './unstable-writes.ts'

const OLD = 1
const NEW = 2
const NEWER = 3

function filled(value: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes).fill(value)
}

function fileOf(lengthBytes: number): UnstableWrites {
  const content = new SparseBytes()
  content.write(0, filled(OLD, lengthBytes))
  return new UnstableWrites(content, lengthBytes)
}

test('after a crash a write is there or not, block by block', () => {
  const writes = fileOf(10_000)
  writes.write({ offsetBytes: 1000, data: filled(NEW, 6000), caller: 0 })
  const seen = filled(OLD, 10_000)
  expect(writes.checkAfterCrash(0, seen)).toBeUndefined()
  seen.fill(NEW, 1000, 4096)
  expect(writes.checkAfterCrash(0, seen)).toBeUndefined()
  seen.fill(NEW, 4096, 7000)
  expect(writes.checkAfterCrash(0, seen)).toBeUndefined()
})

test('a block that is half old and half new is seen', () => {
  const writes = fileOf(10_000)
  writes.write({ offsetBytes: 1000, data: filled(NEW, 2000), caller: 0 })
  const seen = filled(OLD, 10_000)
  seen.fill(NEW, 1000, 2999)
  expect(writes.checkAfterCrash(0, seen)).toContain('bytes 1000 to 3000')
})

test('what nobody wrote must be as it was', () => {
  const writes = fileOf(10_000)
  writes.write({ offsetBytes: 1000, data: filled(NEW, 2000), caller: 0 })
  const seen = filled(OLD, 10_000)
  seen[3000] = NEW
  expect(writes.checkAfterCrash(0, seen)).toContain('bytes 3000 to 4096')
})

test('a stable write counts at once and cuts what was unstable below it', () => {
  const writes = fileOf(10_000)
  writes.write({ offsetBytes: 0, data: filled(NEW, 4096), caller: 0 })
  writes.settle(1000, filled(NEWER, 100))
  expect(writes.pieces.map(({ offsetBytes, data }) => [offsetBytes, data.length])).toEqual([
    [0, 1000],
    [1100, 2996],
  ])
  expect(writes.checkAfterCrash(0, filled(OLD, 10_000))).toContain('bytes 1000 to 1100')
})

test('a smaller size takes unstable bytes with it and is stable itself', () => {
  const writes = fileOf(10_000)
  writes.write({ offsetBytes: 9000, data: filled(NEW, 3000), caller: 0 })
  expect(writes.possibleSizes()).toEqual([10_000, 12_000])
  writes.resize(9500)
  expect(writes.pieces.map(({ offsetBytes, data }) => [offsetBytes, data.length])).toEqual([[9000, 500]])
  expect(writes.possibleSizes()).toEqual([9500])
})

test('the newest of several writes may be lost alone', () => {
  const writes = fileOf(4096)
  writes.write({ offsetBytes: 0, data: filled(NEW, 4096), caller: 0 })
  writes.write({ offsetBytes: 0, data: filled(NEWER, 4096), caller: 0 })
  for (const value of [OLD, NEW, NEWER])
    expect(writes.checkAfterCrash(0, filled(value, 4096))).toBeUndefined()
  expect(writes.checkAfterCrash(0, filled(4, 4096))).toBeDefined()
})
