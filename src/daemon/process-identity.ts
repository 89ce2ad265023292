import { readFileSync } from 'node:fs'

/** A process for good: its number alone is given again to another one. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start (field 22 of /proc/PID/stat, proc(5)). */
  readonly startTicks: string
  /** Differs after every boot. */
  readonly bootId: string
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '', bootId: bootId() }
}

/** Is the very process still there? When in doubt (no /proc) a living process of that number counts as it. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false
  try {
    process.kill(identity.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const startTicks = startTicksOf(identity.pid)
  return startTicks === undefined || startTicks === identity.startTicks
}

function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Field 2 is the program's name in brackets and may hold anything: count from the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}
