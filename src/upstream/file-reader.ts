import { ownBytes } from '../base/bytes.ts'
import type { Nfs3Client, Nfs3ReadProcedures } from '../nfsclient/nfs3-client.ts'
import type { Attributes } from '../vfs/attributes.ts'
import { StorageError } from '../vfs/faults.ts'
import type { LowerHandle } from '../vfs/lower-layer.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import { attributesOf } from './attributes.ts'

/** READs of one request under way at a time. */
export const READS_IN_FLIGHT_MAX = 8
/** Answers with no byte and no end of file in a row, after which the server is not believed any more. */
export const EMPTY_READS_MAX = 3
/** Shorter data is copied out of the receive buffer, which it would keep alive as a whole. */
const LEND_MIN_BYTES = 64 * 1024

export interface FileData {
  readonly data: Uint8Array
  readonly attributes: Attributes | undefined
}

type ReadClient = Nfs3Client<Nfs3ReadProcedures>

/** Up to `countBytes` of a file, in READs of at most `readBytes`, many at a time. Short only at the end of the file. */
export async function readFile(
  client: ReadClient,
  readBytes: number,
  file: LowerHandle,
  offsetBytes: number,
  countBytes: number,
): Promise<FsResult<FileData>> {
  if (countBytes <= readBytes) {
    const whole = await readPiece(client, file, offsetBytes, countBytes)
    if (!whole.ok || whole.value.data.length >= LEND_MIN_BYTES) return whole
    return succeed({ ...whole.value, data: ownBytes(whole.value.data) })
  }
  const into = Buffer.allocUnsafeSlow(countBytes)
  const pieces = Math.ceil(countBytes / readBytes)
  let attributes: Attributes | undefined
  let endBytes = countBytes
  let failure: FsResult<FileData> | undefined
  let nextPiece = 0
  const work = async () => {
    while (nextPiece < pieces && failure === undefined) {
      const atBytes = nextPiece++ * readBytes
      // Behind the end of the file there is nothing to ask for.
      if (atBytes >= endBytes) return
      const wantedBytes = Math.min(readBytes, countBytes - atBytes)
      const piece = await readPiece(client, file, offsetBytes + atBytes, wantedBytes)
      if (!piece.ok) {
        failure ??= piece
        return
      }
      into.set(piece.value.data, atBytes)
      if (piece.value.data.length < wantedBytes)
        endBytes = Math.min(endBytes, atBytes + piece.value.data.length)
      attributes = later(attributes, piece.value.attributes)
    }
  }
  await Promise.all(Array.from({ length: Math.min(pieces, READS_IN_FLIGHT_MAX) }, work))
  return failure ?? succeed({ data: into.subarray(0, endBytes), attributes })
}

/** One READ, and more for what it leaves out before the end of the file: a server may answer short (RFC 1813 3.3.6). */
async function readPiece(
  client: ReadClient,
  file: LowerHandle,
  offsetBytes: number,
  countBytes: number,
): Promise<FsResult<FileData>> {
  const parts: Uint8Array[] = []
  let doneBytes = 0
  let emptyReads = 0
  for (;;) {
    const offset = offsetBytes + doneBytes
    const result = await client.call('READ', { file, offset, count: countBytes - doneBytes })
    if (!result.ok) return refuse(result.status)
    const { count, eof, data, file_attributes } = result.value
    const taken = data.subarray(0, Math.min(count, countBytes - doneBytes))
    parts.push(taken)
    doneBytes += taken.length
    if (eof || doneBytes === countBytes) {
      const attributes = file_attributes && attributesOf(file_attributes)
      return succeed({ data: parts.length === 1 ? taken : Buffer.concat(parts), attributes })
    }
    emptyReads = taken.length === 0 ? emptyReads + 1 : 0
    if (emptyReads === EMPTY_READS_MAX) {
      throw new StorageError(
        'IO',
        `${client.name} reads nothing at byte ${offset} of a file and calls it no end`,
      )
    }
  }
}

/** The newer of two answers about one file: if it changed while it was read, the caller must see the change. */
function later(a: Attributes | undefined, b: Attributes | undefined): Attributes | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const seconds = b.ctime.seconds - a.ctime.seconds
  return seconds > 0 || (seconds === 0 && b.ctime.nanoseconds > a.ctime.nanoseconds) ? b : a
}
