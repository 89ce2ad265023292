import type { FileName, NodeId } from '../../vfs/file-system.ts'

/** Kinds of index records (first byte of a key). docs/formats/index.md describes each byte. */
export const KIND = {
  imageObject: 0x10,
  imageIdentity: 0x11,
  numberCounter: 0x12,
  viewCounter: 0x13,
  imageRoot: 0x14,
  view: 0x20,
  node: 0x21,
  entry: 0x22,
  page: 0x23,
  overwriteMark: 0x24,
  truncateIntent: 0x25,
} as const

/** The group of records that all views share (the image's objects). View numbers start at 1. */
export const SHARED_GROUP = 0

const HEAD_BYTES = 5
const NUMBER_BYTES = 8

function head(kind: number, group: number, extraBytes: number): Buffer {
  const key = Buffer.allocUnsafe(HEAD_BYTES + extraBytes)
  key[0] = kind
  key.writeUInt32BE(group, 1)
  return key
}

/** A number below 2^53 as u64, without a bigint. */
export function putNumber(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE(value >>> 0, at + 4)
}

export function takeNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

function numbered(kind: number, group: number, node: NodeId, extraBytes = 0): Buffer {
  const key = head(kind, group, NUMBER_BYTES + extraBytes)
  putNumber(key, node, HEAD_BYTES)
  return key
}

export const imageObjectKey = (node: NodeId) => numbered(KIND.imageObject, SHARED_GROUP, node)
export const numberCounterKey = () => head(KIND.numberCounter, SHARED_GROUP, 0)
export const viewCounterKey = () => head(KIND.viewCounter, SHARED_GROUP, 0)
export const imageRootKey = () => head(KIND.imageRoot, SHARED_GROUP, 0)
export const viewKey = (view: number) => head(KIND.view, view, 0)
export const nodeKey = (view: number, node: NodeId) => numbered(KIND.node, view, node)
export const overwriteMarkKey = (view: number, node: NodeId) => numbered(KIND.overwriteMark, view, node)
export const truncateIntentKey = (view: number, node: NodeId) => numbered(KIND.truncateIntent, view, node)
/** The prefix of all entries of a directory. */
export const directoryPrefix = (view: number, directory: NodeId) => numbered(KIND.entry, view, directory)
/** The prefix of all presence pages of a node. */
export const pagesPrefix = (view: number, node: NodeId) => numbered(KIND.page, view, node)
/** The prefix of all records of one kind of one view. */
export const kindPrefix = (kind: number, group: number) => head(kind, group, 0)

export function imageIdentityKey(fsid: bigint, fileid: bigint): Buffer {
  const key = head(KIND.imageIdentity, SHARED_GROUP, 16)
  key.writeBigUInt64BE(fsid, HEAD_BYTES)
  key.writeBigUInt64BE(fileid, HEAD_BYTES + 8)
  return key
}

export function entryKey(view: number, directory: NodeId, name: FileName): Buffer {
  const key = numbered(KIND.entry, view, directory, name.length)
  key.set(name, HEAD_BYTES + NUMBER_BYTES)
  return key
}

export function pageKey(view: number, node: NodeId, page: number): Buffer {
  const key = numbered(KIND.page, view, node, NUMBER_BYTES)
  putNumber(key, page, HEAD_BYTES + NUMBER_BYTES)
  return key
}

/** The node (or directory) a key is about. */
export function nodeOfKey(key: Buffer): NodeId {
  return takeNumber(key, HEAD_BYTES) as NodeId
}

export function nameOfEntryKey(key: Buffer): Uint8Array {
  return new Uint8Array(key.subarray(HEAD_BYTES + NUMBER_BYTES))
}

export function pageOfKey(key: Buffer): number {
  return takeNumber(key, HEAD_BYTES + NUMBER_BYTES)
}
