import { readFileSync } from 'node:fs'

/**
 * Everything a rig makes outside of this process (network namespaces, work directories) carries the tag of the process
 * that made it: `PID-START`, START being the kernel's start time of that process. A tag whose process is gone,
 * or whose number now belongs to another process, marks a left-over of a killed run.
 */
export function ownerTag(): string {
  return `${process.pid}-${startTimeOf(process.pid)}`
}

export function ownerIsAlive(tag: string): boolean {
  const [pid, start] = tag.split('-')
  return start !== undefined && startTimeOf(Number(pid)) === start
}

/** Field 22 of /proc/PID/stat (clock ticks since boot); undefined when there is no such process. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Field 2 is the program's name in brackets and may hold anything: count from the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
