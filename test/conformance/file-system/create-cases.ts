import { describe, expect } from 'vitest'
import type { AttributeChanges } from '../../../src/vfs/attributes.ts'
import type { Caller, CreateResult, NodeId } from '../../../src/vfs/file-system.ts'
import { ALICE_UID, SHARED_GID } from '../../model/seed-tree.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, ALICE_SHARED, BOB, ROOT } from '../callers.ts'
import { expectBytes, expectChanged, expectSame, type Look, name, type OnTree } from '../harness.ts'
import { dir, file, special, symlink } from '../seeds.ts'

const TIME = { seconds: 4_000_000_000, nanoseconds: 123_456_789 }
const VERIFIER = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])

type Kind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'block' | 'character'
const KINDS: readonly Kind[] = ['file', 'directory', 'symlink', 'fifo', 'socket', 'block', 'character']

async function make(
  look: Look,
  caller: Caller,
  directory: NodeId,
  text: string,
  kind: Kind,
  changes: AttributeChanges,
): Promise<CreateResult> {
  const { fs } = look
  switch (kind) {
    case 'file':
      return fs.create(caller, directory, name(text), { mode: 'guarded', changes })
    case 'directory':
      return fs.mkdir(caller, directory, name(text), changes)
    case 'symlink':
      return fs.symlink(caller, directory, name(text), name('to/there'), changes)
    case 'block':
    case 'character':
      return fs.mknod(
        caller,
        directory,
        name(text),
        { type: kind, rdevMajor: 259, rdevMinor: 65_537 },
        changes,
      )
    default:
      return fs.mknod(caller, directory, name(text), { type: kind }, changes)
  }
}

export function createCases(onTree: OnTree): void {
  describe('making objects', () => {
    for (const kind of KINDS) kindCases(onTree, kind)
    ownershipCases(onTree)
    existingCases(onTree)
    exclusiveCases(onTree)
  })
}

function kindCases(onTree: OnTree, kind: Kind): void {
  onTree(`${kind}: with its attributes at once`, [dir('/d')], async (look, fs) => {
    const before = await look.object('/d')
    const changes = { mode: 0o1641, uid: 5, gid: 6, atime: TIME, mtime: TIME }
    const { object, wcc } = okOf(await make(look, ROOT, before.node, 'new', kind, changes))
    expect(object.attributes).toMatchObject({
      type: kind,
      mode: kind === 'symlink' ? 0o777 : 0o1641,
      nlink: kind === 'directory' ? 2 : 1,
      uid: 5,
      gid: 6,
      atime: TIME,
      mtime: TIME,
      fsid: fs.fsid,
      fileid: BigInt(object.node),
    })
    const after = await look.attributes('/d')
    expectChanged(wcc, before.attributes, after)
    expect(after.mtime).toEqual(after.ctime)
    expect(after.nlink).toBe(kind === 'directory' ? 3 : 2)
    expect(await look.object('/d/new')).toEqual(object)
    expect(await look.names('/d')).toEqual(['new'])
    if (kind === 'file') expect(object.attributes.sizeBytes).toBe(0)
    if (kind === 'symlink') expectBytes(okOf(await fs.readlink(ROOT, object.node)).target, name('to/there'))
    const device = kind === 'block' || kind === 'character'
    expect([object.attributes.rdevMajor, object.attributes.rdevMinor]).toEqual(
      device ? [259, 65_537] : [0, 0],
    )
  })

  onTree(`${kind}: the times are now, ctime too`, [], async (look, fs) => {
    const { attributes } = okOf(await make(look, ROOT, fs.root, 'new', kind, { mode: 0o600 })).object
    expect(attributes.mtime).toEqual(attributes.ctime)
    expect(attributes.atime).toEqual(attributes.ctime)
    expect(Math.abs(attributes.ctime.seconds - Date.now() / 1000)).toBeLessThan(60)
  })

  onTree(
    `${kind}: refusals`,
    [dir('/d'), file('/d/f', 1), dir('/d/e'), symlink('/d/l', 'x'), special('fifo', '/d/p')],
    async (look) => {
      const d = await look.object('/d')
      for (const text of ['f', 'e', 'l', 'p']) {
        expectSame(failOf(await make(look, ROOT, d.node, text, kind, {}), 'EXIST').wcc, d.attributes)
      }
      const f = await look.object('/d/f')
      expectSame(failOf(await make(look, ROOT, f.node, 'x', kind, {}), 'NOTDIR').wcc, f.attributes)
      // What is there is EXIST, also for who may not write: as open(2) and mkdir(2) on Linux.
      expectSame(failOf(await make(look, BOB, d.node, 'f', kind, {}), 'EXIST').wcc, d.attributes)
      expectSame(failOf(await make(look, BOB, d.node, 'x', kind, {}), 'ACCES').wcc, d.attributes)
    },
  )
}

function ownershipCases(onTree: OnTree): void {
  onTree('belongs to who makes it, whatever is asked for', [dir('/d', { mode: 0o777 })], async (look) => {
    const d = await look.node('/d')
    for (const kind of ['file', 'directory', 'symlink', 'fifo', 'socket'] as const) {
      const made = okOf(await make(look, ALICE, d, kind, kind, { mode: 0o600, uid: 0, gid: 0 }))
      expect(made.object.attributes).toMatchObject({ uid: ALICE_UID, gid: ALICE_UID })
      const grouped = okOf(
        await make(look, ALICE_SHARED, d, `${kind}-2`, kind, { mode: 0o600, gid: SHARED_GID }),
      )
      expect(grouped.object.attributes).toMatchObject({ uid: ALICE_UID, gid: SHARED_GID })
    }
  })

  onTree('only root makes devices', [dir('/d', { mode: 0o777 })], async (look) => {
    const d = await look.object('/d')
    for (const kind of ['block', 'character'] as const) {
      expectSame(failOf(await make(look, ALICE, d.node, kind, kind, {}), 'PERM').wcc, d.attributes)
    }
  })

  onTree(
    'a sgid directory hands its group on, and sgid to directories',
    [dir('/d', { mode: 0o2777, gid: SHARED_GID })],
    async (look) => {
      const d = await look.node('/d')
      const file = okOf(await make(look, ALICE, d, 'f', 'file', { mode: 0o644 })).object.attributes
      expect(file).toMatchObject({ uid: ALICE_UID, gid: SHARED_GID, mode: 0o644 })
      const directory = okOf(await make(look, ALICE, d, 'e', 'directory', { mode: 0o755 })).object.attributes
      expect(directory).toMatchObject({ gid: SHARED_GID, mode: 0o2755 })
      // Not a member of the group that the file gets: no sgid file of it.
      const program = okOf(await make(look, ALICE, d, 'x', 'file', { mode: 0o2755 })).object.attributes
      expect(program).toMatchObject({ gid: SHARED_GID, mode: 0o755 })
      const member = okOf(await make(look, ALICE_SHARED, d, 'y', 'file', { mode: 0o6755 })).object.attributes
      expect(member).toMatchObject({ gid: SHARED_GID, mode: 0o6755 })
    },
  )

  onTree('MKDIR takes sticky, not suid and sgid', [], async (look, fs) => {
    const made = okOf(await make(look, ROOT, fs.root, 'd', 'directory', { mode: 0o7751 }))
    expect(made.object.attributes.mode).toBe(0o1751)
  })

  onTree('SYMLINK: any bytes, up to 4095', [], async (look, fs) => {
    for (const target of ['x', '\xff\x01', 't'.repeat(4095)]) {
      const text = `l${target.length}${target.codePointAt(0)}`
      const { object } = okOf(await fs.symlink(ROOT, fs.root, name(text), name(target), {}))
      expect(object.attributes.sizeBytes).toBe(target.length)
      expectBytes(okOf(await fs.readlink(ROOT, object.node)).target, name(target))
      expect(await look.exists(`/${text}`)).toBe(true)
    }
  })

  onTree('CREATE with a size', [], async (look, fs) => {
    const { object } = okOf(await make(look, ROOT, fs.root, 'f', 'file', { mode: 0o600, sizeBytes: 10_000 }))
    expect(object.attributes.sizeBytes).toBe(10_000)
    expectBytes(await look.bytes('/f'), new Uint8Array(10_000))
  })
}

function existingCases(onTree: OnTree): void {
  const tree = [
    dir('/d'),
    file('/d/f', 5000, { uid: ALICE_UID, mode: 0o640 }),
    dir('/d/e'),
    symlink('/d/l', 'f'),
    special('fifo', '/d/p'),
  ]
  onTree('UNCHECKED leaves a file that is there as it is', tree, async (look, fs) => {
    const d = await look.object('/d')
    const before = await look.object('/d/f')
    const how = { mode: 'unchecked', changes: { mode: 0o777, uid: 7, mtime: TIME } } as const
    const { object, wcc } = okOf(await fs.create(ROOT, d.node, name('f'), how))
    expect(object).toEqual(before)
    expectSame(wcc, d.attributes)
    // Nothing is made, so the directory need not be writable.
    okOf(await fs.create(BOB, d.node, name('f'), how))
    expect(await look.object('/d/f')).toEqual(before)
  })

  onTree('UNCHECKED with size 0 empties it', tree, async (look, fs) => {
    const d = await look.node('/d')
    const before = await look.object('/d/f')
    const how = { mode: 'unchecked', changes: { mode: 0o777, sizeBytes: 0 } } as const
    failOf(await fs.create(BOB, d, name('f'), how), 'ACCES')
    expect(await look.object('/d/f')).toEqual(before)
    const { object } = okOf(await fs.create(ALICE, d, name('f'), how))
    expect(object).toMatchObject({ node: before.node, attributes: { sizeBytes: 0, mode: 0o640 } })
    expectChanged(
      { before: before.attributes, after: object.attributes },
      before.attributes,
      object.attributes,
    )
  })

  onTree('UNCHECKED where something else is', tree, async (look, fs) => {
    const d = await look.object('/d')
    for (const text of ['e', 'l', 'p']) {
      const how = { mode: 'unchecked', changes: { sizeBytes: 0 } } as const
      expectSame(failOf(await fs.create(ROOT, d.node, name(text), how), 'EXIST').wcc, d.attributes)
    }
  })
}

function exclusiveCases(onTree: OnTree): void {
  const exclusive = { mode: 'exclusive', verifier: VERIFIER } as const
  onTree(
    'EXCLUSIVE: the same verifier again is the same file',
    [dir('/d', { mode: 0o777 })],
    async (look, fs) => {
      const d = await look.node('/d')
      const borrowed = Uint8Array.from(VERIFIER)
      const first = okOf(
        await fs.create(ALICE, d, name('f'), { mode: 'exclusive', verifier: borrowed }),
      ).object
      borrowed.fill(0)
      expect(first.attributes).toMatchObject({ type: 'file', uid: ALICE_UID, sizeBytes: 0 })
      expect(okOf(await fs.create(ALICE, d, name('f'), exclusive)).object).toEqual(first)
      // The client sets the attributes next, and may repeat the create before it knows.
      okOf(await fs.setattr(ALICE, first.node, { mode: 0o644, atime: 'server', mtime: 'server' }, undefined))
      expect(okOf(await fs.create(ALICE, d, name('f'), exclusive)).object.node).toBe(first.node)
    },
  )

  onTree(
    'EXCLUSIVE: another verifier, or a file made otherwise, is EXIST',
    [file('/there', 1)],
    async (look, fs) => {
      okOf(await fs.create(ROOT, fs.root, name('f'), exclusive))
      const root = await look.attributes('/')
      const other = { mode: 'exclusive', verifier: VERIFIER.with(7, 9) } as const
      const zeros = { mode: 'exclusive', verifier: new Uint8Array(8) } as const
      expectSame(failOf(await fs.create(ROOT, fs.root, name('f'), other), 'EXIST').wcc, root)
      expectSame(failOf(await fs.create(ROOT, fs.root, name('there'), exclusive), 'EXIST').wcc, root)
      expectSame(failOf(await fs.create(ROOT, fs.root, name('there'), zeros), 'EXIST').wcc, root)
      failOf(await fs.create(ROOT, fs.root, name('f'), { mode: 'guarded', changes: {} }), 'EXIST')
    },
  )

  onTree('EXCLUSIVE: a name that came back is another file', [], async (look, fs) => {
    const first = okOf(await fs.create(ROOT, fs.root, name('f'), exclusive)).object
    okOf(await fs.remove(ROOT, fs.root, name('f')))
    const second = okOf(await fs.create(ROOT, fs.root, name('f'), exclusive)).object
    expect(second.node).not.toBe(first.node)
    expect(await look.node('/f')).toBe(second.node)
  })
}
