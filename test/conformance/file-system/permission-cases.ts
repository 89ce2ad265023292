import { describe, expect } from 'vitest'
import {
  ACCESS_DELETE,
  ACCESS_EXECUTE,
  ACCESS_EXTEND,
  ACCESS_LOOKUP,
  ACCESS_MODIFY,
  ACCESS_READ,
  type Caller,
} from '../../../src/vfs/file-system.ts'
import { ALICE_UID, SHARED_GID } from '../../model/seed-tree.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, BOB, BOB_SHARED, CAROL, ROOT } from '../callers.ts'
import { expectBytes, type Look, name, type OnTree } from '../harness.ts'
import { dir, file, special, symlink } from '../seeds.ts'

const OF_BOTH = { uid: ALICE_UID, gid: SHARED_GID }
const ALL = 0x3f

/** Each class of bits, and a caller of that class. BOB_SHARED has the group as the 16th of his. */
const CLASSES: readonly (readonly [string, Caller, number])[] = [
  ['owner', ALICE, 6],
  ['group', BOB_SHARED, 3],
  ['main group', { ...CAROL, gid: SHARED_GID }, 3],
  ['other', BOB, 0],
]

async function granted(look: Look, path: string, caller: Caller, wanted = ALL): Promise<number> {
  const object = await look.object(path)
  const answer = okOf(await look.fs.access(caller, object.node, wanted))
  expect(answer.attributes).toEqual(object.attributes)
  return answer.granted
}

function ofFile(bits: number): number {
  return (
    (bits & 4 ? ACCESS_READ : 0) |
    (bits & 2 ? ACCESS_MODIFY | ACCESS_EXTEND : 0) |
    (bits & 1 ? ACCESS_EXECUTE : 0)
  )
}

function ofDirectory(bits: number): number {
  const changes = ACCESS_MODIFY | ACCESS_EXTEND | ACCESS_DELETE
  return (bits & 4 ? ACCESS_READ : 0) | (bits & 1 ? ACCESS_LOOKUP : 0) | (bits & 2 ? changes : 0)
}

export function permissionCases(onTree: OnTree): void {
  describe('permissions', () => {
    accessCases(onTree)
    useCases(onTree)
  })
}

function accessCases(onTree: OnTree): void {
  // 8 files and 8 directories whose one class has each of the 8 combinations, the other classes the opposite.
  for (const [title, caller, shift] of CLASSES) {
    const others = 0o777 & ~(7 << shift)
    const modes = Array.from({ length: 8 }, (_, bits) => (bits << shift) | (~(bits * 0o111) & others))
    const entries = modes.flatMap((mode, bits) => [
      file(`/f${bits}`, 1, { ...OF_BOTH, mode }),
      dir(`/d${bits}`, { ...OF_BOTH, mode }),
    ])
    onTree(`ACCESS by the bits of the ${title} alone`, entries, async (look) => {
      for (let bits = 0; bits < 8; bits += 1) {
        expect(await granted(look, `/f${bits}`, caller), `file ${bits}`).toBe(ofFile(bits))
        expect(await granted(look, `/d${bits}`, caller), `directory ${bits}`).toBe(ofDirectory(bits))
      }
    })
  }

  onTree(
    'ACCESS: root may all, but runs only what somebody may run',
    [
      file('/none', 1, { mode: 0 }),
      file('/x', 1, { mode: 0o001 }),
      dir('/d', { mode: 0 }),
      symlink('/l', 'x'),
      special('fifo', '/p', { mode: 0 }),
    ],
    async (look) => {
      expect(await granted(look, '/none', ROOT)).toBe(ofFile(6))
      expect(await granted(look, '/x', ROOT)).toBe(ofFile(7))
      expect(await granted(look, '/d', ROOT)).toBe(ofDirectory(7))
      expect(await granted(look, '/l', CAROL)).toBe(ofFile(7))
      expect(await granted(look, '/p', ROOT)).toBe(ofFile(6))
    },
  )

  onTree('ACCESS: only of what is wanted', [file('/f', 1, { mode: 0o777 })], async (look) => {
    expect(await granted(look, '/f', CAROL, ACCESS_READ)).toBe(ACCESS_READ)
    expect(await granted(look, '/f', CAROL, ACCESS_LOOKUP | ACCESS_DELETE)).toBe(0)
    expect(await granted(look, '/f', CAROL, 0)).toBe(0)
  })
}

function useCases(onTree: OnTree): void {
  const modes = [0, 1, 2, 4]
  onTree(
    'reading: r, or x, or being the owner',
    modes.map((bits) => file(`/f${bits}`, 10, { ...OF_BOTH, mode: bits })),
    async (look, fs) => {
      const into = new Uint8Array(10)
      for (const bits of modes) {
        const { node, attributes } = await look.object(`/f${bits}`)
        expect(okOf(await fs.read(ALICE, node, 0, into)).countBytes).toBe(10)
        expect(okOf(await fs.read(ROOT, node, 0, into)).countBytes).toBe(10)
        const other = await fs.read(BOB, node, 0, into)
        if (bits === 1 || bits === 4) expect(okOf(other).countBytes).toBe(10)
        else expect(failOf(other, 'ACCES').attributes).toEqual(attributes)
      }
    },
  )

  onTree(
    'writing: w, or being the owner',
    modes.map((bits) => file(`/f${bits}`, 10, { ...OF_BOTH, mode: bits })),
    async (look, fs) => {
      const data = Buffer.from('x')
      for (const bits of modes) {
        const node = await look.node(`/f${bits}`)
        okOf(await fs.write(ALICE, node, 0, data, 'file-sync'))
        okOf(await fs.write(ROOT, node, 0, data, 'file-sync'))
        const before = await look.attributes(`/f${bits}`)
        const other = await fs.write(BOB, node, 0, data, 'file-sync')
        if (bits === 2) okOf(other)
        else expect(failOf(other, 'ACCES').wcc).toEqual({ before, after: before })
      }
    },
  )

  onTree(
    'searching a directory needs x, listing it r',
    [
      dir('/search', { mode: 0o711 }),
      file('/search/in', 1),
      dir('/list', { mode: 0o744 }),
      file('/list/in', 1),
    ],
    async (look, fs) => {
      const options = { maxEntries: 10, withAttributes: false }
      const search = await look.object('/search')
      const list = await look.object('/list')
      okOf(await fs.lookup(BOB, search.node, name('in')))
      expect(failOf(await fs.readdir(BOB, search.node, 0, options), 'ACCES').attributes).toEqual(
        search.attributes,
      )
      for (const text of ['in', 'nothing', '.', '..']) {
        const fail = failOf(await fs.lookup(BOB, list.node, name(text)), 'ACCES')
        expect(fail.attributes).toEqual(list.attributes)
      }
      expect(okOf(await fs.readdir(BOB, list.node, 0, options)).entries).toHaveLength(3)
      okOf(await fs.lookup(ROOT, list.node, name('in')))
      okOf(await fs.readdir(ROOT, search.node, 0, options))
    },
  )

  onTree(
    'READLINK and GETATTR need no permission',
    [symlink('/l', 'x', { mode: 0, uid: ALICE_UID }), file('/f', 1, { mode: 0 })],
    async (look, fs) => {
      expectBytes(okOf(await fs.readlink(CAROL, await look.node('/l'))).target, name('x'))
      okOf(await fs.getattr(CAROL, await look.node('/f')))
    },
  )

  const changes = { mode: 0o644 }
  for (const [title, mode] of [
    ['without w', 0o555],
    ['without x', 0o666],
  ] as const) {
    const entries = [
      dir('/d', { mode }),
      file('/d/f', 1, { mode: 0o777 }),
      dir('/d/sub', { mode: 0o777 }),
      dir('/tmp', { mode: 0o777 }),
      file('/tmp/f', 1, { mode: 0o777 }),
    ]
    onTree(`changing a directory ${title}`, entries, async (look, fs) => {
      const { node, attributes } = await look.object('/d')
      const tmp = await look.object('/tmp')
      const inTmp = await look.node('/tmp/f')
      const wcc = { before: attributes, after: attributes }
      const guarded = { mode: 'guarded', changes } as const
      for (const refused of [
        await fs.create(BOB, node, name('new'), guarded),
        await fs.mkdir(BOB, node, name('new'), changes),
        await fs.symlink(BOB, node, name('new'), name('x'), {}),
        await fs.mknod(BOB, node, name('new'), { type: 'fifo' }, changes),
        await fs.remove(BOB, node, name('f')),
        await fs.rmdir(BOB, node, name('sub')),
        await fs.link(BOB, inTmp, node, name('new')),
      ]) {
        expect(failOf<unknown, { wcc: unknown }>(refused, 'ACCES').wcc).toEqual(wcc)
      }
      const tmpWcc = { before: tmp.attributes, after: tmp.attributes }
      expect(failOf(await fs.rename(BOB, node, name('f'), tmp.node, name('new')), 'ACCES')).toEqual({
        from: wcc,
        to: tmpWcc,
      })
      expect(failOf(await fs.rename(BOB, tmp.node, name('f'), node, name('new')), 'ACCES')).toEqual({
        from: tmpWcc,
        to: wcc,
      })
      okOf(await fs.create(ROOT, node, name('new'), guarded))
    })
  }
}
