import type { FsStatus } from './status.ts'

/** A value, or a status with the attributes that NFSv3 failures carry. */
export type FsResult<Ok, Fail = undefined> =
  | { readonly ok: true; readonly value: Ok }
  | { readonly ok: false; readonly status: FsStatus; readonly fail: Fail }

export function succeed<Ok>(value: Ok): { readonly ok: true; readonly value: Ok } {
  return { ok: true, value }
}

export function refuse(status: FsStatus): {
  readonly ok: false
  readonly status: FsStatus
  readonly fail: undefined
}
export function refuse<Fail>(
  status: FsStatus,
  fail: Fail,
): { readonly ok: false; readonly status: FsStatus; readonly fail: Fail }
export function refuse(status: FsStatus, fail?: unknown) {
  return { ok: false, status, fail }
}
