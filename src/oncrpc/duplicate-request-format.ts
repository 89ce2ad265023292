import {
  decodeXdr,
  encodeXdr,
  opaque,
  quantity64,
  string,
  struct,
  uint32,
  type XdrValue,
} from '../xdr/codec.ts'
import { XdrError } from '../xdr/errors.ts'

// The record of docs/formats/duplicate-request.md.

export const DUPLICATE_REQUEST_VERSION = 1

/** Longest textual address: an IPv6 address with a zone. */
const ADDRESS_MAX_BYTES = 128
/** Longest reply that is kept: those of calls with an effect are below 1 KiB. */
export const KEPT_REPLY_MAX_BYTES = 64 * 1024

const record = struct({
  formatVersion: uint32,
  address: string(ADDRESS_MAX_BYTES),
  xid: uint32,
  program: uint32,
  version: uint32,
  procedure: uint32,
  argsBytes: uint32,
  argsChecksum: uint32,
  repliedAtSeconds: quantity64,
  reply: opaque(KEPT_REPLY_MAX_BYTES),
})

/** What makes two calls the same call. */
export interface DuplicateKey {
  /** The client's address as text, without port: a client that reconnects has another port. */
  readonly address: string
  readonly xid: number
  readonly program: number
  readonly version: number
  readonly procedure: number
  readonly argsBytes: number
  /** CRC-32 of the whole arguments. */
  readonly argsChecksum: number
}

export interface DuplicateRecord {
  readonly key: DuplicateKey
  /** Wall time, seconds since 1970. */
  readonly repliedAtSeconds: number
  /** The whole RPC reply, without record mark. */
  readonly reply: Uint8Array
}

export function encodeDuplicateRecord({ key, repliedAtSeconds, reply }: DuplicateRecord): Uint8Array {
  return encodeXdr(record, {
    formatVersion: DUPLICATE_REQUEST_VERSION,
    ...key,
    address: Buffer.from(key.address),
    repliedAtSeconds,
    reply,
  })
}

/** Undefined when the bytes are not a record of a version that we know. */
export function decodeDuplicateRecord(bytes: Uint8Array): DuplicateRecord | undefined {
  let value: XdrValue<typeof record>
  try {
    value = decodeXdr(record, bytes)
  } catch (error) {
    if (error instanceof XdrError) return undefined
    throw error
  }
  if (value.formatVersion !== DUPLICATE_REQUEST_VERSION) return undefined
  const { address, xid, program, version, procedure, argsBytes, argsChecksum } = value
  return {
    key: {
      address: Buffer.from(address).toString(),
      xid,
      program,
      version,
      procedure,
      argsBytes,
      argsChecksum,
    },
    repliedAtSeconds: value.repliedAtSeconds,
    reply: new Uint8Array(value.reply),
  }
}
