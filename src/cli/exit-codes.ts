/** What a script sees: done, failed, wrong use. */
export const EXIT_DONE = 0
export const EXIT_FAILED = 1
export const EXIT_WRONG_USE = 2

/** Thrown by a command that has said everything itself and only needs its exit code. */
export class ExitWith extends Error {
  override readonly name = 'ExitWith'
  readonly code: number
  constructor(code: number) {
    super(`exit code ${code}`)
    this.code = code
  }
}

/** Thrown when the command line cannot mean anything; the message says how to write it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
