import { crc32 } from 'node:zlib'

/** What a group (a view, or the image's objects) must hold: LevelDB itself may lose records without a word. */
export interface Tally {
  records: number
  /** Exclusive or of a 32-bit hash of every key. */
  keyHash: number
}

const TALLY_BYTES = 12

export function emptyTally(): Tally {
  return { records: 0, keyHash: 0 }
}

export function addKey(tally: Tally, key: Uint8Array): void {
  tally.records += 1
  tally.keyHash = (tally.keyHash ^ crc32(key)) >>> 0
}

export function removeKey(tally: Tally, key: Uint8Array): void {
  tally.records -= 1
  tally.keyHash = (tally.keyHash ^ crc32(key)) >>> 0
}

/** records u64, keyHash u32. */
export function encodeTally(tally: Tally): Buffer {
  const bytes = Buffer.allocUnsafe(TALLY_BYTES)
  bytes.writeBigUInt64BE(BigInt(tally.records), 0)
  bytes.writeUInt32BE(tally.keyHash, 8)
  return bytes
}

export function decodeTally(payload: Uint8Array): Tally {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  return { records: Number(bytes.readBigUInt64BE(0)), keyHash: bytes.readUInt32BE(8) }
}
