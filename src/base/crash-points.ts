/**
 * Named places in the write path where a test may kill the process (SIGKILL, nothing is flushed).
 * Armed by the environment variable ROWFS_CRASH_POINT=NAME[:N] (die the Nth time it is passed, default the first);
 * a name that is not in the list is refused at start.
 */
export const CRASH_POINTS = [
  'write.before-data',
  'write.after-data',
  'mark.after-commit',
  'commit.before-sync',
  'commit.after-sync',
  'commit.after-index',
  'metadata.before-index',
  'metadata.after-index',
  'truncate.after-index',
  'truncate.after-data',
  'remove.after-index',
  'remove.after-data',
  'reset.after-index',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

let armed: { point: string; remaining: number } | undefined

/** Called once by `main` with the value of ROWFS_CRASH_POINT. Throws on an unknown name. */
export function armCrashPoint(setting: string | undefined): void {
  armed = undefined
  if (setting === undefined || setting === '') return
  const [point, count] = setting.split(':')
  if (!CRASH_POINTS.some((known) => known === point)) throw new Error(`unknown crash point ${point}`)
  armed = { point: point!, remaining: count === undefined ? 1 : Number(count) }
}

/** Dies here if a test asked for it; otherwise costs one comparison. */
export function crashPoint(point: CrashPoint): void {
  if (armed === undefined || armed.point !== point) return
  armed.remaining -= 1
  if (armed.remaining === 0) process.kill(process.pid, 'SIGKILL')
}
