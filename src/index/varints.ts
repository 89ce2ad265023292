/** LEB128 numbers, one after the other. */
export class Varints {
  readonly #bytes: Buffer
  readonly #damage: () => Error
  #at = 0

  constructor(bytes: Buffer, damage: () => Error) {
    this.#bytes = bytes
    this.#damage = damage
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length
  }

  next(): number {
    let value = 0
    for (let scale = 1; scale < Number.MAX_SAFE_INTEGER; scale *= 128) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw this.#damage()
      this.#at += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw this.#damage()
  }

  skip(count: number): void {
    this.#at += count
  }
}
