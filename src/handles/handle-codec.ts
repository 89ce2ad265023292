import { assert } from '../base/assert.ts'
import type { NodeId } from '../vfs/file-system.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import { HANDLE_MAC_BYTES, HandleMac } from './handle-mac.ts'

/** The bytes are described in docs/formats/virtual-handle.md. */
export const HANDLE_VERSION = 1
export const HANDLE_BYTES = 36

/** What a virtual handle stands for. */
export interface VirtualHandle {
  /** The view's number: 1 to 2^32 - 1. */
  readonly view: number
  readonly node: NodeId
  /** 0 to 2^32 - 1. */
  readonly generation: number
}

const MAC_OFFSET_BYTES = HANDLE_BYTES - HANDLE_MAC_BYTES
const VERSION_WORD = HANDLE_VERSION << 24
const TWO_POW_32 = 2 ** 32
/** NodeIds are exact numbers: below 2^53, so their high word is below 2^21. */
const NODE_HIGH_LIMIT = 2 ** 21

/** Handles whose MAC is remembered: 2 MiB, and the working set of a booted machine. */
export const HANDLE_CACHE_SLOTS = 1 << 16
/** view, node high, node low, generation, then the four words of the MAC. */
const SLOT_WORDS = 8

const BAD_HANDLE = refuse('BADHANDLE')

/**
 * Makes virtual handles and takes them apart. The MAC keeps a client from forging a handle of another view.
 *
 * MACs are kept in a direct-mapped cache, so that a hot handle costs no hash: a slot holds the last handle that fell
 * on it, and view 0, which no handle has, marks an empty one.
 */
export class HandleCodec {
  readonly handleBytes = HANDLE_BYTES
  readonly #mac: HandleMac
  readonly #message = new Uint8Array(MAC_OFFSET_BYTES)
  readonly #cache: Uint32Array
  readonly #slotMask: number

  /** `secret` has HANDLE_SECRET_BYTES; `cacheSlots` is a power of two. */
  constructor(secret: Uint8Array, cacheSlots: number = HANDLE_CACHE_SLOTS) {
    assert(cacheSlots > 0 && (cacheSlots & (cacheSlots - 1)) === 0, 'cache slots are a power of two')
    this.#mac = new HandleMac(secret, MAC_OFFSET_BYTES)
    this.#cache = new Uint32Array(cacheSlots * SLOT_WORDS)
    this.#slotMask = cacheSlots - 1
  }

  encode(handle: VirtualHandle): Uint8Array {
    const { view, node, generation } = handle
    assert(view >= 1 && view < TWO_POW_32, 'a view number has 32 bits and is not 0')
    assert(node >= 0 && node <= Number.MAX_SAFE_INTEGER, 'a node number is exact')
    const nodeHigh = (node / TWO_POW_32) >>> 0
    const nodeLow = node >>> 0
    const slot = this.#slotOf(view, nodeHigh, nodeLow, generation >>> 0)
    const bytes = new Uint8Array(HANDLE_BYTES)
    bytes[0] = HANDLE_VERSION
    putWord(bytes, 4, view)
    putWord(bytes, 8, nodeHigh)
    putWord(bytes, 12, nodeLow)
    putWord(bytes, 16, generation)
    for (let word = 0; word < 4; word += 1) {
      putWord(bytes, MAC_OFFSET_BYTES + 4 * word, this.#cache[slot + 4 + word]!)
    }
    return bytes
  }

  /** BADHANDLE for everything that `encode` did not make with this secret. */
  decode(bytes: Uint8Array): FsResult<VirtualHandle> {
    if (bytes.length !== HANDLE_BYTES || wordAt(bytes, 0) !== VERSION_WORD) return BAD_HANDLE
    const view = wordAt(bytes, 4)
    const nodeHigh = wordAt(bytes, 8)
    if (view === 0 || nodeHigh >= NODE_HIGH_LIMIT) return BAD_HANDLE
    const nodeLow = wordAt(bytes, 12)
    const generation = wordAt(bytes, 16)
    const slot = this.#slotOf(view, nodeHigh, nodeLow, generation)
    // All four words are always compared: the time taken does not tell a forger how many were right.
    let difference = 0
    for (let word = 0; word < 4; word += 1) {
      difference |= wordAt(bytes, MAC_OFFSET_BYTES + 4 * word) ^ this.#cache[slot + 4 + word]!
    }
    if (difference !== 0) return BAD_HANDLE
    return succeed({ view, node: (nodeHigh * TWO_POW_32 + nodeLow) as NodeId, generation })
  }

  /** Where in the cache this handle's words are; computes the MAC when they are not. */
  #slotOf(view: number, nodeHigh: number, nodeLow: number, generation: number): number {
    const mixed = Math.imul(
      nodeLow ^ Math.imul(view, 0x9e3779b1) ^ Math.imul(nodeHigh, 0x85ebca6b),
      0x9e3779b1,
    )
    const slot = ((mixed ^ (mixed >>> 15)) & this.#slotMask) * SLOT_WORDS
    const cache = this.#cache
    const hit =
      cache[slot] === view &&
      cache[slot + 1] === nodeHigh &&
      cache[slot + 2] === nodeLow &&
      cache[slot + 3] === generation
    if (!hit) this.#fill(slot, view, nodeHigh, nodeLow, generation)
    return slot
  }

  #fill(slot: number, view: number, nodeHigh: number, nodeLow: number, generation: number): void {
    const message = this.#message
    message[0] = HANDLE_VERSION
    putWord(message, 4, view)
    putWord(message, 8, nodeHigh)
    putWord(message, 12, nodeLow)
    putWord(message, 16, generation)
    const mac = this.#mac.of(message)
    const cache = this.#cache
    cache[slot] = view
    cache[slot + 1] = nodeHigh
    cache[slot + 2] = nodeLow
    cache[slot + 3] = generation
    for (let word = 0; word < 4; word += 1) cache[slot + 4 + word] = wordAt(mac, 4 * word)
  }
}

/** Big endian, as everything in RFC 4506. */
function putWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word >>> 24
  bytes[offset + 1] = word >>> 16
  bytes[offset + 2] = word >>> 8
  bytes[offset + 3] = word
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  )
}
