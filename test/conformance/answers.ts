import { expect } from 'vitest'
import type { FsResult } from '../../src/vfs/result.ts'
import type { FsStatus } from '../../src/vfs/status.ts'

/** The value of an answer that must be ok; otherwise the test fails and names the status. */
export function okOf<Ok, Fail>(result: FsResult<Ok, Fail>): Ok {
  if (!result.ok) expect.fail(`refused with ${result.status}`)
  return result.value
}

/** What a refusal carries; the test fails unless it is refused with exactly this status. */
export function failOf<Ok, Fail>(result: FsResult<Ok, Fail>, status: FsStatus): Fail {
  if (result.ok) expect.fail(`granted, expected ${status}`)
  expect(result.status).toBe(status)
  return result.fail
}
