import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DamageError } from '../vfs/faults.ts'
import { crc32c, unmaskedCrc } from './crc32c.ts'
import { liveTables } from './live-tables.ts'
import { Varints } from './varints.ts'

/*
 * LevelDB does not compare the checksums of its tables when it reads them, and a damaged one can abort the whole
 * process. So every table is verified before LevelDB sees it. Format: LevelDB's doc/table_format.md; block = contents,
 * type u8 (0: not compressed), masked CRC-32C u32 little endian over contents and type.
 */
const FOOTER_BYTES = 48
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
const TRAILER_BYTES = 5
const TYPE_PLAIN = 0
/** A block is 4 KiB, or one record: far below this. A larger length is damage. */
const BLOCK_MAX_BYTES = 64 * 1024 * 1024

interface BlockHandle {
  readonly offset: number
  readonly size: number
}

/** Throws DamageError, naming the table, when a checksum in any table that the database counts on does not match. */
export function checkTables(directory: string): void {
  for (const number of liveTables(directory)) {
    const path = join(directory, `${String(number).padStart(6, '0')}.ldb`)
    let bytes: Buffer
    try {
      bytes = readFileSync(path)
    } catch (error) {
      throw new DamageError(`index table ${path}`, 'it is gone, or cannot be read', { cause: error })
    }
    new TableReader(path, bytes).check()
  }
}

function handleOf(from: Varints): BlockHandle {
  return { offset: from.next(), size: from.next() }
}

class TableReader {
  readonly #path: string
  readonly #bytes: Buffer

  constructor(path: string, bytes: Buffer) {
    this.#path = path
    this.#bytes = bytes
  }

  check(): void {
    const bytes = this.#bytes
    const footer = bytes.length - FOOTER_BYTES
    if (footer < 0 || !bytes.subarray(bytes.length - MAGIC.length).equals(MAGIC))
      throw this.#damage('its end')
    const handles = new Varints(bytes.subarray(footer), () => this.#damage('its footer'))
    const metaIndex = handleOf(handles)
    const index = handleOf(handles)
    for (const entry of this.#entries(metaIndex)) this.#block(entry)
    for (const entry of this.#entries(index)) this.#block(entry)
  }

  /** The blocks that an index block points to. */
  *#entries(handle: BlockHandle): Generator<BlockHandle> {
    const block = this.#block(handle)
    const restarts = block.length < 4 ? -1 : block.length - 4 * (block.readUInt32LE(block.length - 4) + 1)
    if (restarts < 0) throw this.#damage(`the block at ${handle.offset}`)
    const from = new Varints(block.subarray(0, restarts), () => this.#damage(`the block at ${handle.offset}`))
    while (!from.isDone) {
      from.next()
      const keyBytes = from.next()
      from.next()
      from.skip(keyBytes)
      yield handleOf(from)
    }
  }

  #block({ offset, size }: BlockHandle): Buffer {
    const end = offset + size + TRAILER_BYTES
    if (size > BLOCK_MAX_BYTES || end > this.#bytes.length - FOOTER_BYTES)
      throw this.#damage(`the block at ${offset}`)
    const stored = unmaskedCrc(this.#bytes.readUInt32LE(end - 4))
    if (crc32c(this.#bytes, offset, end - 4) !== stored || this.#bytes[offset + size] !== TYPE_PLAIN) {
      throw this.#damage(`the block at ${offset}`)
    }
    return this.#bytes.subarray(offset, offset + size)
  }

  #damage(part: string): DamageError {
    return new DamageError(`index table ${this.#path}`, `the checksum of ${part} does not match`)
  }
}
