import { assert } from '../base/assert.ts'
import { FIRST_USER_KIND } from './keys.ts'

export interface RecordPut {
  readonly key: Uint8Array
  readonly payload: Uint8Array
  /** No record is under this key now: the count of records grows. */
  readonly fresh: boolean
}

/** All of it becomes durable, or none. Filled in one synchronous step and handed to `IndexStore.commit`. */
export class IndexBatch {
  readonly puts: RecordPut[] = []
  readonly deletes: Uint8Array[] = []
  /** The reply of the call that has this effect, for the duplicate-request cache. */
  receipt: Uint8Array | undefined

  put(key: Uint8Array, payload: Uint8Array, fresh: boolean): void {
    assert(key[0]! >= FIRST_USER_KIND, 'kinds below FIRST_USER_KIND belong to the index')
    this.puts.push({ key, payload, fresh })
  }

  /** The record must be there: the count of records shrinks. */
  delete(key: Uint8Array): void {
    this.deletes.push(key)
  }

  get isEmpty(): boolean {
    return this.puts.length === 0 && this.deletes.length === 0 && this.receipt === undefined
  }
}
