/** Thrown when the program itself is wrong; never for input from the network or the disk. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws if the programmer was wrong. Never use it on input from the network or the disk. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** For the `default` of a switch over a closed union: a new case does not compile. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable case: ${JSON.stringify(value)}`)
}
