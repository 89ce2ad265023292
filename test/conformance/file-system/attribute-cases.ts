import { describe, expect } from 'vitest'
import type { AttributeChanges } from '../../../src/vfs/attributes.ts'
import type { Caller } from '../../../src/vfs/file-system.ts'
import { ALICE_UID, BOB_UID, SHARED_GID } from '../../model/seed-tree.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, ALICE_SHARED, BOB, BOB_SHARED, CAROL, ROOT } from '../callers.ts'
import { expectChanged, expectSame, isLater, type Look, type OnTree } from '../harness.ts'
import { dir, file, special, symlink } from '../seeds.ts'

const OF_ALICE = { uid: ALICE_UID, gid: ALICE_UID }
const OF_BOTH = { uid: ALICE_UID, gid: SHARED_GID }
const TIME = { seconds: 4_000_000_000, nanoseconds: 123_456_789 }
const OTHER_TIME = { seconds: 1, nanoseconds: 999_999_999 }

async function set(look: Look, path: string, caller: Caller, changes: AttributeChanges) {
  return look.fs.setattr(caller, await look.node(path), changes, undefined)
}

/** The change must be made, and move ctime. Gives the attributes after it. */
async function granted(look: Look, path: string, caller: Caller, changes: AttributeChanges) {
  const before = await look.attributes(path)
  const { wcc } = okOf(await set(look, path, caller, changes))
  const after = await look.attributes(path)
  expectChanged(wcc, before, after)
  return after
}

/** The change must be refused, and nothing of it be done. */
async function refused(
  look: Look,
  path: string,
  caller: Caller,
  changes: AttributeChanges,
  status: 'PERM' | 'ACCES' | 'ISDIR' | 'INVAL',
) {
  const before = await look.attributes(path)
  expectSame(failOf(await set(look, path, caller, changes), status).wcc, before)
  expect(await look.attributes(path)).toEqual(before)
}

export function attributeCases(onTree: OnTree): void {
  describe('attributes', () => {
    onTree(
      'of the root and of what is in it',
      [dir('/d'), file('/f', 5000), symlink('/l', 'to')],
      async (look, fs) => {
        const root = await look.attributes('/')
        expect(root).toMatchObject({
          type: 'directory',
          mode: 0o755,
          nlink: 3,
          uid: 0,
          gid: 0,
          fsid: fs.fsid,
        })
        expect(root.fileid).toBe(BigInt(fs.root))
        const f = await look.object('/f')
        expect(f.attributes).toMatchObject({
          type: 'file',
          mode: 0o644,
          nlink: 1,
          sizeBytes: 5000,
          fsid: fs.fsid,
        })
        expect(f.attributes.fileid).toBe(BigInt(f.node))
        expect(f.attributes).toEqual(okOf(await fs.getattr(CAROL, f.node)))
        expect(await look.attributes('/d')).toMatchObject({ type: 'directory', nlink: 2 })
        expect(await look.attributes('/l')).toMatchObject({ type: 'symlink', mode: 0o777, sizeBytes: 2 })
      },
    )

    onTree(
      'of special files',
      [
        special('block', '/b', { rdevMajor: 259, rdevMinor: 65_537 }),
        special('character', '/c', { rdevMajor: 1, rdevMinor: 3 }),
        special('fifo', '/p', { mode: 0o600 }),
        special('socket', '/s'),
      ],
      async (look) => {
        expect(await look.attributes('/b')).toMatchObject({
          type: 'block',
          rdevMajor: 259,
          rdevMinor: 65_537,
        })
        expect(await look.attributes('/c')).toMatchObject({ type: 'character', rdevMajor: 1, rdevMinor: 3 })
        expect(await look.attributes('/p')).toMatchObject({
          type: 'fifo',
          mode: 0o600,
          rdevMajor: 0,
          sizeBytes: 0,
        })
        expect(await look.attributes('/s')).toMatchObject({ type: 'socket', rdevMinor: 0 })
      },
    )

    onTree('mode: the owner and root, nobody else', [file('/f', 1, OF_BOTH)], async (look) => {
      expect((await granted(look, '/f', ALICE, { mode: 0o600 })).mode).toBe(0o600)
      expect((await granted(look, '/f', ROOT, { mode: 0o7777 })).mode).toBe(0o7777)
      expect((await granted(look, '/f', ROOT, { mode: 0o170644 })).mode).toBe(0o644)
      for (const other of [BOB, BOB_SHARED, CAROL]) await refused(look, '/f', other, { mode: 0o666 }, 'PERM')
    })

    onTree('mode: the same again still moves ctime, not mtime', [file('/f', 1)], async (look) => {
      const before = await look.attributes('/f')
      const after = await granted(look, '/f', ROOT, { mode: before.mode })
      expect(after).toEqual({ ...before, ctime: after.ctime })
    })

    onTree('mode: sgid needs membership', [file('/f', 1, OF_BOTH), dir('/d', OF_BOTH)], async (look) => {
      for (const path of ['/f', '/d']) {
        expect((await granted(look, path, ALICE, { mode: 0o2775 })).mode).toBe(0o775)
        expect((await granted(look, path, ALICE_SHARED, { mode: 0o2775 })).mode).toBe(0o2775)
      }
    })

    onTree('owner: only root gives away', [file('/f', 1, OF_ALICE)], async (look) => {
      await refused(look, '/f', ALICE, { uid: BOB_UID }, 'PERM')
      await refused(look, '/f', BOB, { uid: BOB_UID }, 'PERM')
      expect((await granted(look, '/f', ALICE, { uid: ALICE_UID })).uid).toBe(ALICE_UID)
      await refused(look, '/f', BOB, { uid: ALICE_UID }, 'PERM')
      expect(await granted(look, '/f', ROOT, { uid: BOB_UID, gid: 7 })).toMatchObject({
        uid: BOB_UID,
        gid: 7,
      })
      expect((await granted(look, '/f', ROOT, { uid: 0xffff_fffe })).uid).toBe(0xffff_fffe)
    })

    onTree('group: the owner, to a group of hers', [file('/f', 1, OF_ALICE)], async (look) => {
      await refused(look, '/f', ALICE, { gid: SHARED_GID }, 'PERM')
      await refused(look, '/f', BOB_SHARED, { gid: SHARED_GID }, 'PERM')
      expect((await granted(look, '/f', ALICE_SHARED, { gid: SHARED_GID })).gid).toBe(SHARED_GID)
      expect((await granted(look, '/f', ALICE, { gid: ALICE_UID })).gid).toBe(ALICE_UID)
      expect((await granted(look, '/f', ALICE, { gid: ALICE_UID })).gid).toBe(ALICE_UID)
    })

    onTree(
      'giving away takes suid and sgid, but not from a directory',
      [
        file('/f', 1, { ...OF_ALICE, mode: 0o6755 }),
        file('/g', 1, { ...OF_BOTH, mode: 0o6755 }),
        file('/lock', 1, { ...OF_BOTH, mode: 0o2644 }),
        dir('/d', { ...OF_ALICE, mode: 0o6755 }),
      ],
      async (look) => {
        expect((await granted(look, '/f', ALICE_SHARED, { gid: SHARED_GID })).mode).toBe(0o755)
        expect((await granted(look, '/g', ROOT, { uid: BOB_UID })).mode).toBe(0o755)
        // Without group execution sgid is no privilege but a mark for mandatory locks.
        expect((await granted(look, '/lock', ROOT, { uid: BOB_UID })).mode).toBe(0o2644)
        expect((await granted(look, '/d', ROOT, { uid: BOB_UID, gid: BOB_UID })).mode).toBe(0o6755)
      },
    )

    onTree('several at once', [file('/f', 5000, { mode: 0o600 })], async (look) => {
      const changes = { mode: 0o640, uid: 5, gid: 6, sizeBytes: 10, atime: TIME, mtime: OTHER_TIME }
      expect(await granted(look, '/f', ROOT, changes)).toMatchObject(changes)
    })

    onTree('several at once, one not allowed: none is done', [file('/f', 5000, OF_ALICE)], async (look) => {
      await refused(look, '/f', ALICE, { mode: 0o600, sizeBytes: 1, uid: BOB_UID }, 'PERM')
      expect((await look.bytes('/f')).length).toBe(5000)
    })

    onTree('nothing at all changes nothing', [file('/f', 1)], async (look) => {
      const before = await look.attributes('/f')
      expectSame(okOf(await set(look, '/f', ROOT, {})).wcc, before)
      expect(await look.attributes('/f')).toEqual(before)
    })

    onTree('guard: only with the right ctime', [file('/f', 1)], async (look, fs) => {
      const before = await look.object('/f')
      const wrong = { seconds: before.attributes.ctime.seconds, nanoseconds: 1 }
      const fail = failOf(await fs.setattr(ROOT, before.node, { mode: 0o600 }, wrong), 'NOT_SYNC')
      expectSame(fail.wcc, before.attributes)
      okOf(await fs.setattr(ROOT, before.node, { mode: 0o600 }, before.attributes.ctime))
      failOf(await fs.setattr(ROOT, before.node, { mode: 0o644 }, before.attributes.ctime), 'NOT_SYNC')
      expect((await look.attributes('/f')).mode).toBe(0o600)
    })
  })
  timeCases(onTree)
  sizeCases(onTree)
}

function timeCases(onTree: OnTree): void {
  describe('times', () => {
    onTree(
      'are kept to the nanosecond, each on its own',
      [file('/f', 1), dir('/d'), symlink('/l', 'x')],
      async (look) => {
        for (const path of ['/f', '/d', '/l', '/']) {
          const before = await look.attributes(path)
          expect(await granted(look, path, ROOT, { atime: TIME })).toMatchObject({
            atime: TIME,
            mtime: before.mtime,
          })
          expect(await granted(look, path, ROOT, { mtime: OTHER_TIME })).toMatchObject({
            atime: TIME,
            mtime: OTHER_TIME,
          })
        }
      },
    )

    onTree('the largest and the smallest', [file('/f', 1)], async (look) => {
      const largest = { seconds: 0xffff_ffff, nanoseconds: 999_999_999 }
      const smallest = { seconds: 0, nanoseconds: 0 }
      expect(await granted(look, '/f', ROOT, { atime: largest, mtime: smallest })).toMatchObject({
        atime: largest,
        mtime: smallest,
      })
    })

    onTree("'server' is now", [file('/f', 1)], async (look) => {
      const after = await granted(look, '/f', ROOT, { atime: 'server', mtime: 'server' })
      expect(after.atime).toEqual(after.ctime)
      expect(after.mtime).toEqual(after.ctime)
      expect(Math.abs(after.mtime.seconds - Date.now() / 1000)).toBeLessThan(60)
    })

    onTree(
      'given: the owner; now: who may write',
      [file('/f', 1, { ...OF_BOTH, mode: 0o664 })],
      async (look) => {
        await granted(look, '/f', ALICE, { atime: TIME, mtime: TIME })
        await granted(look, '/f', BOB_SHARED, { atime: 'server', mtime: 'server' })
        await refused(look, '/f', BOB_SHARED, { atime: TIME }, 'PERM')
        await refused(look, '/f', BOB_SHARED, { atime: 'server', mtime: TIME }, 'PERM')
        await refused(look, '/f', CAROL, { mtime: 'server' }, 'ACCES')
      },
    )

    onTree(
      'now: the owner also without write permission',
      [file('/f', 1, { ...OF_ALICE, mode: 0o444 })],
      async (look) => {
        await granted(look, '/f', ALICE, { mtime: 'server' })
      },
    )
  })
}

function sizeCases(onTree: OnTree): void {
  describe('size', () => {
    onTree('cuts and grows; what was cut is zeros', [file('/f', 10_000)], async (look) => {
      const whole = Uint8Array.from(await look.bytes('/f'))
      const before = await look.attributes('/f')
      for (const sizeBytes of [9_999, 4_097, 4_096, 4_095, 100]) {
        const after = await granted(look, '/f', ROOT, { sizeBytes })
        expect(after.sizeBytes).toBe(sizeBytes)
        expect(isLater(after, before, 'mtime')).toBe(true)
        expect(Buffer.from(await look.bytes('/f')).equals(whole.subarray(0, sizeBytes))).toBe(true)
      }
      await granted(look, '/f', ROOT, { sizeBytes: 12_000 })
      const grown = await look.bytes('/f')
      expect(grown.length).toBe(12_000)
      expect(Buffer.from(grown.subarray(0, 100)).equals(whole.subarray(0, 100))).toBe(true)
      expect(grown.subarray(100).every((byte) => byte === 0)).toBe(true)
    })

    onTree('to nothing and up again', [file('/f', 5_000)], async (look) => {
      await granted(look, '/f', ROOT, { sizeBytes: 0 })
      expect((await look.bytes('/f')).length).toBe(0)
      await granted(look, '/f', ROOT, { sizeBytes: 5_000 })
      expect((await look.bytes('/f')).every((byte) => byte === 0)).toBe(true)
    })

    onTree('up to 8 PiB, sparse', [file('/f', 3)], async (look) => {
      for (const sizeBytes of [2 ** 40, Number.MAX_SAFE_INTEGER]) {
        expect((await granted(look, '/f', ROOT, { sizeBytes })).sizeBytes).toBe(sizeBytes)
        expect(await look.bytes('/f', sizeBytes - 3, 10)).toEqual(new Uint8Array(3))
      }
      expect((await look.attributes('/f')).usedBytes).toBeLessThan(1 << 20)
    })

    onTree('of what is no file', [dir('/d'), symlink('/l', 'x'), special('fifo', '/p')], async (look) => {
      await refused(look, '/d', ROOT, { sizeBytes: 0 }, 'ISDIR')
      await refused(look, '/l', ROOT, { sizeBytes: 0 }, 'INVAL')
      await refused(look, '/p', ROOT, { sizeBytes: 0 }, 'INVAL')
    })

    onTree(
      'by the owner and who may write',
      [file('/f', 10, { ...OF_BOTH, mode: 0o464 }), file('/s', 10, { ...OF_BOTH, mode: 0o6777 })],
      async (look) => {
        // An owner who has the file open may go on after chmod: NFS cannot tell.
        await granted(look, '/f', ALICE, { sizeBytes: 9 })
        await granted(look, '/f', BOB_SHARED, { sizeBytes: 8 })
        await refused(look, '/f', CAROL, { sizeBytes: 7 }, 'ACCES')
        expect((await granted(look, '/s', ROOT, { sizeBytes: 9 })).mode).toBe(0o6777)
        expect((await granted(look, '/s', CAROL, { sizeBytes: 8 })).mode).toBe(0o777)
      },
    )
  })
}
