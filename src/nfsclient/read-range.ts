import type { post_op_attr } from '../protocols/nfs3/basic-types.ts'
import type { READ3args, READ3res, READ3resok } from '../protocols/nfs3/types.ts'
import { StorageError } from '../vfs/faults.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'

/** READs of one request under way at a time. */
export const READS_IN_FLIGHT_MAX = 8
/** Answers with no byte and no end of file in a row, after which the server is not believed any more. */
export const EMPTY_READS_MAX = 3

/** Every client that may READ. */
export interface ReadingClient {
  readonly name: string
  callAndTake(
    procedure: 'READ',
    args: READ3args,
    take: (result: READ3res) => FsResult<PartRead>,
  ): Promise<FsResult<PartRead>>
}

interface PartRead {
  readonly countBytes: number
  readonly eof: boolean
  readonly attributes: post_op_attr
}

export interface RangeRead {
  readonly countBytes: number
  readonly attributes: post_op_attr
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
): Promise<FsResult<RangeRead>> {
  if (into.length <= readBytes) return readPiece(client, file, offsetBytes, into)
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
      const wanted = into.subarray(atBytes, atBytes + readBytes)
      const piece = await readPiece(client, file, offsetBytes + atBytes, wanted)
      if (!piece.ok) {
        failure = refuse(piece.status)
        return
      }
      const { countBytes } = piece.value
      if (countBytes < wanted.length) endBytes = Math.min(endBytes, atBytes + countBytes)
      attributes = newer(attributes, piece.value.attributes)
    }
  }
  await Promise.all(Array.from({ length: Math.min(pieces, READS_IN_FLIGHT_MAX) }, work))
  return failure ?? succeed({ countBytes: endBytes, attributes })
}

/** One READ, and more for what it leaves out before the end of the file: a server may answer short (RFC 1813 3.3.6). */
async function readPiece(
  client: ReadingClient,
  file: Uint8Array,
  offsetBytes: number,
  into: Uint8Array,
): Promise<FsResult<RangeRead>> {
  let doneBytes = 0
  let emptyReads = 0
  for (;;) {
    const offset = offsetBytes + doneBytes
    const rest = doneBytes === 0 ? into : into.subarray(doneBytes)
    const result = await client.callAndTake('READ', { file, offset, count: rest.length }, (answer) =>
      answer.ok ? succeed(putInto(rest, answer.value)) : refuse(answer.status),
    )
    if (!result.ok) return result
    const { countBytes, eof, attributes } = result.value
    doneBytes += countBytes
    if (eof || doneBytes === into.length) return succeed({ countBytes: doneBytes, attributes })
    emptyReads = countBytes === 0 ? emptyReads + 1 : 0
    if (emptyReads === EMPTY_READS_MAX) {
      throw new StorageError(
        'IO',
        `${client.name} reads nothing at byte ${offset} of a file and calls it no end`,
      )
    }
  }
}

function putInto(into: Uint8Array, answer: READ3resok): PartRead {
  const { count, eof, data, file_attributes } = answer
  const countBytes = Math.min(count, data.length, into.length)
  into.set(countBytes === data.length ? data : data.subarray(0, countBytes))
  return { countBytes, eof, attributes: file_attributes }
}

function newer(a: post_op_attr, b: post_op_attr): post_op_attr {
  if (a === undefined || b === undefined) return a ?? b
  const seconds = b.ctime.seconds - a.ctime.seconds
  return seconds > 0 || (seconds === 0 && b.ctime.nanoseconds > a.ctime.nanoseconds) ? b : a
}
