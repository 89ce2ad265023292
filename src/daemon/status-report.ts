import type { ProcedureCount } from '../oncrpc/call-counters.ts'
import type { ClientReport, ProcedureReport } from './call-statistics.ts'

/** What `rowfs status --json` prints. */
export interface StatusReport {
  readonly version: string
  readonly pid: number
  readonly uptimeMs: number
  /** HOST:PORT as it listens. */
  readonly listen: string
  readonly image: {
    readonly url: string
    /** "untried" before the first call. */
    readonly state: 'untried' | 'up' | 'down'
    /** Since when it does not answer, and the last thing that went wrong. */
    readonly downForMs?: number
    readonly reason?: string
    readonly bytesIn: number
    readonly procedures: readonly ProcedureCount[]
  }
  readonly shadow: string
  readonly views: readonly { readonly name: string; readonly export: string; readonly mount: string }[]
  readonly connections: number
  readonly bytes: { readonly fromImage: number; readonly fromCache: number; readonly fromShadow: number }
  readonly calls: number
  /** Calls that may have changed a view. */
  readonly changes: number
  readonly procedures: readonly ProcedureReport[]
  /** Calls that were not carried out, by RFC 5531's reasons. */
  readonly refused: Readonly<Record<string, number>>
  readonly clients: readonly ClientReport[]
  readonly memoryBytes: number
}
