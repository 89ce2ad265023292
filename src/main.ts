import { runCommandLine } from './cli/program.ts'

/** A reader that has gone (`rowfs view diff | head`) is no fault, and a proxy does not end for it. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  process.stderr.write(`rowfs: the output could not be written: ${error.message}\n`)
  process.exitCode = 1
})
process.stderr.on('error', () => {})

process.exitCode = (await runCommandLine(process.argv.slice(2))) || process.exitCode || 0
