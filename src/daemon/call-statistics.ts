import type { Clock } from '../base/clock.ts'
import type { RpcRefusal } from '../oncrpc/message.ts'
import type { ServedProcedure } from '../oncrpc/procedure.ts'
import type { RpcObserver } from '../oncrpc/rpc-server.ts'
import { MOUNT3_PROGRAM } from '../protocols/mount3/procedures.ts'
import { NFS3_PROGRAM } from '../protocols/nfs3/procedures.ts'
import { PORTMAP2_PROGRAM } from '../protocols/portmap2/procedures.ts'
import { LatencyHistogram } from './latency-histogram.ts'

/** Clients that are counted each on its own; when there are more, the one that was silent longest is forgotten. */
export const COUNTED_CLIENTS_MAX = 1024

const PROGRAM_NAMES: ReadonlyMap<number, string> = new Map([
  [NFS3_PROGRAM, 'nfs'],
  [MOUNT3_PROGRAM, 'mount'],
  [PORTMAP2_PROGRAM, 'portmap'],
])

export interface ProcedureReport {
  readonly program: string
  readonly procedure: string
  readonly calls: number
  /** Retransmitted calls that got the first one's reply. */
  readonly replayed: number
  readonly p50Us: number
  readonly p99Us: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface ClientReport {
  readonly address: string
  readonly calls: number
  readonly idleMs: number
}

class ProcedureCount {
  readonly latency = new LatencyHistogram()
  replayed = 0
  bytesIn = 0
  bytesOut = 0
}

interface ClientCount {
  calls: number
  lastMs: number
}

/** What the RPC server did since it was started. Counting a call costs some tens of nanoseconds and makes no garbage. */
export class CallStatistics implements RpcObserver {
  readonly #clock: Clock
  readonly #procedures = new Map<ServedProcedure, ProcedureCount>()
  readonly #refused = new Map<RpcRefusal['stat'], number>()
  readonly #clients = new Map<string, ClientCount>()
  #calls = 0
  #changes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get calls(): number {
    return this.#calls
  }

  /** Calls that may have changed a view. */
  get changes(): number {
    return this.#changes
  }

  called(
    procedure: ServedProcedure,
    address: string,
    durationUs: number,
    bytesIn: number,
    bytesOut: number,
  ): void {
    const count = this.#countOf(procedure)
    count.latency.record(durationUs)
    count.bytesIn += bytesIn
    count.bytesOut += bytesOut
    if (procedure.spec.mutates) this.#changes += 1
    this.#heard(address)
  }

  replayed(procedure: ServedProcedure, address: string): void {
    this.#countOf(procedure).replayed += 1
    this.#heard(address)
  }

  refused(refusal: RpcRefusal): void {
    this.#refused.set(refusal.stat, (this.#refused.get(refusal.stat) ?? 0) + 1)
  }

  /** Most used first. */
  procedures(): ProcedureReport[] {
    const reports = [...this.#procedures].map(([procedure, count]) => ({
      program: PROGRAM_NAMES.get(procedure.program) ?? String(procedure.program),
      procedure: procedure.name,
      calls: count.latency.total,
      replayed: count.replayed,
      p50Us: count.latency.quantileUs(0.5),
      p99Us: count.latency.quantileUs(0.99),
      bytesIn: count.bytesIn,
      bytesOut: count.bytesOut,
    }))
    return reports.sort((a, b) => b.calls - a.calls)
  }

  refusals(): Record<string, number> {
    return Object.fromEntries(this.#refused)
  }

  /** Heard of last first. */
  clients(): ClientReport[] {
    const nowMs = this.#clock.monotonicMs()
    const reports = [...this.#clients].map(([address, { calls, lastMs }]) => ({
      address,
      calls,
      idleMs: Math.round(nowMs - lastMs),
    }))
    return reports.sort((a, b) => a.idleMs - b.idleMs)
  }

  #countOf(procedure: ServedProcedure): ProcedureCount {
    let count = this.#procedures.get(procedure)
    if (count === undefined) {
      count = new ProcedureCount()
      this.#procedures.set(procedure, count)
    }
    return count
  }

  #heard(address: string): void {
    this.#calls += 1
    let client = this.#clients.get(address)
    if (client === undefined) {
      if (this.#clients.size >= COUNTED_CLIENTS_MAX) this.#clients.delete(this.#silentLongest())
      client = { calls: 0, lastMs: 0 }
      this.#clients.set(address, client)
    }
    client.calls += 1
    client.lastMs = this.#clock.monotonicMs()
  }

  #silentLongest(): string {
    let found = ''
    let lastMs = Number.POSITIVE_INFINITY
    for (const [address, client] of this.#clients) {
      if (client.lastMs >= lastMs) continue
      found = address
      lastMs = client.lastMs
    }
    return found
  }
}
