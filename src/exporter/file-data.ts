import { readSync, read as readWithCallback } from 'node:fs'
import { promisify } from 'node:util'
import type { Awaitable } from '../base/awaitable.ts'
import { type Descriptor, pin, unpin } from './descriptor-cache.ts'
import { hostFault, orFault } from './host-error.ts'

/** Up to here a synchronous read of cached data costs less than a trip to the thread pool (9 against 25 us). */
export const SYNC_READ_MAX_BYTES = 64 * 1024

const readOnPool = promisify(readWithCallback)

/** Fills `into` as far as the file goes; the count of bytes read. */
export function readData(file: Descriptor, offsetBytes: number, into: Uint8Array): Awaitable<number> {
  return into.length <= SYNC_READ_MAX_BYTES
    ? orFault(() => readNow(file, offsetBytes, into))
    : readLater(file, offsetBytes, into)
}

function readNow(file: Descriptor, offsetBytes: number, into: Uint8Array): number {
  let done = 0
  while (done < into.length) {
    const count = readSync(file.fd, into, done, into.length - done, offsetBytes + done)
    if (count === 0) break
    done += count
  }
  return done
}

async function readLater(file: Descriptor, offsetBytes: number, into: Uint8Array): Promise<number> {
  pin(file)
  try {
    let done = 0
    while (done < into.length) {
      const { bytesRead } = await readOnPool(file.fd, into, done, into.length - done, offsetBytes + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  } catch (error) {
    throw hostFault(error)
  } finally {
    unpin(file)
  }
}
