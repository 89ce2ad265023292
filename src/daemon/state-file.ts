import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFileDurably } from '../base/durable-file.ts'
import { DamageError } from '../vfs/faults.ts'

const FILE_MODE = 0o600
/** The state directory's own files are a few hundred bytes. */
export const STATE_FILE_MAX_BYTES = 64 * 1024

/** Thrown when a file was written by a rowfs that knows more than we do. Nothing is changed. */
export class UnknownFormatError extends Error {
  override readonly name = 'UnknownFormatError'
}

/**
 * A small file of the state directory (docs/formats/state-directory.md): a line with its kind and format version, a
 * line of JSON, and a line with the SHA-256 of both. Written whole and synced.
 */
export function writeStateFile(path: string, kind: string, version: number, content: object): void {
  const body = `rowfs ${kind} ${version}\n${JSON.stringify(content)}\n`
  writeFileDurably(path, Buffer.from(`${body}sha256 ${hash('sha256', body)}\n`), FILE_MODE)
}

/** undefined: there is no such file. Throws DamageError, and UnknownFormatError before anything else is looked at. */
export function readStateFile(path: string, kind: string, version: number): unknown {
  const text = readText(path)
  if (text === undefined) return undefined
  const head = /^rowfs ([a-z-]+) (\d+)\n/.exec(text)
  if (head === null || head[1] !== kind)
    throw new DamageError(path, `it does not begin as a "${kind}" file does`)
  if (Number(head[2]) !== version) {
    throw new UnknownFormatError(
      `${path} has format version ${head[2]}; this rowfs knows version ${version}. Nothing was changed. ` +
        'Use the rowfs that wrote it or a newer one, or give another directory with --state',
    )
  }
  const parts = /^(rowfs [^\n]*\n([^\n]*)\n)sha256 ([0-9a-f]{64})\n$/.exec(text)
  if (parts === null || hash('sha256', parts[1]!) !== parts[3]) {
    throw new DamageError(path, 'its checksum does not fit its content; put it back from a backup')
  }
  return JSON.parse(parts[2]!)
}

function readText(path: string): string | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (bytes.length > STATE_FILE_MAX_BYTES)
    throw new DamageError(path, `${bytes.length} bytes are too many for it`)
  return bytes.toString('latin1')
}
