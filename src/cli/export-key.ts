import { linkSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { syncDirectory } from '../base/durable-file.ts'
import type { Random } from '../base/random.ts'
import { readStateFile, writeStateFile } from '../daemon/state-file.ts'
import { HANDLE_SECRET_BYTES } from '../handles/handle-mac.ts'
import { DamageError } from '../vfs/faults.ts'

const KEY_NAME = 'handle-key'
const KEY_FORMAT_VERSION = 1
const DIRECTORY_MODE = 0o700

/** Where the key is when nothing else is said (XDG Base Directory Specification: $XDG_STATE_HOME). */
export function defaultExportState(environment: NodeJS.ProcessEnv, home: string): string {
  const stateHome = environment.XDG_STATE_HOME
  return join(stateHome?.startsWith('/') ? stateHome : join(home, '.local/state'), 'rowfs/export')
}

/**
 * The secret of the image server's handles (docs/formats/state-directory.md, file handle-key), made at the first
 * start. Image servers that share the directory share it: of two that start at once, one makes it.
 */
export function readOrMakeHandleKey(directory: string, random: Random): Uint8Array {
  const path = join(directory, KEY_NAME)
  const known = readKey(path)
  if (known !== undefined) return known
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE })
  const own = `${path}.${process.pid}`
  const key = Buffer.from(random.bytes(HANDLE_SECRET_BYTES)).toString('hex')
  writeStateFile(own, KEY_NAME, KEY_FORMAT_VERSION, { key })
  try {
    // Linking fails when the name is there: a key that may be in use is never replaced.
    linkSync(own, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
  syncDirectory(directory)
  return readKey(path) ?? damaged(path)
}

function readKey(path: string): Uint8Array | undefined {
  const content = readStateFile(path, KEY_NAME, KEY_FORMAT_VERSION) as { key?: unknown } | undefined
  if (content === undefined) return undefined
  const key = typeof content.key === 'string' ? Buffer.from(content.key, 'hex') : Buffer.alloc(0)
  return key.length === HANDLE_SECRET_BYTES ? new Uint8Array(key) : damaged(path)
}

function damaged(path: string): never {
  throw new DamageError(path, `it does not hold a key of ${HANDLE_SECRET_BYTES} bytes`)
}
