import { expect, test } from 'vitest'
import type { Awaitable } from '../../src/base/awaitable.ts'
import { byteKey, fromByteKey, sameBytes } from '../../src/base/bytes.ts'
import type { Attributes } from '../../src/vfs/attributes.ts'
import type { Caller, DirectoryEntry, FileSystem, FsObject, NodeId, Wcc } from '../../src/vfs/file-system.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree } from '../model/seed-tree.ts'
import { okOf } from './answers.ts'
import { ROOT } from './callers.ts'
import { treeOf } from './seeds.ts'

/** A file system under test, with the tree that was asked for in it. */
export interface Mounted {
  readonly fs: FileSystem
  close?(): Awaitable<void>
}

/** Makes a file system that has this tree: planted through calls, or lying in its image. */
export type FileSystemFactory = (tree: SeedTree) => Awaitable<Mounted>

export interface FileSystemSupports {
  /** 65,000 links to one file in reasonable time. */
  readonly manyLinks: boolean
  /** What lies below may hold less than MAX_FILE_SIZE_BYTES (ext4: 16 TiB less a block): beyond it WRITE is FBIG. */
  readonly largestFileBytes: number
}

export const name = (text: string): Uint8Array => fromByteKey(text)

/** Looks at a file system by path, as root, through the calls of the port. */
export class Look {
  readonly fs: FileSystem

  constructor(fs: FileSystem) {
    this.fs = fs
  }

  async object(path: string): Promise<FsObject> {
    const attributes = okOf(await this.fs.getattr(ROOT, this.fs.root))
    let found: FsObject = { node: this.fs.root, generation: this.fs.generationOf(this.fs.root), attributes }
    for (const part of path.split('/').filter((each) => each !== '')) {
      found = okOf(await this.fs.lookup(ROOT, found.node, name(part))).object
    }
    return found
  }

  async node(path: string): Promise<NodeId> {
    return (await this.object(path)).node
  }

  async attributes(path: string): Promise<Attributes> {
    return okOf(await this.fs.getattr(ROOT, await this.node(path)))
  }

  async exists(path: string): Promise<boolean> {
    const directory = await this.node(parentPath(path))
    const found = await this.fs.lookup(ROOT, directory, name(lastName(path)))
    if (!found.ok) expect(found.status).toBe('NOENT')
    return found.ok
  }

  /** Everything in the directory, "." and ".." too, `pageEntries` at a time. */
  async listing(path: string, pageEntries = 1000, withAttributes = false): Promise<DirectoryEntry[]> {
    const directory = await this.node(path)
    const entries: DirectoryEntry[] = []
    for (let after = 0; ; after = entries.at(-1)!.cookie) {
      const options = { maxEntries: pageEntries, withAttributes }
      const page = okOf(await this.fs.readdir(ROOT, directory, after, options))
      expect(page.entries.length).toBeLessThanOrEqual(pageEntries)
      entries.push(...page.entries)
      if (page.eof) return entries
      expect(page.entries.length, 'a page without an entry that is not the last').toBeGreaterThan(0)
    }
  }

  /** The names in the directory, sorted, without "." and "..". */
  async names(path: string): Promise<string[]> {
    const names = (await this.listing(path)).map((entry) => byteKey(entry.name))
    return names.filter((each) => each !== '.' && each !== '..').sort()
  }

  async bytes(path: string, offsetBytes = 0, countBytes = 1 << 20): Promise<Uint8Array> {
    const into = new Uint8Array(countBytes)
    const read = okOf(await this.fs.read(ROOT, await this.node(path), offsetBytes, into))
    return into.subarray(0, read.countBytes)
  }

  async write(path: string, offsetBytes: number, data: Uint8Array, caller: Caller = ROOT): Promise<void> {
    okOf(await this.fs.write(caller, await this.node(path), offsetBytes, data, 'file-sync'))
  }
}

export type OnTree = (
  title: string,
  entries: readonly SeedEntry[],
  body: (look: Look, fs: FileSystem) => Promise<void>,
) => void

/** `test` for cases that begin with a tree of their own. */
export function onTree(factory: FileSystemFactory): OnTree {
  return (title, entries, body) =>
    test(title, async () => {
      const mounted = await factory(treeOf(entries))
      try {
        await body(new Look(mounted.fs), mounted.fs)
      } finally {
        await mounted.close?.()
      }
    })
}

/** Fast on long arrays; tells the first place that differs. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array, where = ''): void {
  if (sameBytes(actual, expected)) return
  const at = expected.findIndex((byte, index) => actual[index] !== byte)
  expect.fail(`${where} bytes differ: ${actual.length} bytes, not ${expected.length}; first at ${at}`)
}

export function isLater(a: Attributes, b: Attributes, which: 'mtime' | 'ctime' | 'atime' = 'ctime'): boolean {
  const seconds = a[which].seconds - b[which].seconds
  return seconds > 0 || (seconds === 0 && a[which].nanoseconds > b[which].nanoseconds)
}

/** A change: both sides are true, and ctime moved between them. */
export function expectChanged(wcc: Wcc, before: Attributes, after: Attributes): void {
  expect(wcc).toEqual({ before, after })
  expect(isLater(after, before), 'ctime must move').toBe(true)
}

/** A refusal: the object is as it was, and the answer says so. */
export function expectSame(wcc: Wcc, attributes: Attributes): void {
  expect(wcc).toEqual({ before: attributes, after: attributes })
}
