import { crc32 } from 'node:zlib'
import { printableBytes, sameBytes } from '../base/bytes.ts'
import type { Timestamp } from '../base/clock.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { entryKey } from './format/keys.ts'
import type { NodeRecord } from './format/node-record.ts'
import { isImageNumber } from './node-numbers.ts'
import type { ScannedEntry, ViewScan } from './view-scan.ts'

export type ResetPlan =
  | { readonly do: 'refuse'; readonly why: string }
  | {
      readonly do: 'reset'
      readonly entries: readonly ScannedEntry[]
      /** Their records go, with all blocks. */
      readonly drops: readonly NodeId[]
      /** Records that stay, changed; `discard`: without their blocks. */
      readonly puts: readonly {
        readonly node: NodeId
        readonly record: NodeRecord
        readonly discard: boolean
      }[]
    }

/**
 * What it takes to give one path, and all below it, back to the image. `path` is "" for the root, else it begins
 * with "/" and does not end with it. Decides, does not act; needs no image server.
 */
export function planReset(scan: ViewScan, view: number, path: Uint8Array, now: Timestamp): ResetPlan {
  const isBelow = belowTest(path)
  const chosen = new Set(scan.entries.filter((entry) => isBelow(scan.entryPath(entry))))
  const why = followMoves(scan, chosen, isBelow)
  if (why !== undefined) return { do: 'refuse', why }
  const reset = nodesBelow(scan, chosen, isBelow)
  if (chosen.size === 0 && reset.size === 0) {
    return {
      do: 'refuse',
      why: `nothing differs from the image at ${printableBytes(path) || '/'} or below it`,
    }
  }
  const drops: NodeId[] = []
  const puts: { node: NodeId; record: NodeRecord; discard: boolean }[] = []
  for (const node of reset) {
    const record = scan.nodes.get(node)
    if (record === undefined) continue
    const kept = keptRecord(scan, node, record, chosen)
    if (kept === undefined) drops.push(node)
    else puts.push({ node, record: kept, discard: isImageNumber(node) })
  }
  for (const directory of new Set([...chosen].map((entry) => entry.directory))) {
    if (reset.has(directory)) continue
    const record = directoryAfter(scan, view, directory, chosen, now)
    if (record === undefined) drops.push(directory)
    else puts.push({ node: directory, record, discard: false })
  }
  return { do: 'reset', entries: [...chosen], drops, puts }
}

function belowTest(path: Uint8Array): (candidate: Uint8Array) => boolean {
  if (path.length === 0) return () => true
  return (candidate) =>
    candidate.length >= path.length &&
    sameBytes(candidate.subarray(0, path.length), path) &&
    (candidate.length === path.length || candidate[path.length] === 0x2f)
}

/** What was moved away or here must go back as a whole: adds the other ends, or says what stands in the way. */
function followMoves(
  scan: ViewScan,
  chosen: Set<ScannedEntry>,
  isBelow: (path: Uint8Array) => boolean,
): string | undefined {
  for (const entry of [...chosen]) {
    if (entry.hides !== undefined) {
      const elsewhere = scan.shownAt(entry.hides.node).find((shown) => !chosen.has(shown))
      if (elsewhere !== undefined) {
        const old = printableBytes(scan.entryPath(entry))
        const name = printableBytes(scan.entryPath(elsewhere))
        return `${old} was renamed to ${name}: reset ${name} first`
      }
    }
    if (entry.shows === undefined || !isImageNumber(entry.shows.node)) continue
    for (const origin of scan.hiddenAt(entry.shows.node)) {
      if (chosen.has(origin)) continue
      if (origin.shows !== undefined && !isBelow(scan.entryPath(origin))) {
        const taken = printableBytes(scan.entryPath(origin))
        return `it was ${taken} in the image, and that name is taken by something new: reset ${taken} too, or rename it`
      }
      chosen.add(origin)
    }
  }
  return undefined
}

function nodesBelow(
  scan: ViewScan,
  chosen: ReadonlySet<ScannedEntry>,
  isBelow: (path: Uint8Array) => boolean,
): Set<NodeId> {
  const nodes = new Set<NodeId>()
  for (const entry of chosen) {
    if (entry.shows !== undefined) nodes.add(entry.shows.node)
    if (entry.hides !== undefined) nodes.add(entry.hides.node)
  }
  for (const [node, record] of scan.nodes) {
    if (isImageNumber(node) && !record.removed && isBelow(normalPath(scan.nodePath(node)))) nodes.add(node)
  }
  return nodes
}

function normalPath(path: Uint8Array): Uint8Array {
  return path.length === 1 && path[0] === 0x2f ? new Uint8Array() : path
}

/** The record that must stay because other names still differ; undefined: none. */
function keptRecord(
  scan: ViewScan,
  node: NodeId,
  record: NodeRecord,
  chosen: ReadonlySet<ScannedEntry>,
): NodeRecord | undefined {
  const shown = scan.shownAt(node).filter((entry) => !chosen.has(entry)).length
  if (!isImageNumber(node)) return shown === 0 ? undefined : { ...record, nlink: shown }
  const hidden = scan.hiddenAt(node).filter((entry) => !chosen.has(entry)).length
  const { origin } = record
  if (origin === undefined || record.type === 'directory' || shown === hidden) return undefined
  const nlink = origin.nlink + shown - hidden
  const { mode, uid, gid, sizeBytes, mtime } = origin
  return {
    ...record,
    ...{ mode, uid, gid, sizeBytes, mtime, nlink },
    removed: nlink <= 0,
    upstreamEndBytes: sizeBytes,
    presentBlocks: 0,
    pages: 0,
    pagesHash: 0,
    conflict: false,
    place: undefined,
  }
}

/** A directory outside of what is reset, that loses entries; undefined: it is as the image has it again. */
function directoryAfter(
  scan: ViewScan,
  view: number,
  directory: NodeId,
  chosen: ReadonlySet<ScannedEntry>,
  now: Timestamp,
): NodeRecord | undefined {
  const record = scan.nodes.get(directory)
  if (record === undefined) return undefined
  let { nlink, entries, entriesHash } = record
  for (const entry of chosen) {
    if (entry.directory !== directory) continue
    entries -= 1
    entriesHash = (entriesHash ^ crc32(entryKey(view, directory, entry.name))) >>> 0
    if (entry.shows?.type === 'directory') nlink -= 1
    if (entry.hides?.type === 'directory') nlink += 1
  }
  const { origin } = record
  const isPristine =
    origin !== undefined &&
    record.place === undefined &&
    entries === 0 &&
    record.mode === origin.mode &&
    record.uid === origin.uid &&
    record.gid === origin.gid
  return isPristine ? undefined : { ...record, nlink, entries, entriesHash, mtime: now, ctime: now }
}
