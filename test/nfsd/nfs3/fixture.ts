import { afterEach, beforeEach, describe } from 'vitest'
import { toFattr3 } from '../../../src/nfsd/nfs3/attributes.ts'
import type { fattr3, sattr3 } from '../../../src/protocols/nfs3/basic-types.ts'
import type { Attributes } from '../../../src/vfs/attributes.ts'
import type { FileSystem, NodeId } from '../../../src/vfs/file-system.ts'
import { okOf } from '../../conformance/answers.ts'
import { ALICE, ROOT } from '../../conformance/callers.ts'
import { Look, name } from '../../conformance/harness.ts'
import { MemoryFileSystem } from '../../conformance/memory-file-system.ts'
import { dir, file, plantThroughCalls, special, symlink } from '../../conformance/seeds.ts'
import { NfsdRig, sys } from '../rig.ts'
import { allLater } from '../wrapped-file-system.ts'

/** Alice on the wire. */
export const AS_ALICE = sys(ALICE.uid)

export const NO_CHANGES: sattr3 = {
  mode: undefined,
  uid: undefined,
  gid: undefined,
  size: undefined,
  atime: undefined,
  mtime: undefined,
}

/** Ten bytes short of three blocks. */
export const FILE_BYTES = 3 * 4096 - 10

const TREE = [
  dir('/', { mode: 0o755 }),
  dir('/dir'),
  file('/dir/inner', 10),
  dir('/empty'),
  dir('/private', { mode: 0o700 }),
  file('/file', FILE_BYTES),
  file('/secret', 10, { mode: 0o600 }),
  symlink('/link', 'file'),
  special('fifo', '/fifo'),
]

/** An export with one object of every kind, over the wire. */
export class Nfs3Fixture {
  readonly rig: NfsdRig
  readonly look: Look

  constructor(rig: NfsdRig, fs: FileSystem) {
    this.rig = rig
    this.look = new Look(fs)
  }

  nfs: NfsdRig['nfs'] = (procedure, args, credentials) => this.rig.nfs(procedure, args, credentials)

  /** The handle of the object at the path. */
  async at(path: string): Promise<Uint8Array> {
    return this.rig.handle(await this.look.node(path))
  }

  /** As they must be on the wire now. */
  async attributes(path: string): Promise<fattr3> {
    return toFattr3(await this.look.attributes(path))
  }

  /** wcc_data of an object that nothing has happened to. */
  async unchanged(path: string) {
    return wccOf(await this.look.attributes(path))
  }

  /** A handle that was good once. */
  async stale(): Promise<Uint8Array> {
    const { fs } = this.look
    const made = okOf(await fs.create(ROOT, fs.root, name('gone'), { mode: 'guarded', changes: {} }))
    const handle = this.rig.handle(made.object.node as NodeId)
    okOf(await fs.remove(ROOT, fs.root, name('gone')))
    return handle
  }
}

export function wccOf(attributes: Attributes, before: Attributes = attributes) {
  const { sizeBytes: size, mtime, ctime } = before
  return { before: { size, mtime, ctime }, after: toFattr3(attributes) }
}

export const NO_WCC = { before: undefined, after: undefined }

/**
 * Runs the cases twice: over a file system that answers at once and over one that answers later. `current` is
 * another fixture in every case.
 */
export function overTheWire(title: string, cases: (current: () => Nfs3Fixture) => void): void {
  describe.each([
    ['at once', (fs: FileSystem) => fs],
    ['later', allLater],
  ])(`${title}, answered %s`, (_, wrap) => {
    let fixture: Nfs3Fixture
    beforeEach(async () => {
      const fs = new MemoryFileSystem()
      await plantThroughCalls(fs, TREE)
      fixture = new Nfs3Fixture(await NfsdRig.start(wrap(fs)), fs)
    })
    afterEach(() => fixture.rig.stop())
    cases(() => fixture)
  })
}
