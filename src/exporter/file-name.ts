import { FILE_NAME_MAX_BYTES } from '../vfs/attributes.ts'
import type { FileName } from '../vfs/file-system.ts'
import type { FsStatus } from '../vfs/status.ts'

const SLASH = 0x2f
const DOT = 0x2e

export const DOT_NAME: FileName = Uint8Array.of(DOT)
export const DOT_DOT_NAME: FileName = Uint8Array.of(DOT, DOT)

/** "." or "..": names that the host must never get to see from us. */
export function isDots(name: FileName): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT))
}

/** Nothing but one component may be put behind a directory's path. */
export function whatIsWrongWith(name: FileName): FsStatus | undefined {
  if (name.length === 0) return 'INVAL'
  if (name.length > FILE_NAME_MAX_BYTES) return 'NAMETOOLONG'
  return name.includes(SLASH) || name.includes(0) ? 'INVAL' : undefined
}
