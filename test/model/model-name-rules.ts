import { FILE_NAME_MAX_BYTES, SYMLINK_MAX_BYTES } from '../../src/vfs/attributes.ts'
import type { FsStatus } from '../../src/vfs/status.ts'
import type { Name } from './operation.ts'

/** Names that no directory can have, and what each procedure says to "." and ".." (RFC 1813 sections 3.2 and 3.3). */
export function nameRefusal(
  name: Name,
  use: 'looked-up' | 'new' | 'removed' | 'renamed',
): FsStatus | undefined {
  if (name.length > FILE_NAME_MAX_BYTES) return 'NAMETOOLONG'
  if (name === '' || name.includes('/') || name.includes('\0')) return 'ACCES'
  if (use === 'looked-up' || (name !== '.' && name !== '..')) return undefined
  if (use === 'new') return 'EXIST'
  if (use === 'renamed') return 'INVAL'
  return name === '.' ? 'INVAL' : 'EXIST'
}

export function targetRefusal(target: string): FsStatus | undefined {
  if (target.length > SYMLINK_MAX_BYTES) return 'NAMETOOLONG'
  return target === '' || target.includes('\0') ? 'INVAL' : undefined
}
