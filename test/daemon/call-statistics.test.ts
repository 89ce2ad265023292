import { beforeEach, expect, test } from 'vitest'
import { CallStatistics, COUNTED_CLIENTS_MAX } from '../../src/daemon/call-statistics.ts'
import type { ServedProcedure } from '../../src/oncrpc/procedure.ts'

let nowMs = 0
const clock = { now: () => ({ seconds: 0, nanoseconds: 0 }), monotonicMs: () => nowMs }
const served = (program: number, name: string, mutates = false) =>
  ({ program, version: 3, name, spec: { mutates } }) as ServedProcedure
const READ = served(100003, 'READ')
const GETATTR = served(100003, 'GETATTR')

let statistics: CallStatistics
beforeEach(() => {
  nowMs = 0
  statistics = new CallStatistics(clock)
})

test('calls by procedure, most used first, with their latency and bytes', () => {
  statistics.called(READ, 'a', 7, 100, 4200)
  statistics.called(GETATTR, 'a', 1, 90, 112)
  statistics.called(GETATTR, 'a', 3, 90, 112)
  statistics.replayed(READ, 'a')
  expect(statistics.procedures()).toEqual([
    {
      program: 'nfs',
      procedure: 'GETATTR',
      calls: 2,
      replayed: 0,
      p50Us: 1,
      p99Us: 3,
      bytesIn: 180,
      bytesOut: 224,
    },
    {
      program: 'nfs',
      procedure: 'READ',
      calls: 1,
      replayed: 1,
      p50Us: 7,
      p99Us: 7,
      bytesIn: 100,
      bytesOut: 4200,
    },
  ])
  expect(statistics.calls).toBe(4)
  expect(statistics.changes).toBe(0)
  statistics.called(served(100003, 'WRITE', true), 'a', 1, 1, 1)
  expect(statistics.changes).toBe(1)
})

test('refusals by kind', () => {
  statistics.refused({ stat: 'PROG_UNAVAIL' })
  statistics.refused({ stat: 'PROG_UNAVAIL' })
  statistics.refused({ stat: 'RPC_MISMATCH', low: 2, high: 2 })
  expect(statistics.refusals()).toEqual({ PROG_UNAVAIL: 2, RPC_MISMATCH: 1 })
})

test('clients, the last heard of first', () => {
  statistics.called(READ, 'quiet', 1, 1, 1)
  nowMs = 500
  statistics.called(READ, 'busy', 1, 1, 1)
  statistics.called(READ, 'busy', 1, 1, 1)
  nowMs = 700
  expect(statistics.clients()).toEqual([
    { address: 'busy', calls: 2, idleMs: 200 },
    { address: 'quiet', calls: 1, idleMs: 700 },
  ])
})

test(`${COUNTED_CLIENTS_MAX} clients are counted; one more takes the place of the one that was silent longest`, () => {
  for (let client = 0; client < COUNTED_CLIENTS_MAX; client += 1) {
    nowMs += 1
    statistics.called(READ, `client ${client}`, 1, 1, 1)
  }
  nowMs += 1
  statistics.called(READ, 'client 0', 1, 1, 1)
  expect(statistics.clients()).toHaveLength(COUNTED_CLIENTS_MAX)
  statistics.called(READ, 'one more', 1, 1, 1)
  const addresses = statistics.clients().map((client) => client.address)
  expect(addresses).toHaveLength(COUNTED_CLIENTS_MAX)
  expect(addresses).toContain('one more')
  expect(addresses).toContain('client 0')
  expect(addresses).not.toContain('client 1')
})
