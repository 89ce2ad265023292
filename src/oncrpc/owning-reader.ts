import { ownBytes } from '../base/bytes.ts'
import { XdrReader } from '../xdr/reader.ts'

/**
 * Reads XDR for results that outlive the buffer they were received into: bytes are copied out of it, unless the
 * result is used up at once (`lends`).
 */
export class OwningReader extends XdrReader {
  /** Bytes come out as views, for somebody who is done with them before the buffer is written again. */
  lends = false

  override fixedOpaque(lengthBytes: number): Uint8Array {
    const view = super.fixedOpaque(lengthBytes)
    return this.lends || lengthBytes === 0 ? view : ownBytes(view)
  }
}
