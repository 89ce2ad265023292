import { createLogger } from '../../src/base/logger.ts'
import { runExport } from '../../src/cli/export.ts'
import { parseExportDirectory } from '../../src/cli/export-directory.ts'

/** `rowfs export` without its command line: STATE-DIR, "atime" or "-", then DIR[:NAME]… */
const [stateDir, atime, ...directories] = process.argv.slice(2)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
try {
  await runExport({
    directories: directories.map(parseExportDirectory),
    listen: { host: '127.0.0.1', port: 0 },
    stateDir,
    allow: ['127.0.0.0/8'],
    squash: 'none',
    allowAtime: atime === 'atime',
    logger: createLogger('warn'),
    signal: stop.signal,
  })
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
