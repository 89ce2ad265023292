import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type UncommittedWrite, UncommittedWrites } from '../../src/shadow/uncommitted-writes.ts'
import { expectBytes } from '../conformance/harness.ts'

const SIZE = 64
const V1 = Uint8Array.of(1)
const V2 = Uint8Array.of(2)

const bytes = (count: number, value: number) => new Uint8Array(count).fill(value)
const answer = (answered: number, verifier: Uint8Array): UncommittedWrite => ({ answered, verifier })
const ranges = (pieces: readonly { offsetBytes: number; data: Uint8Array }[]) =>
  pieces.map(({ offsetBytes, data }) => [offsetBytes, data.length])

test('only what was answered before the COMMIT, with its verifier, is confirmed', () => {
  const writes = new UncommittedWrites()
  writes.add(0, bytes(10, 1), answer(1, V1))
  writes.add(10, bytes(10, 2), answer(2, V2))
  writes.add(20, bytes(10, 3), answer(3, V2))
  writes.add(30, bytes(10, 4), answer(0, V2))
  writes.add(40, bytes(10, 5), { answered: 2, verifier: undefined })
  expect(ranges(writes.lost(2, V2))).toEqual([
    [0, 10],
    [40, 10],
  ])
  writes.committed(2, V2)
  expect(writes.bytes).toBe(40)
  expect(writes.covers(10, 10)).toBe(false)
  expect(writes.covers(20, 20)).toBe(true)
})

test('new bytes take the place of old ones, and say so', () => {
  const writes = new UncommittedWrites()
  expect(writes.add(10, bytes(10, 1), answer(1, V1))).toBe(false)
  expect(writes.add(0, bytes(10, 2), answer(2, V1))).toBe(false)
  expect(writes.add(20, bytes(10, 3), answer(3, V1))).toBe(false)
  expect(writes.add(12, bytes(3, 4), answer(4, V1))).toBe(true)
  expect(ranges(writes.lost(9, V2))).toEqual([
    [0, 10],
    [10, 2],
    [12, 3],
    [15, 5],
    [20, 10],
  ])
  expect(writes.cut(30)).toBe(false)
  expect(writes.cut(13)).toBe(true)
  expect(writes.bytes).toBe(13)
})

test('a small rest of a large write does not keep all of it', () => {
  const writes = new UncommittedWrites()
  writes.add(0, bytes(1000, 1), answer(1, V1))
  writes.add(10, bytes(990, 2), answer(2, V1))
  const [rest] = writes.lost(9, V2)
  expect(rest!.data.buffer.byteLength).toBe(10)
})

type Step = { do: 'add' | 'cut' | 'forget' | 'commit'; at: number; count: number; other: boolean }
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('add', 'add', 'add', 'cut', 'forget', 'commit'),
  at: fc.nat(SIZE - 1),
  count: fc.integer({ min: 1, max: SIZE / 2 }),
  other: fc.boolean(),
})

test('does what a map of single bytes does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(SIZE), fc.nat(SIZE), (steps, offset, known) => {
      const writes = new UncommittedWrites()
      const model = new Map<number, { value: number; write: UncommittedWrite }>()
      const made: UncommittedWrite[] = []
      for (const [index, { do: action, at, count, other }] of steps.entries()) {
        const keep = (wanted: (write: UncommittedWrite) => boolean) => {
          for (const [place, { write }] of model) if (!wanted(write)) model.delete(place)
        }
        if (action === 'add') {
          const write = answer(other ? index + 1 : 0, at % 2 === 0 ? V1 : V2)
          made.push(write)
          const displaced = [...model.keys()].some((place) => place >= at && place < at + count)
          expect(writes.add(at, bytes(count, index + 1), write)).toBe(displaced)
          for (let place = at; place < at + count; place += 1) model.set(place, { value: index + 1, write })
        } else if (action === 'cut') {
          expect(writes.cut(at)).toBe([...model.keys()].some((place) => place >= at))
          for (const place of [...model.keys()]) if (place >= at) model.delete(place)
        } else if (action === 'forget') {
          const write = made[at % Math.max(1, made.length)]
          if (write === undefined) continue
          writes.forget(write)
          keep((kept) => kept !== write)
        } else {
          writes.committed(at, V1)
          keep((write) => write.answered === 0 || write.answered > at || write.verifier !== V1)
        }
      }
      expect(writes.bytes).toBe(model.size)
      expect(writes.isEmpty).toBe(model.size === 0)
      const given = Math.min(known, 2 * SIZE)
      const into = new Uint8Array(2 * SIZE).fill(0xee)
      into.fill(0xaa, 0, given)
      const expected = into.slice()
      let end = given
      for (const [place, { value }] of [...model].sort(([a], [b]) => a - b)) {
        const at = place - offset
        if (at < 0 || at >= into.length) continue
        if (at > end) expected.fill(0, end, at)
        expected[at] = value
        end = Math.max(end, at + 1)
      }
      expect(writes.overlay(offset, into, given)).toBe(end)
      expectBytes(into, expected)
      const all = Array.from({ length: known }, (_, index) => model.has(offset + index))
      expect(writes.covers(offset, known)).toBe(all.every(Boolean))
    }),
    { numRuns: 2000 },
  )
})
