import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Guest } from './guest.ts'
import { runCommand } from './run-command.ts'

/** One object of a tree, as programs/read-tree.py describes it. Bytes are byte keys, times nanoseconds as text. */
export interface TreeRecord {
  readonly path: string
  readonly type: string
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  /** Not of directories: theirs is the server's own business. */
  readonly size?: number
  readonly atime: string
  readonly mtime: string
  readonly ctime: string
  readonly rdev?: readonly [number, number]
  readonly target?: string
  /** SHA-256 of what is not zero; the same for a hole and for written zeros. */
  readonly content?: string
  readonly xattrs?: Readonly<Record<string, string>>
  /** The first path of the same object, where it has several. */
  readonly first?: string
}

export type TreeField = Exclude<keyof TreeRecord, 'path'>

export interface TreeSnapshot {
  /** SHA-256 over every record, access times left out. */
  readonly digest: string
  readonly records: ReadonlyMap<string, TreeRecord>
}

export interface ReadTreeOptions {
  /** Read it inside this guest, at the guest's path. Default: here. */
  readonly guest?: Guest
  /** Larger files are only sampled; for NFSv3, which cannot tell holes. Use the same value on both sides. */
  readonly sampleOverBytes?: number
  readonly timeoutMs?: number
}

const HOST_PROGRAM = join(import.meta.dirname, 'programs', 'read-tree.py')
const GUEST_PROGRAM = '/host/system/read-tree.py'
const READ_TIMEOUT_MS = 600_000
const SHOWN_VALUE_CHARACTERS = 80

/**
 * Reads a whole tree: names, attributes, content, links, extended attributes. Reading moves no access time: it is done through
 * a private mount of the tree without them.
 */
export async function readTree(directory: string, options: ReadTreeOptions = {}): Promise<TreeSnapshot> {
  const sample = options.sampleOverBytes === undefined ? [] : [String(options.sampleOverBytes)]
  const script = 'mount --bind -o noatime "$2" "$2" && exec /usr/bin/python3 "$@"'
  const program = options.guest ? GUEST_PROGRAM : HOST_PROGRAM
  const argv = ['unshare', '--mount', 'bash', '-c', script, 'read-tree', program, directory, ...sample]
  const timeoutMs = options.timeoutMs ?? READ_TIMEOUT_MS
  const ran = options.guest ? options.guest.run(argv, { timeoutMs }) : runCommand(argv, { timeoutMs })
  const { exitCode, stdout, stderr } = await ran
  if (exitCode !== 0) throw new Error(`cannot read the tree ${directory}: ${stderr.toString().slice(-2000)}`)
  const records = new Map<string, TreeRecord>()
  for (const line of stdout.toString('utf8').split('\n').filter(Boolean)) {
    const record = JSON.parse(line) as TreeRecord
    records.set(record.path, record)
  }
  return { digest: digestOf(records), records }
}

function digestOf(records: ReadonlyMap<string, TreeRecord>): string {
  const hash = createHash('sha256')
  for (const record of records.values()) hash.update(JSON.stringify({ ...record, atime: undefined }))
  return hash.digest('hex')
}

/** What differs, in words, by path and field; empty when nothing does. Access times count only when asked for. */
export function treeDifferences(
  before: TreeSnapshot,
  after: TreeSnapshot,
  options: { readonly ignore?: readonly TreeField[]; readonly accessTimes?: boolean } = {},
): string[] {
  const ignored = new Set<string>(['path', ...(options.ignore ?? [])])
  if (!options.accessTimes) ignored.add('atime')
  const found: string[] = []
  for (const [path, record] of before.records) {
    const other = after.records.get(path)
    if (other === undefined) found.push(`${path}: is gone`)
    else found.push(...recordDifferences(record, other, ignored))
  }
  for (const path of after.records.keys()) if (!before.records.has(path)) found.push(`${path}: is new`)
  return found
}

function recordDifferences(before: TreeRecord, after: TreeRecord, ignored: ReadonlySet<string>): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...fields]
    .filter((field) => !ignored.has(field))
    .map((field) => [field, show(before, field), show(after, field)] as const)
    .filter(([, was, is]) => was !== is)
    .map(([field, was, is]) => `${before.path}: ${field} was ${was}, is ${is}`)
}

function show(record: TreeRecord, field: string): string {
  return (JSON.stringify(record[field as TreeField]) ?? 'absent').slice(0, SHOWN_VALUE_CHARACTERS)
}

const SHOWN_DIFFERENCES_MAX = 20

/** Throws, saying what differs, unless the trees are equal in everything but access times. */
export function assertSameTree(
  before: TreeSnapshot,
  after: TreeSnapshot,
  options?: { readonly ignore?: readonly TreeField[]; readonly accessTimes?: boolean },
): void {
  const found = treeDifferences(before, after, options)
  if (found.length === 0) return
  const shown = found.slice(0, SHOWN_DIFFERENCES_MAX).join('\n  ')
  throw new Error(`the tree is not what it was (${found.length} differences):\n  ${shown}`)
}
