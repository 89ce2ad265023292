import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DamageError } from '../vfs/faults.ts'
import { crc32c, unmaskedCrc } from './crc32c.ts'
import { Varints } from './varints.ts'

/*
 * Which tables LevelDB counts on: those that the MANIFEST named by CURRENT adds and does not take away again. Others
 * are left-overs of a table that was being written when the process died; LevelDB removes them. Formats: LevelDB's
 * doc/log_format.md and db/version_edit.cc.
 */
const LOG_BLOCK_BYTES = 32 * 1024
const LOG_HEADER_BYTES = 7
const FRAGMENT = { none: 0, full: 1, first: 2, middle: 3, last: 4 } as const
const EDIT = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9,
} as const

/** The numbers of the tables; empty for a database that is not there yet. Throws DamageError. */
export function liveTables(directory: string): Set<number> {
  let manifest: string
  try {
    manifest = join(directory, readFileSync(join(directory, 'CURRENT'), 'latin1').trim())
  } catch {
    return new Set()
  }
  const damage = () => new DamageError(`index ${manifest}`, 'cannot be read')
  let bytes: Buffer
  try {
    bytes = readFileSync(manifest)
  } catch (error) {
    throw new DamageError(`index ${manifest}`, 'CURRENT names it, and it cannot be read', { cause: error })
  }
  const live = new Set<number>()
  for (const record of logRecords(bytes, damage)) applyEdit(live, new Varints(record, damage), damage)
  return live
}

/** The records of a LevelDB log; a record that is cut short at the end never happened. */
function* logRecords(bytes: Buffer, damage: () => DamageError): Generator<Buffer> {
  let parts: Buffer[] = []
  for (let at = 0; at + LOG_HEADER_BYTES <= bytes.length; ) {
    const left = LOG_BLOCK_BYTES - (at % LOG_BLOCK_BYTES)
    if (left < LOG_HEADER_BYTES) {
      at += left
      continue
    }
    const length = bytes.readUInt16LE(at + 4)
    const type = bytes[at + 6]!
    if (type === FRAGMENT.none && length === 0) return
    const end = at + LOG_HEADER_BYTES + length
    if (end > bytes.length) return
    if (crc32c(bytes, at + 6, end) !== unmaskedCrc(bytes.readUInt32LE(at))) throw damage()
    if (type === FRAGMENT.full || type === FRAGMENT.first) parts = []
    parts.push(bytes.subarray(at + LOG_HEADER_BYTES, end))
    if (type === FRAGMENT.full || type === FRAGMENT.last) yield Buffer.concat(parts)
    at = end
  }
}

function applyEdit(live: Set<number>, edit: Varints, damage: () => DamageError): void {
  while (!edit.isDone) {
    const tag = edit.next()
    switch (tag) {
      case EDIT.comparator:
        edit.skip(edit.next())
        break
      case EDIT.logNumber:
      case EDIT.nextFile:
      case EDIT.lastSequence:
      case EDIT.previousLogNumber:
        edit.next()
        break
      case EDIT.compactPointer:
        edit.next()
        edit.skip(edit.next())
        break
      case EDIT.deletedFile:
        edit.next()
        live.delete(edit.next())
        break
      case EDIT.newFile:
        edit.next()
        live.add(edit.next())
        edit.next()
        edit.skip(edit.next())
        edit.skip(edit.next())
        break
      default:
        throw damage()
    }
  }
}
