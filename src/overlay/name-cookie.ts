import type { FileName } from '../vfs/file-system.ts'

/** The cookies of "." and "..": every other cookie is larger. */
export const DOT_COOKIE = 1
export const DOT_DOT_COOKIE = 2
const SMALLEST_HASH = 2
/** The next cookie of the same layer. */
export const COOKIE_STEP = 2

function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** 51 bits of a name, for ever the same: cookies are made of it, and clients keep cookies across our restarts. */
function nameHash(name: FileName): number {
  let first = 0x811c9dc5
  let second = 0x9747b28c ^ name.length
  for (let index = 0; index < name.length; index += 1) {
    const byte = name[index]!
    first = Math.imul(first ^ byte, 0x01000193)
    second = Math.imul((second << 5) ^ (second >>> 2) ^ byte, 0x9e3779b1)
  }
  return Math.max(SMALLEST_HASH, mix(first) * 0x80000 + (mix(second) >>> 13))
}

/** Where probing starts for a name of the image: an even cookie below 2^52. */
export function imageCookie(name: FileName): number {
  return nameHash(name) * 2
}

/** Where probing starts for a name of a view: an odd cookie, so that the two layers never meet. */
export function viewCookie(name: FileName): number {
  return nameHash(name) * 2 + 1
}
