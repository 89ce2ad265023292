import type { post_op_attr } from '../protocols/nfs3/basic-types.ts'
import type { READ3args, READ3res } from '../protocols/nfs3/types.ts'
import { StorageError } from '../vfs/faults.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'

/** READs of one request under way at a time. */
export const READS_IN_FLIGHT_MAX = 8
/** Answers with no byte and no end of file in a row, after which the server is not believed any more. */
export const EMPTY_READS_MAX = 3

/** Every client that may READ. */
export interface ReadingClient {
  readonly name: string
  call(procedure: 'READ', args: READ3args): Promise<READ3res>
}

/**
 * Fills `into` in READs of at most `readBytes`, many at a time; `countBytes` is less than its length only at the end
 * of the file. `attributes` are the newest of those that came: if the file changed meanwhile, they show it.
 */
export async function readRange(
  client: ReadingClient,
  readBytes: number,
  file: Uint8Array,
  offsetBytes: number,
  into: Uint8Array,
): Promise<FsResult<{ readonly countBytes: number; readonly attributes: post_op_attr }>> {
  const pieces = Math.ceil(into.length / readBytes)
  let attributes: post_op_attr
  let endBytes = into.length
  let failure: FsResult<never> | undefined
  let nextPiece = 0
  const work = async () => {
    while (nextPiece < pieces && failure === undefined) {
      const atBytes = nextPiece * readBytes
      nextPiece += 1
      // Behind the end of the file there is nothing to ask for.
      if (atBytes >= endBytes) return
      const wantedBytes = Math.min(readBytes, into.length - atBytes)
      const piece = await readPiece(client, file, offsetBytes + atBytes, wantedBytes)
      if (!piece.ok) {
        failure = refuse(piece.status)
        return
      }
      const { data } = piece.value
      into.set(data, atBytes)
      if (data.length < wantedBytes) endBytes = Math.min(endBytes, atBytes + data.length)
      attributes = newer(attributes, piece.value.attributes)
    }
  }
  await Promise.all(Array.from({ length: Math.min(pieces, READS_IN_FLIGHT_MAX) }, work))
  return failure ?? succeed({ countBytes: endBytes, attributes })
}

/**
 * One READ, and more for what it leaves out before the end of the file: a server may answer short (RFC 1813 section
 * 3.3.6). The data is a view into a receive buffer if one answer gave it all.
 */
export async function readPiece(
  client: ReadingClient,
  file: Uint8Array,
  offsetBytes: number,
  countBytes: number,
): Promise<FsResult<{ readonly data: Uint8Array; readonly attributes: post_op_attr }>> {
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
      return succeed({ data: parts.length === 1 ? taken : Buffer.concat(parts), attributes: file_attributes })
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

function newer(a: post_op_attr, b: post_op_attr): post_op_attr {
  if (a === undefined || b === undefined) return a ?? b
  const seconds = b.ctime.seconds - a.ctime.seconds
  return seconds > 0 || (seconds === 0 && b.ctime.nanoseconds > a.ctime.nanoseconds) ? b : a
}
