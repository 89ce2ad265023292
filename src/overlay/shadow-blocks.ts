import { crc32 } from 'node:zlib'
import { type Awaitable, whenReady } from '../base/awaitable.ts'
import { BLOCK_SIZE_BYTES, BLOCKS_PER_PAGE, blockOf, blocksFor } from './blocks.ts'
import type { Node } from './node.ts'
import type { PresenceMap } from './presence-map.ts'
import type { View } from './view.ts'

const ZERO_BLOCK = new Uint8Array(BLOCK_SIZE_BYTES)

/** CRC-32 of a block; what is missing of 4,096 bytes counts as zeros. */
export function blockChecksum(data: Uint8Array): number {
  const checksum = crc32(data)
  return data.length < BLOCK_SIZE_BYTES ? crc32(ZERO_BLOCK.subarray(data.length), checksum) : checksum
}

/**
 * Fills `into` with redirected bytes. Every block is compared with its checksum the first time it is read.
 * Precondition: all blocks of the range are present. Throws DamageError.
 */
export function readShadow(
  view: View,
  node: Node,
  presence: PresenceMap,
  offsetBytes: number,
  into: Uint8Array,
): Awaitable<void> {
  const { shadow, counters } = view.parts
  const first = blockOf(offsetBytes)
  const end = blocksFor(offsetBytes + into.length)
  counters.bytesFromShadow += into.length
  if (allVerified(presence, first, end)) {
    return whenReady(shadow.read(view.shadowKey(node), offsetBytes, into), (count) => {
      if (count < into.length) into.fill(0, count)
    })
  }
  const start = first * BLOCK_SIZE_BYTES
  const whole = Buffer.allocUnsafe((end - first) * BLOCK_SIZE_BYTES)
  return whenReady(shadow.read(view.shadowKey(node), start, whole), (count) => {
    if (count < whole.length) whole.fill(0, count)
    for (let block = first; block < end; block += 1) {
      const at = (block - first) * BLOCK_SIZE_BYTES
      verify(view, node, presence, block, whole.subarray(at, at + BLOCK_SIZE_BYTES))
    }
    into.set(whole.subarray(offsetBytes - start, offsetBytes - start + into.length))
  })
}

function allVerified(presence: PresenceMap, first: number, end: number): boolean {
  for (let block = first; block < end; block += 1) {
    const page = presence.page(Math.floor(block / BLOCKS_PER_PAGE))
    if (page === undefined || !page.verified.has(block % BLOCKS_PER_PAGE)) return false
  }
  return true
}

function verify(view: View, node: Node, presence: PresenceMap, block: number, data: Uint8Array): void {
  const page = presence.page(Math.floor(block / BLOCKS_PER_PAGE))
  const at = block % BLOCKS_PER_PAGE
  // A write that ran while we waited has put its own checksum there.
  if (page === undefined || page.verified.has(at)) return
  const checksum = blockChecksum(data)
  if (page.checksums[at] === checksum) {
    page.verified.add(at)
    return
  }
  // After a crash a block that was being overwritten, and not yet stable, may be torn: the client sends it again.
  if (node.untrusted) presence.markPresent(block, checksum)
  else throw view.damage(node, `block ${block} of its shadow file does not match its checksum`)
}
