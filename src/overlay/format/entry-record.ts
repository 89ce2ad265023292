import type { NodeType } from '../../vfs/attributes.ts'
import type { NodeId } from '../../vfs/file-system.ts'
import { FieldReader, FieldWriter } from './fields.ts'

export interface EntryTarget {
  readonly node: NodeId
  readonly type: NodeType
}

/**
 * A name in a directory that differs from the image: a name of ours (`shows`), a whiteout (`hides` alone), or a
 * name of ours over one of the image (both).
 */
export interface EntryRecord {
  readonly shows: EntryTarget | undefined
  /** The image's object of this name, which is not shown any more. */
  readonly hides: EntryTarget | undefined
  /** Odd, so that it never meets a cookie of the image's names. */
  readonly cookie: number
}

const FLAG = { shows: 1, hides: 2 } as const

export function encodeEntryRecord(entry: EntryRecord): Buffer {
  const out = new FieldWriter(32)
  out.u8((entry.shows ? FLAG.shows : 0) | (entry.hides ? FLAG.hides : 0)).number(entry.cookie)
  if (entry.shows) out.type(entry.shows.type).number(entry.shows.node)
  if (entry.hides) out.type(entry.hides.type).number(entry.hides.node)
  return out.finish()
}

export function decodeEntryRecord(payload: Uint8Array, object: string): EntryRecord {
  const from = new FieldReader(payload, object)
  const flags = from.u8()
  const cookie = from.number()
  const target = (): EntryTarget => ({ type: from.type(), node: from.number() as NodeId })
  return {
    cookie,
    shows: flags & FLAG.shows ? target() : undefined,
    hides: flags & FLAG.hides ? target() : undefined,
  }
}
