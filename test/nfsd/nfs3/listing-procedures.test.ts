import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { byteKey } from '../../../src/base/bytes.ts'
import { UDP_DATA_MAX_BYTES } from '../../../src/nfsd/nfs3/limits.ts'
import { LISTING_FIXED_BYTES } from '../../../src/nfsd/nfs3/listing-size.ts'
import { READDIR3resok, READDIRPLUS3resok } from '../../../src/protocols/nfs3/types.ts'
import { encodeXdr } from '../../../src/xdr/codec.ts'
import { failOf, okOf } from '../../conformance/answers.ts'
import { ROOT } from '../../conformance/callers.ts'
import { Look, name } from '../../conformance/harness.ts'
import { MemoryFileSystem } from '../../conformance/memory-file-system.ts'
import { dir, file, plantThroughCalls, treeOf } from '../../conformance/seeds.ts'
import { NfsdRig } from '../rig.ts'
import { withMembers } from '../wrapped-file-system.ts'
import { overTheWire } from './fixture.ts'

const COOKIEVERF = new Uint8Array(8)
/** Every padding, and the longest. */
const NAMES = [1, 2, 3, 4, 5, 8, 31, 32, 33, 100, 254, 255].map((length) => 'n'.repeat(length))

let rig: NfsdRig
let look: Look
let directory: Uint8Array

beforeAll(async () => {
  const fs = new MemoryFileSystem()
  const files = NAMES.map((each) => file(`/many/${each}`, 0))
  const large = Array.from({ length: 1200 }, (_, index) => file(`/large/${index}`, 0))
  await plantThroughCalls(fs, treeOf([dir('/many'), ...files, dir('/none'), dir('/large'), ...large]))
  look = new Look(fs)
  rig = await NfsdRig.start(fs)
  directory = rig.handle(await look.node('/many'))
})
afterAll(() => rig.stop())

interface Pages {
  readonly names: string[]
  readonly lengths: number[]
}

async function readAll(count: number): Promise<Pages | 'TOOSMALL'> {
  const pages: Pages = { names: [], lengths: [] }
  for (let cookie = 0n, eof = false; !eof; ) {
    const result = await rig.nfs('READDIR', { dir: directory, cookie, cookieverf: COOKIEVERF, count })
    if (!result.ok && result.status === 'TOOSMALL') return 'TOOSMALL'
    const page = okOf(result)
    pages.names.push(...page.reply.entries.map((entry) => byteKey(entry.name)))
    pages.lengths.push(encodeXdr(READDIR3resok, page).length)
    cookie = page.reply.entries.at(-1)?.cookie ?? cookie
    eof = page.reply.eof
  }
  return pages
}

async function readAllPlus(maxcount: number, dircount = 1 << 20): Promise<Pages | 'TOOSMALL'> {
  const pages: Pages = { names: [], lengths: [] }
  for (let cookie = 0n, eof = false; !eof; ) {
    const args = { dir: directory, cookie, cookieverf: COOKIEVERF, dircount, maxcount }
    const result = await rig.nfs('READDIRPLUS', args)
    if (!result.ok && result.status === 'TOOSMALL') return 'TOOSMALL'
    const page = okOf(result)
    pages.names.push(...page.reply.entries.map((entry) => byteKey(entry.name)))
    pages.lengths.push(encodeXdr(READDIRPLUS3resok, page).length)
    cookie = page.reply.entries.at(-1)?.cookie ?? cookie
    eof = page.reply.eof
  }
  return pages
}

const EVERY_NAME = ['.', '..', ...NAMES].sort()

function expectComplete(pages: Pages | 'TOOSMALL', maxBytes: number): void {
  if (pages === 'TOOSMALL') expect.fail(`too small at ${maxBytes}`)
  expect(pages.names.sort()).toEqual(EVERY_NAME)
  expect(Math.max(...pages.lengths)).toBeLessThanOrEqual(maxBytes)
}

/** READDIR3resok with one entry of the longest name, and READDIRPLUS3resok with it. */
const LONGEST_BYTES = LISTING_FIXED_BYTES + 24 + 256
const LONGEST_PLUS_BYTES = LONGEST_BYTES + 88 + 8 + 36

describe('READDIR', () => {
  test('at every count, from nothing to all at once: too small, or every name exactly once', async () => {
    const all = LISTING_FIXED_BYTES + NAMES.length * 28 + 2 * 28 + 1024
    for (let count = 0; count < all; count += Math.abs(count - LONGEST_BYTES) < 16 ? 1 : 7) {
      const pages = await readAll(count)
      if (count < LONGEST_BYTES) expect(pages, `${count}`).toBe('TOOSMALL')
      else expectComplete(pages, count)
    }
    for (const count of [1 << 20, 0xffff_ffff]) expectComplete(await readAll(count), count)
  })

  test('a page is as full as it can be', async () => {
    const pages = await readAll(600)
    if (pages === 'TOOSMALL') expect.fail('too small')
    for (const length of pages.lengths.slice(0, -1)) expect(length).toBeGreaterThan(600 - 280)
  })

  test('too small for an empty directory, and for its end', async () => {
    const none = rig.handle(await look.node('/none'))
    for (const count of [0, LISTING_FIXED_BYTES - 1, LISTING_FIXED_BYTES, LISTING_FIXED_BYTES + 27]) {
      const fail = failOf(
        await rig.nfs('READDIR', { dir: none, cookie: 0n, cookieverf: COOKIEVERF, count }),
        'TOOSMALL',
      )
      expect(fail.dir_attributes).toMatchObject({ type: 'NF3DIR' })
    }
    const first = { dir: none, cookie: 0n, cookieverf: COOKIEVERF, count: LISTING_FIXED_BYTES + 28 }
    expect(okOf(await rig.nfs('READDIR', first)).reply).toMatchObject({
      entries: [{ cookie: 1n }],
      eof: false,
    })
    const end = { dir: none, cookie: 2n, cookieverf: COOKIEVERF, count: LISTING_FIXED_BYTES }
    expect(okOf(await rig.nfs('READDIR', end)).reply).toEqual({ entries: [], eof: true })
    failOf(await rig.nfs('READDIR', { ...end, count: LISTING_FIXED_BYTES - 1 }), 'TOOSMALL')
  })

  test('fileids and attributes', async () => {
    const page = okOf(
      await rig.nfs('READDIR', { dir: directory, cookie: 0n, cookieverf: COOKIEVERF, count: 4096 }),
    )
    expect(page.dir_attributes).toMatchObject({ type: 'NF3DIR', fileid: BigInt(await look.node('/many')) })
    for (const entry of page.reply.entries.slice(2)) {
      expect(entry.fileid).toBe(BigInt(await look.node(`/many/${byteKey(entry.name)}`)))
    }
    expect(page.reply.entries[1]).toMatchObject({ name: Buffer.from('..'), fileid: BigInt(rig.fs.root) })
  })
})

describe('READDIRPLUS', () => {
  test('at every maxcount, from nothing to all at once: too small, or every name exactly once', async () => {
    const all = LISTING_FIXED_BYTES + (NAMES.length + 2) * 160 + 1024
    for (let count = 0; count < all; count += Math.abs(count - LONGEST_PLUS_BYTES) < 16 ? 1 : 7) {
      const pages = await readAllPlus(count)
      if (count < LONGEST_PLUS_BYTES) expect(pages, `${count}`).toBe('TOOSMALL')
      else expectComplete(pages, count)
    }
    for (const count of [1 << 20, 0xffff_ffff]) expectComplete(await readAllPlus(count), count)
  })

  test('a page is as full as it can be', async () => {
    const pages = await readAllPlus(1024)
    if (pages === 'TOOSMALL') expect.fail('too small')
    for (const length of pages.lengths.slice(0, -1)) expect(length).toBeGreaterThan(1024 - 412)
  })

  test('too small: the directory’s attributes are there', async () => {
    const args = {
      dir: directory,
      cookie: 0n,
      cookieverf: COOKIEVERF,
      dircount: 4096,
      maxcount: LISTING_FIXED_BYTES,
    }
    expect(failOf(await rig.nfs('READDIRPLUS', args), 'TOOSMALL').dir_attributes).toMatchObject({
      type: 'NF3DIR',
    })
  })

  test('dircount limits names alone', async () => {
    for (const dircount of [0, 1, 279, 280, 281, 512, 4096])
      expectComplete(await readAllPlus(1 << 20, dircount), 1 << 20)
    const args = { dir: directory, cookie: 2n, cookieverf: COOKIEVERF, maxcount: 1 << 20 }
    const entries = async (dircount: number) =>
      okOf(await rig.nfs('READDIRPLUS', { ...args, dircount })).reply.entries.length
    // Names of 1, 2, 3, 4 and 5 bytes: 28 bytes each, and 32 for the fifth.
    expect(await entries(27)).toBe(1)
    expect(await entries(28)).toBe(1)
    expect(await entries(56)).toBe(2)
    expect(await entries(4 * 28 + 31)).toBe(4)
    expect(await entries(4 * 28 + 32)).toBe(5)
  })

  test('handles that work, and true attributes', async () => {
    const args = { dir: directory, cookie: 0n, cookieverf: COOKIEVERF, dircount: 8192, maxcount: 8192 }
    const page = okOf(await rig.nfs('READDIRPLUS', args))
    for (const { name_handle, name_attributes, fileid } of page.reply.entries) {
      const got = okOf(await rig.nfs('GETATTR', { object: name_handle! }))
      expect(got.obj_attributes).toEqual(name_attributes)
      expect(got.obj_attributes.fileid).toBe(fileid)
    }
  })

  test('over UDP a page fits into a datagram, whatever is asked for', async () => {
    const dir = rig.handle(await look.node('/large'))
    const rest = { dir, cookie: 0n, cookieverf: COOKIEVERF }
    const plus = { ...rest, dircount: 1 << 20, maxcount: 1 << 20 }
    const page = okOf(await rig.nfsOver('udp', 'READDIRPLUS', plus))
    const lengthBytes = encodeXdr(READDIRPLUS3resok, page).length
    expect(lengthBytes).toBeLessThanOrEqual(UDP_DATA_MAX_BYTES)
    expect(lengthBytes).toBeGreaterThan(UDP_DATA_MAX_BYTES - 200)
    expect(page.reply.eof).toBe(false)
    expect(okOf(await rig.nfs('READDIRPLUS', plus)).reply.eof).toBe(true)
    const names = okOf(await rig.nfsOver('udp', 'READDIR', { ...rest, count: 1 << 20 }))
    expect(encodeXdr(READDIR3resok, names).length).toBeLessThanOrEqual(UDP_DATA_MAX_BYTES)
    expect(names.reply.eof).toBe(false)
  })

  test('entries whose attributes are not at hand go without', async () => {
    const bare = withMembers(rig.fs, {
      readdir: (caller, node, after, options) =>
        rig.fs.readdir(caller, node, after, { ...options, withAttributes: false }),
    })
    rig.exports.add({ path: Buffer.from('/bare'), view: 2, fileSystem: bare })
    const dir = rig.handle(await look.node('/many'), 2)
    const args = { dir, cookie: 0n, cookieverf: COOKIEVERF, dircount: 4096, maxcount: 4096 }
    const page = okOf(await rig.nfs('READDIRPLUS', args))
    expect(page.reply.entries.length).toBeGreaterThan(5)
    for (const entry of page.reply.entries) {
      expect(entry.name_attributes).toBeUndefined()
      expect(entry.name_handle).toBeDefined()
    }
  })
})

overTheWire('READDIR and READDIRPLUS', (current) => {
  test('any verifier and any cookie', async () => {
    const cookieverf = new Uint8Array(8).fill(0xff)
    const dir = await current().at('/')
    const page = okOf(await current().nfs('READDIR', { dir, cookie: 1n, cookieverf, count: 4096 }))
    expect(page.cookieverf).toEqual(Buffer.alloc(8))
    expect(byteKey(page.reply.entries[0]!.name)).toBe('..')
    for (const cookie of [2n ** 53n, 2n ** 64n - 1n]) {
      expect(okOf(await current().nfs('READDIR', { dir, cookie, cookieverf, count: 4096 })).reply).toEqual({
        entries: [],
        eof: true,
      })
      const plus = { dir, cookie, cookieverf, dircount: 4096, maxcount: 4096 }
      expect(okOf(await current().nfs('READDIRPLUS', plus)).reply).toEqual({ entries: [], eof: true })
    }
  })

  test('refusals', async () => {
    const rest = { cookie: 0n, cookieverf: COOKIEVERF }
    const counts = { count: 4096, dircount: 4096, maxcount: 4096 }
    const file = { dir: await current().at('/file'), ...rest, ...counts }
    const attributes = await current().attributes('/file')
    expect(failOf(await current().nfs('READDIR', file), 'NOTDIR').dir_attributes).toEqual(attributes)
    expect(failOf(await current().nfs('READDIRPLUS', file), 'NOTDIR').dir_attributes).toEqual(attributes)
    const gone = { dir: await current().stale(), ...rest, ...counts }
    expect(failOf(await current().nfs('READDIR', gone), 'STALE').dir_attributes).toBeUndefined()
    expect(failOf(await current().nfs('READDIRPLUS', gone), 'STALE').dir_attributes).toBeUndefined()
  })

  test('while names come and go, each untouched one exactly once', async () => {
    const { fs } = current().look
    const node = await current().look.node('/empty')
    const text = (index: number) => name(`name-${index}`)
    for (let index = 0; index < 60; index += 1) {
      okOf(await fs.create(ROOT, node, text(index), { mode: 'guarded', changes: {} }))
    }
    const dir = await current().at('/empty')
    const seen: string[] = []
    for (let cookie = 0n, eof = false, step = 0; !eof; step += 1) {
      const args = { dir, cookie, cookieverf: COOKIEVERF, dircount: 4096, maxcount: 1024 }
      const page = okOf(await current().nfs('READDIRPLUS', args)).reply
      seen.push(...page.entries.map((entry) => byteKey(entry.name)))
      cookie = page.entries.at(-1)?.cookie ?? cookie
      eof = page.eof
      // Odd ones go (the last one seen among them), others come.
      okOf(await fs.remove(ROOT, node, text(2 * step + 1)))
      okOf(await fs.create(ROOT, node, name(`new-${step}`), { mode: 'guarded', changes: {} }))
    }
    const untouched = Array.from({ length: 30 }, (_, index) => `name-${2 * index}`)
    for (const each of untouched)
      expect(
        seen.filter((one) => one === each),
        each,
      ).toHaveLength(1)
    expect(new Set(seen).size).toBe(seen.length)
  })
})
