import type { Stability } from '../../src/vfs/file-system.ts'
import { type Call, type Changes, type Operation, ROOT_CALLER } from '../model/operation.ts'
import type { SeedEntry, SeedTree } from '../model/seed-tree.ts'

const BLOCK_BYTES = 4096
const FAR_BYTES = 2 ** 40
const TIME = { seconds: 1_500_000_000, nanoseconds: 0 }

function entry(type: SeedEntry['type'], path: string, sizeBytes?: number): SeedEntry {
  const mode = type === 'directory' ? 0o755 : 0o644
  const common = { type, path, mode, uid: 0, gid: 0, atime: TIME, mtime: TIME, ctime: TIME }
  if (sizeBytes === undefined) return common
  const piece = { offsetBytes: 0, pattern: path.length, lengthBytes: sizeBytes }
  return { ...common, content: { sizeBytes, pieces: [piece] } }
}

/** A small image: every crash reads all of it again. "/two" has a second name. */
export function crashTree(): SeedTree {
  return [
    entry('directory', '/'),
    entry('file', '/one', 3 * BLOCK_BYTES + 100),
    entry('file', '/two', 5 * BLOCK_BYTES),
    entry('file', '/three', 2 * BLOCK_BYTES),
    entry('file', '/four', BLOCK_BYTES + 1),
    { ...entry('file', '/linked'), linkTo: '/two' },
    { ...entry('symlink', '/symlink'), target: 'one', mode: 0o777 },
    entry('directory', '/dir'),
    entry('file', '/dir/inner', 300),
    entry('directory', '/dir/sub'),
    entry('file', '/dir/sub/leaf', BLOCK_BYTES),
    entry('directory', '/empty'),
  ]
}

class Workload {
  readonly operations: Operation[] = []

  /** Gives the reference of what the call makes. */
  add(body: Call): string {
    const id = this.operations.length + 1
    this.operations.push({ id, caller: ROOT_CALLER, body })
    return `n${id}`
  }

  write(node: string, offsetBytes: number, lengthBytes: number, stability: Stability): void {
    const data = { pattern: this.operations.length + 100, lengthBytes }
    this.add({ do: 'write', node, offsetBytes, data, stability })
  }

  commit(node: string): void {
    this.add({ do: 'commit', node, offsetBytes: 0, countBytes: 0 })
  }

  setattr(node: string, changes: Changes): void {
    this.add({ do: 'setattr', node, changes, guard: 'none' })
  }

  create(directory: string, name: string): string {
    const how = { mode: 'guarded', changes: { mode: 0o640 } } as const
    return this.add({ do: 'create', directory, name, how })
  }

  rename(directory: string, name: string, toDirectory: string, toName: string): void {
    this.add({ do: 'rename', directory, name, toDirectory, toName })
  }

  remove(directory: string, name: string): void {
    this.add({ do: 'remove', directory, name })
  }
}

/**
 * Writes of every stability over blocks of the image, over ours and past the end; sizes down and up; names made,
 * moved, replaced and removed, with unstable data waiting beside and below. Every call succeeds.
 */
export function crashWorkload(): readonly Operation[] {
  const work = new Workload()
  writeSteps(work)
  sizeSteps(work)
  const made = nameSteps(work)
  removalSteps(work, made)
  return work.operations
}

function writeSteps(work: Workload): void {
  work.write('/one', 100, 5000, 'unstable')
  work.write('/two', BLOCK_BYTES - 1, 2, 'file-sync')
  work.commit('/one')
  work.write('/one', 0, BLOCK_BYTES, 'unstable')
  work.write('/one', 3 * BLOCK_BYTES, 9000, 'unstable')
  work.write('/one', 200, 50, 'file-sync')
  work.write('/two', 0, 3 * BLOCK_BYTES, 'data-sync')
  work.write('/two', 100, 10_000, 'unstable')
  work.write('/two', FAR_BYTES, 100, 'unstable')
  work.commit('/two')
  work.write('/three', 10, 20, 'unstable')
  work.setattr('/three', { mode: 0o600 })
  work.write('/three', 5000, 20, 'file-sync')
  work.write('/three', 10, 5000, 'unstable')
  work.write('/dir/inner', 300, 300, 'unstable')
}

function sizeSteps(work: Workload): void {
  work.setattr('/one', { sizeBytes: BLOCK_BYTES + 100 })
  work.setattr('/one', { sizeBytes: 4 * BLOCK_BYTES })
  work.write('/one', 2 * BLOCK_BYTES + 7, 10, 'unstable')
  work.setattr('/one', { sizeBytes: 2 * BLOCK_BYTES + 9 })
  work.setattr('/four', { sizeBytes: 17 })
  work.setattr('/four', { sizeBytes: 5000, mtime: { seconds: 5, nanoseconds: 6 } })
  work.write('/four', 4000, 200, 'file-sync')
  work.setattr('/four', { sizeBytes: 4100 })
  work.commit('/one')
}

/** Gives the directory that it makes. */
function nameSteps(work: Workload): string {
  const file = work.create('/dir', 'new')
  work.write(file, 0, 10_000, 'unstable')
  const made = work.add({ do: 'mkdir', directory: '/', name: 'made', changes: { mode: 0o700 } })
  work.rename('/', 'dir', made, 'moved')
  work.write('/dir/sub/leaf', 1, 1, 'unstable')
  work.add({ do: 'link', node: '/four', directory: '/dir/sub', name: 'four-too' })
  work.add({ do: 'symlink', directory: made, name: 'link', target: 'x'.repeat(300), changes: {} })
  work.add({
    do: 'mknod',
    directory: made,
    name: 'fifo',
    special: { type: 'fifo' },
    changes: { mode: 0o600 },
  })
  const exclusive = { mode: 'exclusive', verifier: 'verified' } as const
  work.add({ do: 'create', directory: made, name: 'exclusive', how: exclusive })
  const cut = { mode: 'unchecked', changes: { sizeBytes: 3 } } as const
  work.add({ do: 'create', directory: '/', name: 'four', how: cut })
  work.setattr(file, { mode: 0o4755, uid: 7, gid: 8, atime: 'server' })
  work.commit(file)
  work.rename('/dir', 'new', '/dir/sub', 'leaf')
  work.rename('/', 'empty', made, 'empty-too')
  return made
}

function removalSteps(work: Workload, made: string): void {
  const shortLived = work.create('/', 'short-lived')
  work.write(shortLived, 0, 5000, 'file-sync')
  work.remove('/', 'short-lived')
  const replaced = work.create('/', 'replaced')
  work.write(replaced, 0, 5000, 'file-sync')
  work.rename('/', 'three', '/', 'replaced')
  work.remove('/', 'linked')
  work.write('/two', 50, 50, 'file-sync')
  work.remove('/', 'two')
  work.remove('/', 'one')
  work.add({ do: 'rmdir', directory: made, name: 'empty-too' })
  work.create('/', 'one')
}
