import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { byteKey } from '../../src/base/bytes.ts'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NFS3_READ_PROCEDURES } from '../../src/nfsclient/nfs3-client.ts'
import { EMPTY_READS_MAX, READS_IN_FLIGHT_MAX } from '../../src/nfsclient/read-range.ts'
import { LISTING_RESTARTS_MAX, UNHELPFUL_PAGE_NAMES } from '../../src/upstream/directory-reader.ts'
import { Nfs3LowerLayer } from '../../src/upstream/nfs3-lower-layer.ts'
import type { LowerHandle } from '../../src/vfs/lower-layer.ts'
import { pattern } from '../conformance/shadow-store-suite.ts'
import { MemoryNfsServer } from '../nfsclient/memory-nfs-server.ts'

let server: MemoryNfsServer
let layer: Nfs3LowerLayer
beforeEach(async () => {
  server = await MemoryNfsServer.start()
  const limits = { waitMaxMs: 1000, waitMinMs: 20, backOffMinMs: 5, backOffMaxMs: 20 }
  layer = new Nfs3LowerLayer(new NfsExport(parseNfsUrl(server.url), NFS3_READ_PROCEDURES, { limits }))
})
afterEach(async () => {
  await layer.close()
  await server.close()
})

async function find(name: string) {
  const result = await layer.lookup((await layer.root()).handle, Buffer.from(name))
  if (!result.ok) throw new Error(result.status)
  return result.value.object
}

async function names(handle: LowerHandle, pauseAfterPage?: (page: number) => void): Promise<string[]> {
  const names: string[] = []
  let from: unknown
  let page = 0
  do {
    const result = await layer.list(handle, from)
    if (!result.ok) throw new Error(result.status)
    names.push(...result.value.entries.map((entry) => byteKey(entry.name)))
    from = result.value.next
    page += 1
    pauseAfterPage?.(page)
  } while (from !== undefined)
  return names
}

describe('attributes', () => {
  test('a file beyond what is exact is refused with FBIG, in whatever answer it comes', async () => {
    const file = server.add('/huge', 'NF3REG')
    file.sizeBytes = 2 ** 53 - 1
    expect((await find('huge')).attributes.sizeBytes).toBe(2 ** 53 - 1)
    const { handle } = await find('huge')
    file.sizeBytes = 2 ** 53
    expect(await layer.getattr(handle)).toMatchObject({ ok: false, status: 'FBIG' })
    await expect(find('huge')).rejects.toThrow('FBIG')
    const page = await layer.list((await layer.root()).handle, undefined)
    expect(page.ok && page.value.entries[0]?.object).toBeUndefined()
  })

  test('a lookup answered without attributes asks for them', async () => {
    const file = server.add('/file', 'NF3REG', pattern(10))
    server.answers.LOOKUP = () => ({
      ok: true,
      value: { object: server.handle(file), obj_attributes: undefined, dir_attributes: undefined },
    })
    expect((await find('file')).attributes).toMatchObject({ type: 'file', sizeBytes: 10 })
    expect(server.count('GETATTR')).toBe(2)
  })

  test('type bits in the mode are taken out', async () => {
    server.add('/file', 'NF3REG').mode = 0o100644
    expect((await find('file')).attributes.mode).toBe(0o644)
  })

  test('handles and names own their memory', async () => {
    server.add('/file', 'NF3REG')
    const { handle } = await find('file')
    expect(handle.buffer.byteLength).toBeLessThan(20_000)
    const page = await layer.list((await layer.root()).handle, undefined)
    const [entry] = page.ok ? page.value.entries : []
    expect(entry!.name.buffer.byteLength).toBeLessThan(20_000)
    expect(entry!.object!.handle.buffer.byteLength).toBeLessThan(20_000)
  })
})

describe('reading', () => {
  test.each([1, 4095, 4096, 4097, 40_000, 100_000])(
    'short answers are carried on: %i bytes',
    async (size) => {
      server.add('/file', 'NF3REG', pattern(100_000))
      const { handle } = await find('file')
      server.readTransferBytes = 1000
      const result = await layer.read(handle, 7, size)
      expect(result.ok && Buffer.compare(result.value.data, pattern(100_000).subarray(7, 7 + size))).toBe(0)
    },
  )

  test('calls are as large as the server prefers, and a few are under way at a time', async () => {
    server.readTransferBytes = 8192
    server.add('/file', 'NF3REG', pattern(200_000))
    const { handle } = await find('file')
    const result = await layer.read(handle, 0, 200_000)
    expect(result.ok && Buffer.compare(result.value.data, pattern(200_000))).toBe(0)
    const counts = server.calls
      .filter(({ procedure }) => procedure === 'READ')
      .map(({ args }) => (args as { count: number }).count)
    expect(counts).toEqual([...Array.from({ length: 24 }, () => 8192), 200_000 - 24 * 8192])
    expect(counts.length).toBeGreaterThan(READS_IN_FLIGHT_MAX)
  })

  test('what lies behind the end of the file is not asked for again and again', async () => {
    server.readTransferBytes = 4096
    server.add('/file', 'NF3REG', pattern(5000))
    const { handle } = await find('file')
    const result = await layer.read(handle, 0, 4096 * 1000)
    expect(result.ok && result.value.data.length).toBe(5000)
    expect(server.count('READ')).toBeLessThanOrEqual(2 * READS_IN_FLIGHT_MAX)
  })

  test('more bytes than were asked for are not taken', async () => {
    const file = server.add('/file', 'NF3REG', pattern(100))
    const { handle } = await find('file')
    server.answers.READ = () => ({
      ok: true,
      value: { file_attributes: server.attributes(file), count: 50, eof: false, data: pattern(50) },
    })
    const result = await layer.read(handle, 0, 20)
    expect(result.ok && Buffer.compare(result.value.data, pattern(50).subarray(0, 20))).toBe(0)
  })

  test('a server that gives nothing and no end is not asked for ever', async () => {
    server.add('/file', 'NF3REG', pattern(100))
    const { handle } = await find('file')
    server.answers.READ = () => ({
      ok: true,
      value: { file_attributes: undefined, count: 0, eof: false, data: new Uint8Array(0) },
    })
    await expect(layer.read(handle, 0, 20)).rejects.toMatchObject({ status: 'IO' })
    expect(server.count('READ')).toBe(EMPTY_READS_MAX)
  })

  test('a file that changes while it is read shows its newest attributes', async () => {
    server.readTransferBytes = 4096
    const file = server.add('/file', 'NF3REG', pattern(20_000))
    const { handle, attributes } = await find('file')
    let reads = 0
    server.fault = (procedure) => {
      if (procedure === 'READ' && ++reads === 3) file.changes += 1
      return undefined
    }
    const result = await layer.read(handle, 0, 20_000)
    expect(result.ok && result.value.attributes?.ctime).not.toEqual(attributes.ctime)
  })

  test('a refusal of one of many calls refuses the whole', async () => {
    server.readTransferBytes = 4096
    server.add('/file', 'NF3REG', pattern(20_000))
    const { handle } = await find('file')
    let reads = 0
    server.fault = (procedure) => (procedure === 'READ' && ++reads === 4 ? 'IO' : undefined)
    expect(await layer.read(handle, 0, 20_000)).toMatchObject({ ok: false, status: 'IO' })
  })

  test('JUKEBOX is asked again; a lost connection is not noticed', async () => {
    server.add('/file', 'NF3REG', pattern(100))
    const { handle } = await find('file')
    const faults = ['JUKEBOX', 'reset', undefined] as const
    let reads = 0
    server.fault = (procedure) => (procedure === 'READ' ? faults[reads++] : undefined)
    const result = await layer.read(handle, 0, 100)
    expect(result.ok && Buffer.compare(result.value.data, pattern(100))).toBe(0)
    expect(reads).toBe(3)
  })
})

describe('listing', () => {
  const many = Array.from({ length: 40 }, (_, index) => `name-${index}`)
  beforeEach(() => {
    for (const name of many) server.add(`/${name}`, 'NF3REG')
  })

  test('pages follow each other by cookie and verifier', async () => {
    const { handle } = await layer.root()
    expect(await names(handle)).toEqual(many)
    expect(server.count('READDIRPLUS')).toBe(6)
  })

  test('without READDIRPLUS there is READDIR, and READDIRPLUS is not tried again', async () => {
    server.answers.READDIRPLUS = () => ({ ok: false, status: 'NOTSUPP', fail: { dir_attributes: undefined } })
    const { handle } = await layer.root()
    expect(await names(handle)).toEqual(many)
    expect(await names(handle)).toEqual(many)
    expect(server.count('READDIRPLUS')).toBe(1)
    const page = await layer.list(handle, undefined)
    expect(page.ok && page.value.entries.every((entry) => entry.object === undefined)).toBe(true)
  })

  test.each([
    [UNHELPFUL_PAGE_NAMES - 1, 2],
    [UNHELPFUL_PAGE_NAMES, 1],
  ])(
    'after a page of %i names without any handle, %i of two listings are by READDIRPLUS',
    async (count, asked) => {
      const entries = many.slice(0, count).map((name, index) => ({
        fileid: 1n,
        name: Buffer.from(name),
        cookie: BigInt(index + 1),
        name_attributes: undefined,
        name_handle: undefined,
      }))
      const value = {
        dir_attributes: undefined,
        cookieverf: new Uint8Array(8),
        reply: { entries, eof: true },
      }
      server.answers.READDIRPLUS = () => ({ ok: true, value })
      const { handle } = await layer.root()
      await names(handle)
      await names(handle)
      expect(server.count('READDIRPLUS')).toBe(asked)
    },
  )

  test('an entry without handle or without attributes is only a name', async () => {
    const entry = { fileid: 9n, name: Buffer.from('x'), cookie: 1n }
    const attributes = server.attributes(server.root)
    const entries = [
      { ...entry, name_attributes: attributes, name_handle: undefined },
      { ...entry, name_attributes: undefined, name_handle: Buffer.from('h') },
      { ...entry, name_attributes: attributes, name_handle: Buffer.from('h') },
    ]
    server.answers.READDIRPLUS = () => ({
      ok: true,
      value: { dir_attributes: attributes, cookieverf: new Uint8Array(8), reply: { entries, eof: true } },
    })
    const page = await layer.list((await layer.root()).handle, undefined)
    expect(page.ok && page.value.entries.map((given) => given.object !== undefined)).toEqual([
      false,
      false,
      true,
    ])
    expect(page.ok && page.value.directory?.fileid).toBe(1n)
  })

  test('a cookie that is not known any more: the listing begins again and gives each name once', async () => {
    const { handle } = await layer.root()
    const listed = await names(handle, (page) => {
      if (page === 2 || page === 9) server.verifier += 1
    })
    expect(listed).toEqual(many)
  })

  test('cookies that are never known end the listing with BAD_COOKIE', async () => {
    const { handle } = await layer.root()
    server.fault = (procedure, args) =>
      procedure === 'READDIRPLUS' && (args as { cookie: bigint }).cookie !== 0n ? 'BAD_COOKIE' : undefined
    await expect(names(handle)).rejects.toThrow('BAD_COOKIE')
    const starts = server.calls.filter(
      ({ procedure, args }) => procedure === 'READDIRPLUS' && (args as { cookie: bigint }).cookie === 0n,
    )
    expect(starts).toHaveLength(1 + LISTING_RESTARTS_MAX)
  })

  test('a page without entries that is not the last is refused, not asked for for ever', async () => {
    const reply = { entries: [], eof: false }
    server.answers.READDIRPLUS = () => ({
      ok: true,
      value: { dir_attributes: undefined, cookieverf: new Uint8Array(8), reply },
    })
    await expect(names((await layer.root()).handle)).rejects.toThrow('TOOSMALL')
  })
})

describe('the root', () => {
  test('a stale root is mounted again', async () => {
    const before = await layer.root()
    server.generation += 1
    const after = await layer.root()
    expect(after.handle).not.toEqual(before.handle)
    expect(await layer.space()).toMatchObject({ ok: true })
    server.generation += 1
    expect(await layer.space()).toMatchObject({ ok: true })
    expect(await layer.getattr(before.handle)).toMatchObject({ ok: false, status: 'STALE' })
  })

  test('a server that is away when the layer is made is mounted when it is there', async () => {
    await server.close()
    await expect(layer.root()).rejects.toMatchObject({ status: 'JUKEBOX' })
    await server.listen()
    expect(await layer.root()).toMatchObject({ attributes: { type: 'directory' } })
  })
})

test('nothing but reading calls ever reaches the server', async () => {
  server.add('/file', 'NF3REG', pattern(100))
  const { handle } = await find('file')
  await layer.read(handle, 0, 100)
  await layer.readlink(handle)
  await layer.list((await layer.root()).handle, undefined)
  await layer.space()
  const reading = new Set<string>(Object.keys(NFS3_READ_PROCEDURES))
  expect(server.calls.every(({ procedure }) => reading.has(procedure))).toBe(true)
})
