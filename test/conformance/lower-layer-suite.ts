import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byteKey, fromByteKey } from '../../src/base/bytes.ts'
import type { LowerEntry, LowerHandle, LowerLayer, LowerObject } from '../../src/vfs/lower-layer.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree, seedPieces } from '../model/seed-tree.ts'
import { SparseBytes } from '../model/sparse-bytes.ts'
import { expectBytes } from './harness.ts'

export interface LowerLayerUnderTest {
  readonly layer: LowerLayer
  dispose(): Promise<void>
}

const KIB = 1024
/** No entry of the tree has this name. */
const MISSING = fromByteKey('no such name')

/** What every LowerLayer must do with a tree; run in memory and on real NFS servers. */
export function lowerLayerSuite(
  name: string,
  tree: SeedTree,
  make: (tree: SeedTree) => Promise<LowerLayerUnderTest>,
): void {
  const first = new Map(
    tree.filter((entry) => entry.linkTo === undefined).map((entry) => [entry.path, entry]),
  )
  const objectOf = (entry: SeedEntry) => first.get(entry.linkTo ?? entry.path)!
  const childrenOf = (path: string) =>
    tree.filter((entry) => entry.path !== '/' && parentPath(entry.path) === path)
  const ofType = (type: SeedEntry['type']) => [...first.values()].filter((entry) => entry.type === type)

  describe(`lower layer: ${name}`, () => {
    let subject: LowerLayerUnderTest
    let layer: LowerLayer
    beforeAll(async () => {
      subject = await make(tree)
      layer = subject.layer
    })
    afterAll(async () => {
      await layer.close()
      await subject.dispose()
    })

    async function find(path: string): Promise<LowerObject> {
      let object = await layer.root()
      for (const part of path.split('/').filter(Boolean)) {
        const result = await layer.lookup(object.handle, fromByteKey(part))
        if (!result.ok) throw new Error(`${path}: ${result.status}`)
        object = result.value.object
      }
      return object
    }

    async function listAll(directory: LowerHandle): Promise<LowerEntry[]> {
      const entries: LowerEntry[] = []
      let from: unknown
      do {
        const page = await layer.list(directory, from)
        if (!page.ok) throw new Error(page.status)
        entries.push(...page.value.entries)
        from = page.value.next
      } while (from !== undefined)
      return entries
    }

    async function read(handle: LowerHandle, offsetBytes: number, countBytes: number): Promise<Uint8Array> {
      const result = await layer.read(handle, offsetBytes, countBytes)
      if (!result.ok) throw new Error(result.status)
      return result.value.data
    }

    test('every name has the attributes that were given to its object', async () => {
      const fsids = new Set<bigint>()
      for (const entry of tree) {
        const seed = objectOf(entry)
        const { attributes } = await find(entry.path)
        const links = tree.filter((other) => objectOf(other) === seed).length
        const expected = { type: seed.type, mode: seed.mode, uid: seed.uid, gid: seed.gid, mtime: seed.mtime }
        expect(attributes, entry.path).toMatchObject(expected)
        if (seed.type === 'file') expect(attributes.sizeBytes, entry.path).toBe(seed.content?.sizeBytes ?? 0)
        if (seed.type === 'symlink') expect(attributes.sizeBytes, entry.path).toBe(seed.target!.length)
        if (seed.type !== 'directory') expect(attributes.nlink, entry.path).toBe(links)
        if (seed.type === 'block' || seed.type === 'character') {
          const { rdevMajor, rdevMinor } = attributes
          expect([rdevMajor, rdevMinor], entry.path).toEqual([seed.rdevMajor, seed.rdevMinor])
        }
        fsids.add(attributes.fsid)
      }
      expect(fsids.size).toBe(1)
    })

    test('names of one object have one fileid, other objects have others', async () => {
      const fileids = new Map<bigint, SeedEntry>()
      for (const entry of tree) {
        const { attributes } = await find(entry.path)
        const seed = objectOf(entry)
        expect(fileids.get(attributes.fileid) ?? seed, entry.path).toBe(seed)
        fileids.set(attributes.fileid, seed)
      }
      expect(fileids.size).toBe(first.size)
    })

    test('getattr of a handle says what lookup said', async () => {
      for (const entry of tree) {
        const { handle, attributes } = await find(entry.path)
        expect(await layer.getattr(handle), entry.path).toEqual({ ok: true, value: attributes })
      }
    })

    test('listings have every name once, without "." and "..", with the right objects', async () => {
      for (const { path } of ofType('directory')) {
        const entries = await listAll((await find(path)).handle)
        const names = entries.map((entry) => byteKey(entry.name)).sort()
        expect(names, path).toEqual(
          childrenOf(path)
            .map((entry) => lastName(entry.path))
            .sort(),
        )
        for (const entry of entries) {
          const object = await find(`${path}/${byteKey(entry.name)}`)
          expect(entry.fileid).toBe(object.attributes.fileid)
          if (entry.object !== undefined) expect(entry.object.attributes.fileid).toBe(entry.fileid)
        }
      }
    })

    test('files read as they were written, in ranges of every kind', async () => {
      for (const entry of ofType('file')) {
        const content = new SparseBytes()
        for (const piece of seedPieces(entry.content!)) content.write(piece.offsetBytes, piece.data)
        const { sizeBytes } = entry.content!
        const { handle } = await find(entry.path)
        const ranges = [
          [0, sizeBytes],
          [0, sizeBytes + 10],
          [1, sizeBytes - 2],
          [Math.max(0, sizeBytes - 5), 100],
          [sizeBytes, 10],
          [sizeBytes + 100_000, 10],
          [sizeBytes >> 1, 64 * KIB],
          ...entry.content!.pieces.map((piece) => [Math.max(0, piece.offsetBytes - 9), 20_000]),
        ] as const
        for (const [offset, count] of ranges) {
          if (count <= 0 || count > 16 * 1024 * KIB) continue
          const expected = content.read(offset, Math.max(0, Math.min(count, sizeBytes - offset)))
          expectBytes(await read(handle, offset, count), expected, `${entry.path} at ${offset}`)
        }
      }
    })

    test('all files at once', async () => {
      const files = ofType('file').filter((entry) => entry.content!.sizeBytes < 1024 * KIB)
      const readWhole = async (entry: SeedEntry) => {
        const { handle } = await find(entry.path)
        const content = new SparseBytes()
        for (const piece of seedPieces(entry.content!)) content.write(piece.offsetBytes, piece.data)
        const { sizeBytes } = entry.content!
        expectBytes(await read(handle, 0, 2048 * KIB), content.read(0, sizeBytes), entry.path)
      }
      await Promise.all(files.map(readWhole))
    })

    test('links lead where they were made to', async () => {
      for (const entry of ofType('symlink')) {
        const result = await layer.readlink((await find(entry.path)).handle)
        expect(result.ok && byteKey(result.value), entry.path).toBe(entry.target)
      }
    })

    test('a name that is not there is refused, with the directory beside it', async () => {
      const { handle, attributes } = await layer.root()
      const result = await layer.lookup(handle, MISSING)
      expect(result).toMatchObject({ ok: false, status: 'NOENT' })
      const directory = result.ok ? undefined : result.fail.directory
      if (directory !== undefined) expect(directory.fileid).toBe(attributes.fileid)
    })

    test('what does not fit the type of an object is refused', async () => {
      const [file, directory, link] = ['file', 'directory', 'symlink'].map(
        (type) => ofType(type as 'file')[0]!,
      )
      const { handle: fileHandle } = await find(file!.path)
      const { handle: directoryHandle } = await find(directory!.path)
      const { handle: linkHandle } = await find(link!.path)
      expect(await layer.lookup(fileHandle, MISSING)).toMatchObject({ ok: false, status: 'NOTDIR' })
      expect(await layer.list(fileHandle, undefined)).toMatchObject({ ok: false, status: 'NOTDIR' })
      expect(await layer.read(directoryHandle, 0, 10)).toMatchObject({ ok: false, status: 'ISDIR' })
      expect(await layer.read(linkHandle, 0, 10)).toMatchObject({ ok: false, status: 'INVAL' })
      expect(await layer.readlink(fileHandle)).toMatchObject({ ok: false, status: 'INVAL' })
    })

    test('a handle that was never given is refused', async () => {
      const forged = new Uint8Array(32).fill(0xa5) as LowerHandle
      const result = await layer.getattr(forged)
      expect(['BADHANDLE', 'STALE']).toContain(result.ok ? 'taken' : result.status)
    })

    test('tells the space there is', async () => {
      const result = await layer.space()
      if (!result.ok) throw new Error(result.status)
      expect(result.value.totalBytes).toBeGreaterThan(0)
      expect(result.value.freeBytes).toBeLessThanOrEqual(result.value.totalBytes)
    })
  })
}
