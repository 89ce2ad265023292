import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { keepsAccessTimes, type Mount, mountIdOf, readMounts } from './mountinfo.ts'

/** Holds the name of the mount namespace that a process left by restarting itself. */
export const NAMESPACE_MARKER = 'ROWFS_MOUNT_NAMESPACE_BEFORE'
/** What the kernel must hold on to while we read: above all noatime, which Node cannot ask for per directory or link. */
const GUARD_OPTIONS = 'ro,noatime,nodiratime,nosuid,nodev'
const MOUNT_WAIT_MS = 10_000

/** Thrown when a directory cannot be exported without changing it, or not at all. The message says what to do. */
export class ExportRefusedError extends Error {
  override readonly name = 'ExportRefusedError'
}

function currentNamespace(): string {
  return readlinkSync('/proc/self/ns/mnt')
}

/** True in a process that `restartInOwnNamespace` has started: its mounts are its own. */
export function isInOwnNamespace(environment: NodeJS.ProcessEnv): boolean {
  const before = environment[NAMESPACE_MARKER]
  return before !== undefined && before !== currentNamespace()
}

/** May this process have a mount namespace of its own? Root in a container often may not. */
export function canHaveOwnNamespace(): boolean {
  return spawnSync('unshare', ['--mount', 'true'], { stdio: 'ignore', timeout: MOUNT_WAIT_MS }).status === 0
}

/**
 * Starts this program again, as the same process with the same arguments, in a mount namespace of its own. Comes
 * back only when it fails. The kernel drops the namespace and its mounts with the process, however that ends.
 */
export function restartInOwnNamespace(environment: NodeJS.ProcessEnv): never {
  const { argv, execArgv, execPath } = process
  const again = [execPath, ...execArgv, ...argv.slice(1)]
  const passedOn = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  process.execve!('/usr/bin/unshare', ['unshare', '--mount', '--propagation', 'private', '--', ...again], {
    ...Object.fromEntries(passedOn),
    [NAMESPACE_MARKER]: currentNamespace(),
  })
  throw new Error('this program could not be started again in a mount namespace of its own')
}

/**
 * Binds the directory to `place`, without what is mounted in it, read-only and without access times. Precondition:
 * isInOwnNamespace, so that nobody else sees it. Throws ExportRefusedError.
 */
export function bindForReading(directory: string, placesDirectory: string, index: number): string {
  const place = join(placesDirectory, String(index))
  mkdirSync(place, { recursive: true, mode: 0o700 })
  mount(['--bind', '--', directory, place])
  mount(['-o', `remount,bind,${GUARD_OPTIONS}`, '--', place])
  const bound = mountOf(place)
  if (bound === undefined || !bound.options.has('ro') || !bound.options.has('noatime')) {
    throw new ExportRefusedError(`${directory} could not be mounted read-only and without access times`)
  }
  return place
}

/** Throws ExportRefusedError unless reading below the directory leaves all access times as they are. */
export function checkAccessTimes(directory: string): void {
  const found = mountOf(directory)
  if (found !== undefined && keepsAccessTimes(found)) return
  throw new ExportRefusedError(
    `reading ${directory} would change the access times of its directories and links: it is on a mount ` +
      `(${found?.point ?? 'unknown'}) that is neither read-only nor noatime, and only root can make one that is. ` +
      `Run rowfs export as root, or have it mounted with noatime (mount -o remount,noatime ${found?.point ?? '…'}), ` +
      'or accept the change with --allow-atime',
  )
}

function mountOf(path: string): Mount | undefined {
  const fd = openSync(path, 'r')
  try {
    const id = mountIdOf(fd)
    return readMounts().find((each) => each.id === id)
  } finally {
    closeSync(fd)
  }
}

function mount(options: readonly string[]): void {
  const done = spawnSync('mount', ['-n', ...options], { encoding: 'utf8', timeout: MOUNT_WAIT_MS })
  if (done.status === 0) return
  const reason = done.error?.message ?? done.stderr.trim()
  throw new ExportRefusedError(`mount ${options.join(' ')} failed: ${reason}`)
}
