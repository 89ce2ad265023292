import { randomBytes } from 'node:crypto'

/** Where secrets, verifiers and transaction numbers come from; replaced by a seeded one in tests. */
export interface Random {
  bytes(count: number): Uint8Array
}

export const systemRandom: Random = {
  bytes(count: number): Uint8Array {
    return new Uint8Array(randomBytes(count))
  },
}
