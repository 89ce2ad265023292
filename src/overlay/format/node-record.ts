import type { Timestamp } from '../../base/clock.ts'
import type { NodeType } from '../../vfs/attributes.ts'
import type { NodeId } from '../../vfs/file-system.ts'
import { FieldReader, FieldWriter } from './fields.ts'

/** What the image said of a node when it became ours: to tell what changed, and that the image changed since. */
export interface Origin {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  readonly sizeBytes: number
  readonly usedBytes: number
  readonly mtime: Timestamp
  readonly ctime: Timestamp
}

/** Where a directory is when it is not where the image has it. */
export interface Place {
  readonly parent: NodeId
  readonly name: Uint8Array
}

/** A node that differs from the image, or that the view made. A removed image node keeps its record for ever. */
export interface NodeRecord {
  readonly type: NodeType
  readonly removed: boolean
  readonly conflict: boolean
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly atime: Timestamp
  readonly mtime: Timestamp
  readonly ctime: Timestamp
  /** Image bytes at or after it never come back; 0 for a node the view made. */
  readonly upstreamEndBytes: number
  readonly presentBlocks: number
  /** How many presence pages there must be, and the exclusive or of the CRC-32 of their keys. */
  readonly pages: number
  readonly pagesHash: number
  /** The same for the entry records of a directory. */
  readonly entries: number
  readonly entriesHash: number
  readonly origin: Origin | undefined
  readonly target: Uint8Array | undefined
  readonly verifier: Uint8Array | undefined
  readonly place: Place | undefined
}

const FLAG = { removed: 1, conflict: 2, origin: 4, target: 8, verifier: 16, place: 32 } as const
const SIZE_HINT_BYTES = 192

export function encodeNodeRecord(node: NodeRecord): Buffer {
  const flags =
    (node.removed ? FLAG.removed : 0) |
    (node.conflict ? FLAG.conflict : 0) |
    (node.origin ? FLAG.origin : 0) |
    (node.target ? FLAG.target : 0) |
    (node.verifier ? FLAG.verifier : 0) |
    (node.place ? FLAG.place : 0)
  const out = new FieldWriter(SIZE_HINT_BYTES)
  out.u8(flags).type(node.type).u16(node.mode).u32(node.nlink).u32(node.uid).u32(node.gid)
  out.number(node.sizeBytes).u32(node.rdevMajor).u32(node.rdevMinor)
  out.time(node.atime).time(node.mtime).time(node.ctime)
  out.number(node.upstreamEndBytes).number(node.presentBlocks)
  out.number(node.pages).u32(node.pagesHash).number(node.entries).u32(node.entriesHash)
  if (node.origin) {
    const { origin } = node
    out.u16(origin.mode).u32(origin.uid).u32(origin.gid).u32(origin.nlink)
    out.number(origin.sizeBytes).number(origin.usedBytes).time(origin.mtime).time(origin.ctime)
  }
  if (node.target) out.bytes(node.target)
  if (node.verifier) out.bytes(node.verifier)
  if (node.place) out.number(node.place.parent).bytes(node.place.name)
  return out.finish()
}

export function decodeNodeRecord(payload: Uint8Array, object: string): NodeRecord {
  const from = new FieldReader(payload, object)
  const flags = from.u8()
  return {
    removed: (flags & FLAG.removed) !== 0,
    conflict: (flags & FLAG.conflict) !== 0,
    type: from.type(),
    mode: from.u16(),
    nlink: from.u32(),
    uid: from.u32(),
    gid: from.u32(),
    sizeBytes: from.number(),
    rdevMajor: from.u32(),
    rdevMinor: from.u32(),
    atime: from.time(),
    mtime: from.time(),
    ctime: from.time(),
    upstreamEndBytes: from.number(),
    presentBlocks: from.number(),
    pages: from.number(),
    pagesHash: from.u32(),
    entries: from.number(),
    entriesHash: from.u32(),
    origin: flags & FLAG.origin ? decodeOrigin(from) : undefined,
    target: flags & FLAG.target ? from.bytes() : undefined,
    verifier: flags & FLAG.verifier ? from.bytes() : undefined,
    place: flags & FLAG.place ? { parent: from.number() as NodeId, name: from.bytes() } : undefined,
  }
}

function decodeOrigin(from: FieldReader): Origin {
  return {
    mode: from.u16(),
    uid: from.u32(),
    gid: from.u32(),
    nlink: from.u32(),
    sizeBytes: from.number(),
    usedBytes: from.number(),
    mtime: from.time(),
    ctime: from.time(),
  }
}
