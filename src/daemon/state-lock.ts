import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts'

const LOCK_NAME = 'lock'
const FILE_MODE = 0o600
/** How often a lock that others leave or take at the same moment is tried again. */
const TRIES_MAX = 10

/** Thrown when another process has the state directory. */
export class StateInUseError extends Error {
  override readonly name = 'StateInUseError'
  readonly pid: number
  constructor(directory: string, holder: LockHolder) {
    super(
      `${directory} is in use by process ${holder.pid} (rowfs ${holder.command}); stop it, or give another directory with --state`,
    )
    this.pid = holder.pid
  }
}

export interface LockHolder extends ProcessIdentity {
  /** "proxy", "view reset": what holds it, for the message to the second. */
  readonly command: string
}

export interface StateLock {
  release(): void
}

/**
 * Takes the state directory for this process. The lock is a file that names its holder; it is left by `kill -9`, and
 * taken over when the named process is gone (its start time and the boot are compared, so that a reused number does
 * not count). LevelDB's own lock, which the kernel drops with the process, stands behind it.
 */
export function lockState(directory: string, command: string): StateLock {
  const path = join(directory, LOCK_NAME)
  const own = `${path}.${process.pid}`
  writeHolder(own, { ...ownIdentity(), command })
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (linkIfFree(own, path)) return { release: () => rmSync(path, { force: true }) }
      const holder = readHolder(path)
      if (holder !== undefined && isAlive(holder)) throw new StateInUseError(directory, holder)
      setAside(path, `${own}.old`)
    }
    throw new Error(`${path} changes hands too often; look at which processes use ${directory}`)
  } finally {
    rmSync(own, { force: true })
    rmSync(`${own}.old`, { force: true })
  }
}

/** Who has the directory now; undefined when nobody has. */
export function lockHolder(directory: string): LockHolder | undefined {
  const holder = readHolder(join(directory, LOCK_NAME))
  return holder !== undefined && isAlive(holder) ? holder : undefined
}

function writeHolder(path: string, holder: LockHolder): void {
  rmSync(path, { force: true })
  const file = openSync(path, 'wx', FILE_MODE)
  try {
    writeSync(file, `${JSON.stringify(holder)}\n`)
  } finally {
    closeSync(file)
  }
}

/** Linking fails when the name is there, so that of two processes one gets it, with its content in place. */
function linkIfFree(own: string, path: string): boolean {
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** A file that names nobody (a torn write) is a left-over too. */
function readHolder(path: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder>
    return Number.isSafeInteger(holder.pid) && holder.pid! > 0 ? (holder as LockHolder) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Moves a left-over out of the way; puts it back when it turns out to be the lock of a process that was faster. */
function setAside(path: string, old: string): void {
  try {
    renameSync(path, old)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const holder = readHolder(old)
  if (holder !== undefined && isAlive(holder)) linkIfFree(old, path)
}
