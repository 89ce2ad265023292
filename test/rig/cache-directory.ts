import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ownerIsAlive, ownerTag } from './rig-owner.ts'

/** Where the rigs keep what is dear to build: $ROWFS_TEST_CACHE, or .cache/rowfs-test in the home directory. */
export function cacheDirectory(): string {
  const directory = process.env.ROWFS_TEST_CACHE || join(homedir(), '.cache', 'rowfs-test')
  mkdirSync(directory, { recursive: true })
  return directory
}

/** How building goes on is told to whoever waits for it. */
export function reportProgress(line: string): void {
  process.stderr.write(`rig: ${line}\n`)
}

/** Other checkouts may still use another version of the same thing; after this time without use it goes. */
const UNUSED_VERSION_KEPT_MS = 7 * 24 * 3600 * 1000

/**
 * Gives the directory FAMILY-VERSION of the cache, which `build` fills if it is not there. It appears whole or not at
 * all, and of two runs at once one builds while the other waits. Versions not used for a week are removed.
 */
export async function cachedBuild(
  family: string,
  version: string,
  build: (into: string) => Promise<void>,
): Promise<string> {
  const finished = join(cacheDirectory(), `${family}-${version}`)
  if (markUsed(finished)) return finished
  const release = await lock(join(cacheDirectory(), `${family}.lock`))
  try {
    if (markUsed(finished)) return finished
    const partial = join(cacheDirectory(), `${family}-partial`)
    rmSync(partial, { recursive: true, force: true })
    removeUnusedVersions(family)
    mkdirSync(partial)
    const startedMs = performance.now()
    reportProgress(`building ${finished} (once; later runs use it again)`)
    await build(partial)
    renameSync(partial, finished)
    reportProgress(`built ${finished} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
    return finished
  } finally {
    release()
  }
}

/** False when it is not there. */
function markUsed(path: string): boolean {
  if (!existsSync(path)) return false
  utimesSync(path, new Date(), new Date())
  return true
}

function removeUnusedVersions(family: string): void {
  for (const entry of readdirSync(cacheDirectory())) {
    const path = join(cacheDirectory(), entry)
    if (!entry.startsWith(`${family}-`)) continue
    if (Date.now() - statSync(path).mtimeMs > UNUSED_VERSION_KEPT_MS) rmSync(path, { recursive: true })
  }
}

/** The lock is held by a child of ours, so it is given back however this process ends. */
function lock(path: string): Promise<() => void> {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    const waiting = setTimeout(() => reportProgress(`another run builds; waiting for ${path}`), 1000)
    holder.on('error', reject)
    holder.stdout.once('data', () => {
      clearTimeout(waiting)
      resolve(() => holder.stdin.end())
    })
  })
}

const WORK_PREFIX = 'run-'

/** A fresh directory for one rig, on disk and not in memory; the caller removes it. Left-overs of killed runs go first. */
export function makeWorkDirectory(purpose: string): string {
  for (const entry of readdirSync(cacheDirectory())) {
    if (!entry.startsWith(WORK_PREFIX)) continue
    if (ownerIsAlive(entry.slice(WORK_PREFIX.length))) continue
    rmSync(join(cacheDirectory(), entry), { recursive: true, force: true })
  }
  return mkdtempSync(join(cacheDirectory(), `${WORK_PREFIX}${ownerTag()}-${purpose}-`))
}
