import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SYNC_READ_MAX_BYTES } from '../../src/exporter/file-data.ts'
import type { Caller } from '../../src/vfs/file-system.ts'
import { failOf, okOf } from '../conformance/answers.ts'
import { ROOT } from '../conformance/callers.ts'
import { Look, name } from '../conformance/harness.ts'
import { diskPath, ODD_NAMES } from '../model/seed-tree.ts'
import { plantEveryKind, SPARSE_TAIL, serve, TIB, temporaryDirectory } from './host-directory.ts'

const isRoot = process.getuid?.() === 0
const NEEDS_ROOT = isRoot ? '' : '[skipped: needs root] '
const asUser = (uid: number, gid: number, gids: number[] = []): Caller => ({ uid, gid, gids, address: '::1' })
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('attributes', () => {
  test('are those of the host to the nanosecond, for every type', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    const types: Record<string, string> = {
      '/dir': 'directory',
      '/dir/file': 'file',
      '/dir/suid': 'file',
      '/outside': 'symlink',
      '/fifo': 'fifo',
      '/socket': 'socket',
      '/sparse': 'file',
      ...(isRoot ? { '/null': 'character', '/disk': 'block' } : {}),
    }
    for (const [path, type] of Object.entries(types)) {
      const host = lstatSync(diskPath(root, path), { bigint: true })
      const served = await look.attributes(path)
      const ns = (time: { seconds: number; nanoseconds: number }) =>
        BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds)
      expect({
        ...served,
        atime: ns(served.atime),
        mtime: ns(served.mtime),
        ctime: ns(served.ctime),
      }).toEqual({
        type,
        mode: Number(host.mode) & 0o7777,
        nlink: Number(host.nlink),
        uid: Number(host.uid),
        gid: Number(host.gid),
        sizeBytes: Number(host.size),
        usedBytes: Number(host.blocks) * 512,
        rdevMajor: path === '/null' ? 1 : path === '/disk' ? 259 : 0,
        rdevMinor: path === '/null' ? 3 : path === '/disk' ? 70000 : 0,
        fsid: look.fs.fsid,
        fileid: host.ino,
        atime: host.atimeNs,
        mtime: host.mtimeNs,
        ctime: host.ctimeNs,
      })
    }
    expect((await look.attributes('/dir/suid')).mode).toBe(0o4755)
    expect((await look.attributes('/dir/sub/hard')).nlink).toBe(2)
    expect(await look.node('/dir/sub/hard')).toBe(await look.node('/dir/file'))
  })

  test('times before 1970 count their nanoseconds upwards', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'old'), '')
    execFileSync('touch', ['-a', '-d', '1969-12-31 23:59:58.75 UTC', join(root, 'old')])
    execFileSync('touch', ['-m', '-d', '1969-12-30 23:59:59.5 UTC', join(root, 'old')])
    const { mtime, atime } = await new Look(serve(root).fs).attributes('/old')
    expect(atime).toEqual({ seconds: -2, nanoseconds: 750_000_000 })
    expect(mtime).toEqual({ seconds: -86401, nanoseconds: 500_000_000 })
  })

  test('the fsid is the same after a restart, another for another export, and not 0', () => {
    const root = temporaryDirectory()
    const first = serve(root, { name: 'a' }).fs.fsid
    expect(serve(root, { name: 'a' }).fs.fsid).toBe(first)
    expect(serve(root, { name: 'b' }).fs.fsid).not.toBe(first)
    expect(first).not.toBe(0n)
  })
})

describe('names', () => {
  test('are bytes, in LOOKUP and in the listing', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    expect(await look.names('/names')).toEqual([...ODD_NAMES].sort())
    for (const each of ODD_NAMES) expect(text(await look.bytes(`/names/${each}`))).toContain(each[0])
  })

  test('that are no names are refused before the host sees them', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'dir'))
    const { fs } = serve(root)
    const attributes = okOf(await fs.getattr(ROOT, fs.root))
    const refusal = async (bytes: Uint8Array, status: 'INVAL' | 'NAMETOOLONG' | 'NOENT') =>
      expect(failOf(await fs.lookup(ROOT, fs.root, bytes), status)).toEqual({ attributes })
    await refusal(new Uint8Array(0), 'INVAL')
    await refusal(name('dir/'), 'INVAL')
    await refusal(name('../etc'), 'INVAL')
    await refusal(name('di\0r'), 'INVAL')
    await refusal(new Uint8Array(255).fill(97), 'NOENT')
    await refusal(new Uint8Array(256).fill(97), 'NAMETOOLONG')
    await refusal(name('absent'), 'NOENT')
  })

  test('"." is the directory, ".." the one above, and stops at the root of the export', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    expect(await look.node('/dir/.')).toBe(await look.node('/dir'))
    expect(await look.node('/dir/sub/..')).toBe(await look.node('/dir'))
    expect(await look.node('/dir/sub/deep/../../..')).toBe(look.fs.root)
    expect(await look.node('/../../..')).toBe(look.fs.root)
  })

  test('".." follows a directory that is moved on the host, at once', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'a/moving'), { recursive: true })
    mkdirSync(join(root, 'b'))
    const look = new Look(serve(root).fs)
    const moving = await look.node('/a/moving')
    renameSync(join(root, 'a/moving'), join(root, 'b/moved'))
    const above = okOf(await look.fs.lookup(ROOT, moving, name('..'))).object
    expect(above.node).toBe(await look.node('/b'))
  })

  test('a name in something that is no directory is refused', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    for (const path of ['/dir/file', '/outside', '/fifo']) {
      const attributes = await look.attributes(path)
      const answer = await look.fs.lookup(ROOT, await look.node(path), name('x'))
      expect(failOf(answer, 'NOTDIR')).toEqual({ attributes })
    }
  })
})

describe('links and special files', () => {
  test('READLINK gives the bytes of the link, wherever it leads', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    const target = async (path: string) =>
      text(okOf(await look.fs.readlink(ROOT, await look.node(path))).target)
    expect(await target('/outside')).toBe('/etc/passwd')
    expect(await target('/loop')).toBe('loop')
    expect(await target('/longest')).toBe('x'.repeat(4095))
    expect(await target('/not-text')).toBe('\xff\xfe/\n')
    const file = await look.object('/dir/file')
    expect(failOf(await look.fs.readlink(ROOT, file.node), 'INVAL').attributes).toEqual(file.attributes)
  })

  test('READ is for files: of a directory ISDIR, of links and special files INVAL', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    const read = async (path: string) => look.fs.read(ROOT, await look.node(path), 0, new Uint8Array(10))
    failOf(await read('/dir'), 'ISDIR')
    // A fifo that was opened would keep this test for ever.
    for (const path of ['/outside', '/fifo', '/socket']) failOf(await read(path), 'INVAL')
    if (isRoot) failOf(await read('/null'), 'INVAL')
  })
})

describe('READ', () => {
  test('gives the bytes, the count and the end', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), '0123456789')
    const look = new Look(serve(root).fs)
    const { node, attributes } = await look.object('/file')
    const read = async (offsetBytes: number, countBytes: number) => {
      const into = new Uint8Array(countBytes)
      const answer = okOf(await look.fs.read(ROOT, node, offsetBytes, into))
      expect(answer.attributes).toEqual(attributes)
      return [text(into.subarray(0, answer.countBytes)), answer.eof]
    }
    expect(await read(0, 4)).toEqual(['0123', false])
    expect(await read(6, 4)).toEqual(['6789', true])
    expect(await read(6, 5)).toEqual(['6789', true])
    expect(await read(10, 5)).toEqual(['', true])
    expect(await read(11, 5)).toEqual(['', true])
    expect(await read(2 ** 53 - 1, 5)).toEqual(['', true])
    expect(await read(3, 0)).toEqual(['', false])
  })

  test.each([SYNC_READ_MAX_BYTES, SYNC_READ_MAX_BYTES + 1])('of %i bytes at once', async (countBytes) => {
    const root = temporaryDirectory()
    const bytes = Buffer.from(Array.from({ length: countBytes }, (_, index) => (index * 7919) >>> 3))
    writeFileSync(join(root, 'file'), bytes)
    const look = new Look(serve(root).fs)
    expect(Buffer.compare(await look.bytes('/file', 0, countBytes), bytes)).toBe(0)
  })

  test('of a sparse file of 1 TiB', async () => {
    const root = temporaryDirectory()
    plantEveryKind(root)
    const look = new Look(serve(root).fs)
    const attributes = await look.attributes('/sparse')
    expect(attributes.sizeBytes).toBe(TIB)
    expect(attributes.usedBytes).toBeLessThan(1 << 20)
    expect(text(await look.bytes('/sparse', TIB - SPARSE_TAIL.length, 100))).toBe(SPARSE_TAIL)
    expect(await look.bytes('/sparse', TIB / 2, 5)).toEqual(new Uint8Array(5))
  })

  test('many at the same time, with fewer descriptors than files', async () => {
    const root = temporaryDirectory()
    const size = SYNC_READ_MAX_BYTES * 2
    for (let index = 0; index < 40; index += 1) {
      mkdirSync(join(root, `d${index}`))
      writeFileSync(join(root, `d${index}/f`), Buffer.alloc(size, index + 1))
    }
    const look = new Look(serve(root, { descriptorsMax: 3 }).fs)
    const reads = Array.from({ length: 200 }, async (_, index) => {
      const bytes = await look.bytes(`/d${index % 40}/f`, 0, size)
      expect(bytes.every((byte) => byte === (index % 40) + 1)).toBe(true)
    })
    await Promise.all(reads)
  })

  test('sees what the host has written since', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), 'old')
    const look = new Look(serve(root).fs)
    expect(text(await look.bytes('/file'))).toBe('old')
    writeFileSync(join(root, 'file'), 'newer')
    expect(text(await look.bytes('/file'))).toBe('newer')
  })
})

describe('permissions', () => {
  const owner = asUser(1000, 1000)
  const member = asUser(1001, 1001, [7, 2000])
  const stranger = asUser(1002, 1002)

  test.runIf(isRoot)(`${NEEDS_ROOT}ACCESS grants what the mode grants, and never a change`, async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), '')
    chownSync(join(root, 'file'), 1000, 2000)
    chmodSync(join(root, 'file'), 0o640)
    mkdirSync(join(root, 'dir'))
    chownSync(join(root, 'dir'), 1000, 2000)
    chmodSync(join(root, 'dir'), 0o710)
    const look = new Look(serve(root).fs)
    const granted = async (path: string, caller: Caller) =>
      okOf(await look.fs.access(caller, await look.node(path), 0x3f)).granted
    expect(await granted('/file', ROOT)).toBe(0x01)
    expect(await granted('/file', owner)).toBe(0x01)
    expect(await granted('/file', member)).toBe(0x01)
    expect(await granted('/file', stranger)).toBe(0)
    expect(await granted('/dir', ROOT)).toBe(0x03)
    expect(await granted('/dir', owner)).toBe(0x03)
    expect(await granted('/dir', member)).toBe(0x02)
    expect(await granted('/dir', stranger)).toBe(0)
    chmodSync(join(root, 'file'), 0o611)
    expect(await granted('/file', ROOT)).toBe(0x21)
    expect(await granted('/file', stranger)).toBe(0x20)
    const node = await look.node('/file')
    expect(okOf(await look.fs.access(ROOT, node, 0x20)).granted).toBe(0x20)
  })

  test.runIf(isRoot)(
    `${NEEDS_ROOT}LOOKUP needs x, READDIR needs r, READ r, x or to be the owner`,
    async () => {
      const root = temporaryDirectory()
      chmodSync(root, 0o755)
      mkdirSync(join(root, 'dir'))
      writeFileSync(join(root, 'dir/file'), 'data')
      chownSync(join(root, 'dir/file'), 1000, 2000)
      const { fs } = serve(root)
      const look = new Look(fs)
      const [dir, file] = [await look.node('/dir'), await look.node('/dir/file')]
      const lookup = (caller: Caller) => fs.lookup(caller, dir, name('file'))
      const list = (caller: Caller) => fs.readdir(caller, dir, 0, { maxEntries: 9, withAttributes: false })
      const read = (caller: Caller) => fs.read(caller, file, 0, new Uint8Array(4))

      chmodSync(join(root, 'dir'), 0o701)
      okOf(await lookup(stranger))
      expect(failOf(await list(stranger), 'ACCES').attributes).toEqual(await look.attributes('/dir'))
      chmodSync(join(root, 'dir'), 0o704)
      failOf(await lookup(stranger), 'ACCES')
      okOf(await list(stranger))
      okOf(await lookup(ROOT))

      chmodSync(join(root, 'dir/file'), 0o000)
      okOf(await read(owner))
      okOf(await read(ROOT))
      failOf(await read(member), 'ACCES')
      chmodSync(join(root, 'dir/file'), 0o010)
      okOf(await read(member))
      failOf(await read(stranger), 'ACCES')
      // The group's triple decides for a member, though others may.
      chmodSync(join(root, 'dir/file'), 0o604)
      failOf(await read(member), 'ACCES')
      okOf(await read(stranger))
    },
  )
})

describe('a tree that cannot be written', () => {
  test('answers ROFS to every change, with attributes', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), 'data')
    const { fs } = serve(root)
    const look = new Look(fs)
    const [dir, file] = [okOf(await fs.getattr(ROOT, fs.root)), await look.object('/file')]
    const same = { before: dir, after: dir }
    const sameFile = { before: file.attributes, after: file.attributes }
    expect(fs.writable).toBe(false)
    expect(failOf(await fs.setattr(ROOT, file.node), 'ROFS').wcc).toEqual(sameFile)
    expect(failOf(await fs.write(ROOT, file.node), 'ROFS').wcc).toEqual(sameFile)
    expect(failOf(await fs.commit(ROOT, file.node), 'ROFS').wcc).toEqual(sameFile)
    expect(failOf(await fs.create(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.mkdir(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.symlink(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.mknod(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.remove(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.rmdir(ROOT, fs.root), 'ROFS').wcc).toEqual(same)
    expect(failOf(await fs.rename(ROOT, fs.root, name('a'), fs.root), 'ROFS')).toEqual({
      from: same,
      to: same,
    })
    expect(failOf(await fs.link(ROOT, file.node, fs.root), 'ROFS')).toEqual({
      attributes: file.attributes,
      wcc: same,
    })
  })

  test('FSSTAT tells the room of the host file system', async () => {
    const root = temporaryDirectory()
    const { fs } = serve(root)
    const { space } = okOf(await fs.fsstat(ROOT, fs.root))
    const said = execFileSync('stat', ['-f', '-c', '%b %S %c', root]).toString().trim().split(' ').map(Number)
    expect(space.totalBytes).toBe(said[0]! * said[1]!)
    expect(space.totalFiles).toBe(said[2])
    expect(space.availableBytes).toBeLessThanOrEqual(space.freeBytes)
  })
})
