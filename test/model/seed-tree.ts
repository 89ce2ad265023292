import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { Timestamp } from '../../src/base/clock.ts'
import { FILE_NAME_MAX_BYTES, type NodeType, SYMLINK_MAX_BYTES } from '../../src/vfs/attributes.ts'
import { patternBytes, SeededRandom } from './seeded-random.ts'

/** What one file of an image contains: pieces of pattern bytes, and zeros between them. */
export interface SeedContent {
  readonly sizeBytes: number
  readonly pieces: readonly {
    readonly offsetBytes: number
    readonly pattern: number
    readonly lengthBytes: number
  }[]
}

/**
 * One name of an image, as plain data: what the real directory, the memory layer and the model are all made from.
 * Paths are byte keys (one character a byte), absolute, parents first.
 */
export interface SeedEntry {
  readonly path: string
  readonly type: NodeType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly atime: Timestamp
  /** The image's server moves it as it likes: nobody can tell what it is until a client sets it. */
  readonly atimeMoves?: boolean
  readonly mtime: Timestamp
  readonly ctime: Timestamp
  readonly content?: SeedContent
  readonly target?: string
  readonly rdevMajor?: number
  readonly rdevMinor?: number
  /** A further name of the object at this earlier path; everything else is ignored then. */
  readonly linkTo?: string
}

export type SeedTree = readonly SeedEntry[]

export const ALICE_UID = 1000
export const BOB_UID = 1001
export const SHARED_GID = 2000

const KIB = 1024
const BLOCK_BYTES = 4096

type Options = Partial<Omit<SeedEntry, 'path' | 'type'>>

class SeedBuilder {
  readonly entries: SeedEntry[] = []
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  add(type: NodeType, path: string, options: Options = {}): void {
    const mode = options.mode ?? (type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644)
    const times = { atime: this.#time(), mtime: this.#time(), ctime: this.#time() }
    this.entries.push({ path, type, uid: 0, gid: 0, ...times, ...options, mode })
  }

  file(path: string, sizeBytes: number, options: Options = {}): void {
    const piece = { offsetBytes: 0, pattern: this.#random.uint32(), lengthBytes: sizeBytes }
    this.add('file', path, { content: { sizeBytes, pieces: [piece] }, ...options })
  }

  sparse(path: string, sizeBytes: number, offsets: readonly number[]): void {
    const pieces = offsets.map((offsetBytes) => ({
      offsetBytes,
      pattern: this.#random.uint32(),
      lengthBytes: this.#random.between(1, 3 * BLOCK_BYTES),
    }))
    this.add('file', path, { content: { sizeBytes, pieces } })
  }

  link(path: string, linkTo: string): void {
    const first = this.entries.find((entry) => entry.path === linkTo)!
    this.entries.push({ ...first, path, linkTo })
  }

  /** In the past; parts of a second that a double holds exactly, because that is what Node's utimes takes. */
  #time(): Timestamp {
    const nanoseconds = this.#random.pick([0, 250_000_000, 500_000_000, 750_000_000])
    return { seconds: this.#random.between(1_000_000_000, 1_700_000_000), nanoseconds }
  }
}

/** An image with every type of object, hard links in every way, awkward names and every kind of owner and mode. */
export function seedTree(seed: number): SeedTree {
  const tree = new SeedBuilder(seed)
  tree.add('directory', '/')
  addFiles(tree)
  addSpecials(tree)
  addDirectories(tree)
  addHardLinks(tree)
  return tree.entries
}

function addFiles(tree: SeedBuilder): void {
  tree.file('/README', 700)
  tree.file('/empty', 0)
  tree.file('/one-byte', 1)
  tree.file('/one-block', BLOCK_BYTES)
  tree.file('/block-less-1', BLOCK_BYTES - 1, { uid: ALICE_UID, gid: ALICE_UID })
  tree.file('/block-and-1', BLOCK_BYTES + 1, { uid: ALICE_UID, gid: SHARED_GID, mode: 0o664 })
  tree.file('/odd', 5 * BLOCK_BYTES + 17, { mode: 0o666 })
  tree.file('/large', 300 * KIB + 3, { uid: BOB_UID, gid: BOB_UID, mode: 0o640 })
  tree.file('/suid', 9000, { mode: 0o4755 })
  tree.file('/sgid-group', 9001, { uid: ALICE_UID, gid: SHARED_GID, mode: 0o2775 })
  tree.file('/sgid-locking', 100, { uid: ALICE_UID, gid: SHARED_GID, mode: 0o2664 })
  tree.file('/nobody-may', 5000, { mode: 0 })
  tree.file('/execute-only', 5000, { uid: ALICE_UID, mode: 0o711 })
  tree.sparse('/sparse', 40 * BLOCK_BYTES, [2 * BLOCK_BYTES + 5, 20 * BLOCK_BYTES])
  tree.sparse('/hole-at-end', 3 * 1024 * 1024, [0, 700 * KIB + 1])
  tree.sparse('/terabyte', 2 ** 40 + 12_345, [BLOCK_BYTES - 1, 2 ** 32 - 3, 2 ** 40 - 100])
}

function addSpecials(tree: SeedBuilder): void {
  tree.add('symlink', '/link', { target: 'README' })
  tree.add('symlink', '/link-dangling', { target: 'no/such/thing' })
  tree.add('symlink', '/link-long', { target: 'x/'.repeat(SYMLINK_MAX_BYTES / 2 - 1), uid: ALICE_UID })
  tree.add('symlink', '/link-bytes', { target: '\xff\xfe/\x01', uid: ALICE_UID, gid: ALICE_UID })
  tree.add('fifo', '/fifo', { mode: 0o660, uid: ALICE_UID, gid: SHARED_GID })
  tree.add('socket', '/socket', { mode: 0o755 })
  tree.add('character', '/null', { mode: 0o666, rdevMajor: 1, rdevMinor: 3 })
  tree.add('block', '/disk', { mode: 0o660, gid: 6, rdevMajor: 259, rdevMinor: 65_537 })
}

function addDirectories(tree: SeedBuilder): void {
  tree.add('directory', '/dir')
  tree.add('directory', '/dir/sub')
  tree.add('directory', '/dir/sub/deep')
  tree.add('directory', '/dir/sub/deep/deeper')
  tree.file('/dir/a', 100)
  tree.file('/dir/b', 3 * BLOCK_BYTES)
  tree.file('/dir/sub/c', 2 * BLOCK_BYTES + 1, { uid: ALICE_UID })
  tree.file('/dir/sub/deep/deeper/leaf', 20_000)
  tree.add('symlink', '/dir/sub/up', { target: '../..' })
  tree.add('directory', '/empty-dir')
  tree.add('directory', '/many')
  for (let index = 0; index < 150; index += 1) tree.file(`/many/file-${index}`, index * 37)
  tree.add('directory', '/alice', { uid: ALICE_UID, gid: ALICE_UID, mode: 0o700 })
  tree.file('/alice/secret', 6000, { uid: ALICE_UID, gid: ALICE_UID, mode: 0o600 })
  tree.add('directory', '/alice/inner', { uid: ALICE_UID, gid: ALICE_UID })
  tree.add('directory', '/tmp', { mode: 0o1777 })
  tree.file('/tmp/of-alice', 10, { uid: ALICE_UID, mode: 0o666 })
  tree.file('/tmp/of-bob', 5000, { uid: BOB_UID, mode: 0o666 })
  tree.add('directory', '/tmp/dir-of-bob', { uid: BOB_UID, mode: 0o777 })
  tree.add('directory', '/shared', { uid: ALICE_UID, gid: SHARED_GID, mode: 0o2775 })
  tree.file('/shared/both', 4000, { uid: BOB_UID, gid: SHARED_GID, mode: 0o664 })
  tree.add('directory', '/search-only', { mode: 0o711 })
  tree.file('/search-only/hidden', 50)
  tree.add('directory', '/list-only', { mode: 0o744 })
  tree.file('/list-only/seen', 50)
  tree.add('directory', '/names', { mode: 0o777 })
  for (const name of ODD_NAMES) tree.file(`/names/${name}`, 64, { mode: 0o666 })
}

/** Names that are not nice text, as byte keys. */
export const ODD_NAMES: readonly string[] = [
  'a b',
  '...',
  '-rf',
  '\\',
  'new\nline',
  '\x01\x7f',
  '\xff\xfe\xfd',
  byteKey(new TextEncoder().encode('äöü-日本')),
  'n'.repeat(FILE_NAME_MAX_BYTES),
  '\xe9'.repeat(FILE_NAME_MAX_BYTES),
]

function addHardLinks(tree: SeedBuilder): void {
  tree.add('directory', '/hard')
  tree.add('directory', '/hard/inner')
  tree.file('/hard/a', 2 * BLOCK_BYTES + 100, { mode: 0o666 })
  tree.link('/hard/b', '/hard/a')
  tree.link('/hard/inner/c', '/hard/a')
  tree.link('/dir/d', '/hard/a')
  tree.file('/hard/pair', 10_000, { uid: ALICE_UID, gid: SHARED_GID, mode: 0o664 })
  tree.link('/shared/pair', '/hard/pair')
  tree.link('/hard/fifo', '/fifo')
  tree.link('/hard/null', '/null')
  tree.link('/hard/link', '/link')
}

/** The bytes of a piece of a file, as every maker of the tree must store them. */
export function seedPieces(content: SeedContent): { offsetBytes: number; data: Uint8Array }[] {
  return content.pieces.map(({ offsetBytes, pattern, lengthBytes }) => ({
    offsetBytes,
    data: patternBytes(pattern, Math.min(lengthBytes, content.sizeBytes - offsetBytes)),
  }))
}

export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A path of the tree under a real directory, as the bytes that system calls take. */
export function diskPath(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(root), fromByteKey(path === '/' ? '' : path)])
}
