import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Puts a whole small file in place. After a crash there is the old file or the new one, never a part: the bytes are
 * synced under another name, then the name is moved, then the directory is synced.
 */
export function writeFileDurably(path: string, bytes: Uint8Array, mode: number): void {
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', mode)
  try {
    let offset = 0
    while (offset < bytes.length) offset += writeSync(file, bytes, offset)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/** When it returns, names made, moved and removed in the directory before are on stable storage. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
