import { FILE_NAME_MAX_BYTES } from '../../vfs/attributes.ts'
import type { FsStatus } from '../../vfs/status.ts'

const DOT = 0x2e
const SLASH = 0x2f

/** "." is one dot, ".." two; undefined: an ordinary name. */
function dotsOf(name: Uint8Array): 1 | 2 | undefined {
  if (name[0] !== DOT) return undefined
  if (name.length === 1) return 1
  return name.length === 2 && name[1] === DOT ? 2 : undefined
}

/**
 * Why no directory can have this name (RFC 1813 section 3.2): ACCES for the empty one and for characters that we
 * cannot store, NAMETOOLONG over 255 bytes. "." and ".." pass: LOOKUP understands them.
 */
export function lookupNameRefusal(name: Uint8Array): FsStatus | undefined {
  if (name.length > FILE_NAME_MAX_BYTES) return 'NAMETOOLONG'
  if (name.length === 0) return 'ACCES'
  for (let index = 0; index < name.length; index += 1) {
    const byte = name[index]
    if (byte === SLASH || byte === 0) return 'ACCES'
  }
  return undefined
}

/** For a name to be made (CREATE, MKDIR, SYMLINK, MKNOD, LINK): "." and ".." are there already. */
export function newNameRefusal(name: Uint8Array): FsStatus | undefined {
  return lookupNameRefusal(name) ?? (dotsOf(name) === undefined ? undefined : 'EXIST')
}

/** For a name to be removed: RFC 1813 section 3.3.13 names INVAL for "." and EXIST for "..". */
export function removalNameRefusal(name: Uint8Array): FsStatus | undefined {
  const refusal = lookupNameRefusal(name)
  if (refusal !== undefined) return refusal
  const dots = dotsOf(name)
  return dots === undefined ? undefined : dots === 1 ? 'INVAL' : 'EXIST'
}

/** For both names of RENAME: section 3.3.14 names INVAL for "." and "..". */
export function renameNameRefusal(name: Uint8Array): FsStatus | undefined {
  return lookupNameRefusal(name) ?? (dotsOf(name) === undefined ? undefined : 'INVAL')
}
