import { destination, type Logger, pino } from 'pino'

export type { Logger }

/** JSON lines on standard error, so that standard output stays for answers. */
export function createLogger(level: string): Logger {
  const standardError = destination({ dest: 2, sync: true })
  // Nobody listens any more (the terminal is closed): nothing can be said, and that is no reason to stop serving.
  standardError.on('error', () => {})
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, standardError)
}
