import type { Logger } from '../base/logger.ts'

/** A stop that takes longer than this is given up: whoever asked for it waits at most 5 s. */
export const STOP_MAX_MS = 4_500

export interface StopOnSignal {
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly asked: Promise<NodeJS.Signals>
  /** Aborted at the same moment. */
  readonly signal: AbortSignal
  /** Stops in good order. If that takes too long, or a second signal comes, the process ends at once with 1. */
  within(stop: () => Promise<void>): Promise<void>
}

/** Takes over SIGTERM and SIGINT for the life of the process. */
export function stopOnSignal(logger: Logger): StopOnSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  const abort = new AbortController()
  let isAsked = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (isAsked) {
      logger.fatal(`${signal} again: ending at once; what was not synced is sent again by the clients`)
      process.exit(1)
    }
    isAsked = true
    logger.info(`${signal}: stopping`)
    abort.abort()
    resolve(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return {
    asked: promise,
    signal: abort.signal,
    async within(stop) {
      const late = setTimeout(() => {
        logger.fatal(`not stopped after ${STOP_MAX_MS} ms: ending all the same`)
        process.exit(1)
      }, STOP_MAX_MS)
      try {
        await stop()
      } finally {
        clearTimeout(late)
      }
    },
  }
}
