import { crc32 } from 'node:zlib'
import { DamageError } from '../vfs/faults.ts'

/** Bytes around a payload: 1 version byte before, 4 bytes CRC-32 (big endian) over key, version and payload after. */
const VERSION_BYTES = 1
const CHECKSUM_BYTES = 4
const RECORD_VERSION = 1

/** A key says where a record belongs, so the checksum covers it: a record under another key is damage too. */
export function sealRecord(key: Uint8Array, payload: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(VERSION_BYTES + payload.length + CHECKSUM_BYTES)
  record[0] = RECORD_VERSION
  record.set(payload, VERSION_BYTES)
  const end = VERSION_BYTES + payload.length
  record.writeUInt32BE(crc32(record.subarray(0, end), crc32(key)), end)
  return record
}

/** The payload (a view). Throws DamageError, naming the key. */
export function openRecord(key: Uint8Array, record: Uint8Array): Uint8Array {
  const end = record.length - CHECKSUM_BYTES
  if (end < VERSION_BYTES) throw new DamageError(describeKey(key), 'the record is cut short')
  const stored = Buffer.from(record.buffer, record.byteOffset, record.length).readUInt32BE(end)
  if (crc32(record.subarray(0, end), crc32(key)) !== stored) {
    throw new DamageError(describeKey(key), 'its checksum does not match')
  }
  if (record[0] !== RECORD_VERSION)
    throw new DamageError(describeKey(key), `unknown record version ${record[0]}`)
  return record.subarray(VERSION_BYTES, end)
}

export function describeKey(key: Uint8Array): string {
  return `index record ${Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex')}`
}
