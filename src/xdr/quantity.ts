const TWO_TO_32 = 0x1_0000_0000
const TWO_TO_64 = TWO_TO_32 * TWO_TO_32

/** unsigned hyper as a number: exact up to 2^53 - 1, beyond that some number greater than MAX_SAFE_INTEGER. */
export function getQuantity64(view: DataView, at: number): number {
  return view.getUint32(at) * TWO_TO_32 + view.getUint32(at + 4)
}

/** 2^64 and more (what a quantity near 2^64 is rounded to when it is read) is written as 2^64 - 1. */
export function setQuantity64(view: DataView, at: number, value: number): void {
  if (value >= TWO_TO_64) {
    view.setUint32(at, 0xffff_ffff)
    view.setUint32(at + 4, 0xffff_ffff)
    return
  }
  view.setUint32(at, Math.floor(value / TWO_TO_32))
  view.setUint32(at + 4, value % TWO_TO_32)
}
