/**
 * The first byte of a key says what it is, the next four (big endian) whom it belongs to: a view's number, or
 * 0 for the image's objects, which all views share. Bytes below are the index's own. docs/formats/index.md.
 */
export const OWN_KINDS = { journal: 0x01, group: 0x02, receipt: 0x03 } as const
/** Kinds from here on belong to the user of the index. */
export const FIRST_USER_KIND = 0x10

export function groupOfKey(key: Uint8Array): number {
  return ((key[1]! << 24) | (key[2]! << 16) | (key[3]! << 8) | key[4]!) >>> 0
}

export function isCounted(key: Uint8Array): boolean {
  return key[0]! >= FIRST_USER_KIND
}

/** A key of the index itself: kind and a number. */
export function ownKey(kind: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(5)
  key[0] = kind
  key.writeUInt32BE(number, 1)
  return key
}

/** The smallest key after all that start with the prefix. */
export function keyAfterPrefix(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix)
  for (let index = end.length - 1; index >= 0; index -= 1) {
    if (end[index]! < 0xff) {
      end[index]! += 1
      return end.subarray(0, index + 1)
    }
  }
  return Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
}
