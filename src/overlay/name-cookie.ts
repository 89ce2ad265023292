import { nameHash } from '../base/name-hash.ts'
import type { FileName } from '../vfs/file-system.ts'

/** The cookies of "." and "..": every other cookie is larger. */
export const DOT_COOKIE = 1
export const DOT_DOT_COOKIE = 2
/** The next cookie of the same layer. */
export const COOKIE_STEP = 2

const SMALLEST_HASH = 2

function startOf(name: FileName): number {
  return Math.max(SMALLEST_HASH, nameHash(name))
}

/** Where probing starts for a name of the image: an even cookie below 2^52. */
export function imageCookie(name: FileName): number {
  return startOf(name) * 2
}

/** Where probing starts for a name of a view: an odd cookie, so that the two layers never meet. */
export function viewCookie(name: FileName): number {
  return startOf(name) * 2 + 1
}
