/** Thrown when bytes are not what the XDR type says. The only error that decoding throws, whatever the input. */
export class XdrError extends Error {
  override readonly name = 'XdrError'
  /** Where in the reader's bytes it was noticed. */
  readonly offsetBytes: number
  constructor(what: string, offsetBytes: number) {
    super(`${what} at byte ${offsetBytes}`)
    this.offsetBytes = offsetBytes
  }
}
