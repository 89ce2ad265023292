import { readFileSync } from 'node:fs'

/** One line of /proc/self/mountinfo (proc(5)). */
export interface Mount {
  readonly id: number
  readonly parentId: number
  /** Where it is mounted, as this process sees it. Bytes, one character each. */
  readonly point: string
  /** Options of the mount and of the file system under it. */
  readonly options: ReadonlySet<string>
}

/** Fields before the optional ones, and the separator after them. */
const FIXED_FIELDS = 6
const SEPARATOR = '-'

export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    const separator = fields.indexOf(SEPARATOR, FIXED_FIELDS)
    if (separator < 0) continue
    const options = `${fields[5]},${fields[separator + 3] ?? ''}`.split(',')
    mounts.push({
      id: Number(fields[0]),
      parentId: Number(fields[1]),
      point: unescapePoint(fields[4]!),
      options: new Set(options),
    })
  }
  return mounts
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescapePoint(point: string): string {
  return point.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

export function readMounts(): Mount[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'latin1'))
}

/** The id of the mount that a descriptor was opened through. */
export function mountIdOf(fd: number): number {
  const line = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
  return line === null ? -1 : Number(line[1])
}

/** Reading through this mount leaves every access time as it is. (nodiratime alone would not: files.) */
export function keepsAccessTimes(mount: Mount): boolean {
  return mount.options.has('ro') || mount.options.has('noatime')
}

/** Is something mounted on a name inside `path`, directly on the mount `id`? */
export function hasMountInside(mounts: readonly Mount[], id: number, path: string): boolean {
  const below = path === '/' ? '/' : `${path}/`
  return mounts.some((mount) => mount.parentId === id && mount.point.startsWith(below))
}
