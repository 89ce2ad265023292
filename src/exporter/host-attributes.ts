import { type BigIntStats, constants } from 'node:fs'
import type { Timestamp } from '../base/clock.ts'
import { type Attributes, MAX_FILE_SIZE_BYTES, MODE_MASK, type NodeType } from '../vfs/attributes.ts'
import { StorageError } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'

/** stat(2) counts st_blocks in these, whatever the file system. */
const STAT_BLOCK_BYTES = 512
const NANOSECONDS_PER_SECOND = 1_000_000_000n
const MAX_NODE = BigInt(Number.MAX_SAFE_INTEGER)

const TYPES: Readonly<Record<number, NodeType>> = {
  [constants.S_IFREG]: 'file',
  [constants.S_IFDIR]: 'directory',
  [constants.S_IFLNK]: 'symlink',
  [constants.S_IFBLK]: 'block',
  [constants.S_IFCHR]: 'character',
  [constants.S_IFSOCK]: 'socket',
  [constants.S_IFIFO]: 'fifo',
}

function formatOf(stats: BigIntStats): number {
  return Number(stats.mode) & constants.S_IFMT
}

export function isDirectory(stats: BigIntStats): boolean {
  return formatOf(stats) === constants.S_IFDIR
}

export function isRegular(stats: BigIntStats): boolean {
  return formatOf(stats) === constants.S_IFREG
}

/** The inode number as a NodeId; undefined when a NodeId cannot hold it. */
export function nodeOf(stats: BigIntStats): NodeId | undefined {
  return stats.ino <= MAX_NODE ? (Number(stats.ino) as NodeId) : undefined
}

/** What to say when an inode number is over 2^53 - 1: cutting it would make two files one. */
export function inodeTooBig(ino: bigint): StorageError {
  return new StorageError(
    'IO',
    `inode number ${ino} is over 2^53 - 1 and cannot be served exactly; ` +
      'export a copy on a file system with smaller inode numbers (on overlayfs: mount it with xino=off)',
  )
}

/**
 * 32 bits that differ when an inode number is used again for another object, from the object's type and birth time.
 *
 * A file system without birth times gives ctime for all but directories (a false STALE after chmod is better than
 * another file's bytes under an old handle), and nothing for directories, whose ctime moves with every new entry.
 */
export function generationOf(stats: BigIntStats): number {
  const format = formatOf(stats)
  const born =
    stats.birthtimeNs !== 0n ? stats.birthtimeNs : format === constants.S_IFDIR ? 0n : stats.ctimeNs
  const low = Number(BigInt.asUintN(32, born))
  const high = Number(BigInt.asUintN(32, born >> 32n))
  let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) ^ format
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function timestampOf(nanoseconds: bigint): Timestamp {
  const rest = nanoseconds % NANOSECONDS_PER_SECOND
  const seconds = Number(nanoseconds / NANOSECONDS_PER_SECOND)
  // Division cuts towards 0; a time before 1970 counts its nanoseconds upwards all the same.
  if (rest < 0n) return { seconds: seconds - 1, nanoseconds: Number(rest + NANOSECONDS_PER_SECOND) }
  return { seconds, nanoseconds: Number(rest) }
}

/** Linux splits a device number so (gnu_dev_major and gnu_dev_minor, sys/sysmacros.h). */
function rdevMajor(rdev: bigint): number {
  return Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n))
}
function rdevMinor(rdev: bigint): number {
  return Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n))
}

/** True when `attributesOf` can tell the size exactly. */
export function hasServableSize(stats: BigIntStats): boolean {
  return stats.size <= BigInt(MAX_FILE_SIZE_BYTES)
}

/** stat(2) in our words, to the nanosecond. Throws StorageError FBIG over MAX_FILE_SIZE_BYTES. */
export function attributesOf(stats: BigIntStats, fsid: bigint): Attributes {
  if (!hasServableSize(stats)) {
    throw new StorageError(
      'FBIG',
      `file ${stats.ino} has ${stats.size} bytes, more than ${MAX_FILE_SIZE_BYTES}`,
    )
  }
  const type = TYPES[formatOf(stats)]
  if (type === undefined) throw new StorageError('IO', `object ${stats.ino} has an unknown type`)
  const isDevice = type === 'block' || type === 'character'
  return {
    type,
    mode: Number(stats.mode) & MODE_MASK,
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: Number(stats.size),
    usedBytes: Number(stats.blocks) * STAT_BLOCK_BYTES,
    rdevMajor: isDevice ? rdevMajor(stats.rdev) : 0,
    rdevMinor: isDevice ? rdevMinor(stats.rdev) : 0,
    fsid,
    fileid: stats.ino,
    atime: timestampOf(stats.atimeNs),
    mtime: timestampOf(stats.mtimeNs),
    ctime: timestampOf(stats.ctimeNs),
  }
}
