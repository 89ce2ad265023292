import type { RemoteProgram } from './rpc-request.ts'

/** What one client did with one procedure since it was made. */
export interface ProcedureCount {
  readonly program: string
  readonly procedure: string
  /** Answered, whatever the answer. */
  readonly calls: number
  /** Ended without an answer, or refused by the RPC server. */
  readonly failed: number
  readonly totalMs: number
  readonly maxMs: number
}

type Count = { -readonly [Field in keyof ProcedureCount]: ProcedureCount[Field] }

/** Calls by procedure. The key is the procedure's own table entry, so that no text is made per call. */
export class CallCounters {
  readonly #counts = new Map<unknown, Count>()

  answered(remote: RemoteProgram<unknown>, procedure: string, spec: unknown, tookMs: number): void {
    const count = this.#count(remote, procedure, spec)
    count.calls += 1
    count.totalMs += tookMs
    if (tookMs > count.maxMs) count.maxMs = tookMs
  }

  failed(remote: RemoteProgram<unknown>, procedure: string, spec: unknown): void {
    this.#count(remote, procedure, spec).failed += 1
  }

  snapshot(): ProcedureCount[] {
    return [...this.#counts.values()].map((count) => ({ ...count }))
  }

  #count(remote: RemoteProgram<unknown>, procedure: string, spec: unknown): Count {
    let count = this.#counts.get(spec)
    if (count === undefined) {
      count = { program: remote.name, procedure, calls: 0, failed: 0, totalMs: 0, maxMs: 0 }
      this.#counts.set(spec, count)
    }
    return count
  }
}
