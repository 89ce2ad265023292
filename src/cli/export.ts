import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { SystemClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { systemRandom } from '../base/random.ts'
import { formatAddress, type ListenAddress } from '../config/addresses.ts'
import {
  bindForReading,
  canHaveOwnNamespace,
  checkAccessTimes,
  isInOwnNamespace,
  NAMESPACE_MARKER,
  restartInOwnNamespace,
} from '../exporter/private-mount.ts'
import type { Squash } from '../nfsd/exports.ts'
import { checkExportDirectories, checkStateIsElsewhere, type ExportDirectory } from './export-directory.ts'
import { defaultExportState, readOrMakeHandleKey } from './export-key.ts'
import { ImageServer, type ServedDirectory } from './image-server.ts'
import { print } from './output.ts'

const ROOT_UID = 0

/** What `rowfs export` is told. */
export interface ExportOptions {
  /** From parseExportDirectory. */
  readonly directories: readonly ExportDirectory[]
  readonly listen: ListenAddress
  /** Keeps the key of the handles; undefined: $XDG_STATE_HOME/rowfs/export. */
  readonly stateDir: string | undefined
  /** CIDR notation. */
  readonly allow: readonly string[]
  readonly squash: Squash
  /** Serve although reading changes access times, where no mount of our own can prevent it. */
  readonly allowAtime: boolean
  readonly logger: Logger
  /** Ends the server. */
  readonly signal: AbortSignal
}

/**
 * rowfs export: serves until the signal. As root it first starts this program again, as the same process, in a mount
 * namespace of its own: so call it before anything else is done. Throws UsageError, ExportRefusedError, ListenError.
 */
export async function runExport(options: ExportOptions): Promise<void> {
  const { directories, logger, signal } = options
  checkExportDirectories(directories)
  const stateDir = options.stateDir ?? defaultExportState(process.env, homedir())
  checkStateIsElsewhere(stateDir, directories)
  const served = guardDirectories(options, stateDir)
  const server = await ImageServer.start({
    ...options,
    directories: served,
    handleKey: readOrMakeHandleKey(stateDir, systemRandom),
    clock: new SystemClock(),
  })
  try {
    describeServer(options, server.port, served)
    if (!signal.aborted) await once(signal, 'abort')
    logger.info('stopping: calls in flight are finished')
  } finally {
    await server.stop()
  }
}

/** Where to read each directory so that reading changes nothing. */
function guardDirectories(options: ExportOptions, stateDir: string): ServedDirectory[] {
  const { directories, allowAtime } = options
  if (isInOwnNamespace(process.env)) {
    delete process.env[NAMESPACE_MARKER]
    const places = join(stateDir, 'mounts')
    return directories.map(({ name, path }, index) => {
      return { name, path: bindForReading(path, places, index), mayHoldMounts: false }
    })
  }
  if (process.getuid?.() === ROOT_UID && canHaveOwnNamespace()) restartInOwnNamespace(process.env)
  if (!allowAtime) for (const { path } of directories) checkAccessTimes(path)
  return directories.map(({ name, path }) => ({ name, path, mayHoldMounts: true }))
}

function describeServer(options: ExportOptions, port: number, served: readonly ServedDirectory[]): void {
  const { host } = options.listen
  const mountOptions = `ro,nolock,vers=3,proto=tcp,port=${port},mountproto=tcp,mountport=${port}`
  for (const [index, { name, path }] of options.directories.entries()) {
    const isPrivate = served[index]?.mayHoldMounts === false
    const how = isPrivate ? 'through a read-only mount of our own' : 'as it is mounted'
    print(`exporting ${path} ${how}`)
    print(`  mount -t nfs -o ${mountOptions} ${mountHost(host)}:/${name} /mnt`)
  }
  print(`listening on ${formatAddress({ host, port })} (TCP and UDP)`)
}

/** What a client on this machine writes: brackets around IPv6, and no wildcard. */
function mountHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'HOST'
  return host.includes(':') ? `[${host}]` : host
}
