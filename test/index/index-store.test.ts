import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import { IndexBatch } from '../../src/index/batch.ts'
import { IndexStore, JOURNAL_SLOTS, RECEIPT_SLOTS } from '../../src/index/index-store.ts'
import { openRecord, sealRecord } from '../../src/index/record.ts'
import { DamageError } from '../../src/vfs/faults.ts'

const logger = createLogger('silent')
const GROUP = 7

let directory: string
let store: IndexStore

const open = (expectedSequence?: number) => IndexStore.open({ directory, logger, expectedSequence })

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-index-'))
  store = await open()
})

afterEach(async () => {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

function key(number: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = 0x21
  bytes.writeUInt32BE(GROUP, 1)
  bytes.writeUInt32BE(number, 5)
  return bytes
}

function put(number: number, text = `value ${number}`): IndexBatch {
  const batch = new IndexBatch()
  batch.put(key(number), Buffer.from(text), true)
  return batch
}

/** Flips one byte in the middle of every occurrence of a text in files that match. */
function damage(files: RegExp, text: string | Buffer): number {
  let hits = 0
  for (const file of readdirSync(directory).filter((each) => files.test(each))) {
    const path = join(directory, file)
    const bytes = readFileSync(path)
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
      bytes[at + 2]! ^= 0xff
      hits += 1
    }
    writeFileSync(path, bytes)
  }
  return hits
}

test('what was committed is there after reopening, counted', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, number) => store.commit(put(number), true)))
  const remove = new IndexBatch()
  remove.delete(key(3))
  await store.commit(remove, true)
  const { sequence } = store
  await store.close()
  store = await open(sequence)
  expect(store.findings).toEqual([])
  expect(Buffer.from(store.get(key(4))!).toString()).toBe('value 4')
  expect(store.get(key(3))).toBeUndefined()
  expect(store.tally(GROUP).records).toBe(49)
  const seen: number[] = []
  for await (const entry of store.range(key(0).subarray(0, 5))) seen.push(entry.key.readUInt32BE(5))
  expect(seen).toEqual(Array.from({ length: 50 }, (_, number) => number).filter((number) => number !== 3))
})

test('calls in flight share one batch', async () => {
  const before = store.sequence
  await Promise.all(Array.from({ length: 100 }, (_, number) => store.commit(put(number), true)))
  expect(store.sequence - before).toBeLessThanOrEqual(2)
})

test('a commit that a flipped bit in the log takes away is noticed', async () => {
  for (let number = 0; number < 200; number += 1)
    await store.commit(put(number, `unique-${number}-`.padEnd(600, 'x')), true)
  await store.close()
  expect(damage(/\.log$/, 'unique-50-')).toBe(1)
  store = await open()
  expect(store.findings.join()).toMatch(/the index lost the commits \d+ to \d+ of 200/)
})

test('a lost end is noticed after a clean close', async () => {
  for (let number = 0; number < 20; number += 1) await store.commit(put(number), true)
  const { sequence } = store
  await store.close()
  for (const file of readdirSync(directory).filter((each) => each.endsWith('.log'))) {
    const bytes = readFileSync(join(directory, file))
    writeFileSync(join(directory, file), bytes.subarray(0, bytes.length - 30))
  }
  store = await open(sequence)
  expect(store.findings.join()).toContain('the index ends at commit 19, but it was closed after commit 20')
})

test('a changed byte in a table is damage that names the table, before LevelDB can stumble over it', async () => {
  await store.commit(put(1, 'a value that nobody changes'), true)
  // Reopened, LevelDB moves the log into a table.
  await store.close()
  store = await open()
  await store.close()
  expect(damage(/\.ldb$/, 'nobody')).toBeGreaterThan(0)
  await expect(open()).rejects.toThrow(DamageError)
  await expect(open()).rejects.toThrow(/index table .*\.ldb: the checksum of the block at 0 does not match/)
  damage(/\.ldb$/, Buffer.from('no\x9dody', 'latin1'))
  store = await open()
  expect(Buffer.from(store.get(key(1))!).toString()).toBe('a value that nobody changes')
})

test('a table that was being written when the process died does not count', async () => {
  for (let number = 0; number < 50; number += 1) await store.commit(put(number), true)
  // Twice: the log becomes a table, and an older one goes.
  for (let round = 0; round < 3; round += 1) {
    await store.close()
    store = await open()
    await store.commit(put(1000 + round), true)
  }
  await store.close()
  const table = readdirSync(directory).find((file) => file.endsWith('.ldb'))!
  writeFileSync(join(directory, '009999.ldb'), readFileSync(join(directory, table)).subarray(0, 100))
  store = await open()
  expect(store.tally(GROUP).records).toBe(53)
  await store.close()
  for (const file of readdirSync(directory).filter((each) => each.endsWith('.ldb')))
    rmSync(join(directory, file))
  await expect(open()).rejects.toThrow(/index table .* it is gone/)
  rmSync(directory, { recursive: true })
  store = await open()
})

test('a changed byte in the MANIFEST is damage that names it; a torn end is none', async () => {
  await store.commit(put(1), true)
  await store.close()
  const manifest = join(directory, readdirSync(directory).find((file) => file.startsWith('MANIFEST'))!)
  const bytes = readFileSync(manifest)
  const changed = Buffer.from(bytes)
  changed[12]! ^= 1
  writeFileSync(manifest, changed)
  await expect(open()).rejects.toThrow(/index .*MANIFEST-\d+: cannot be read/)
  writeFileSync(manifest, Buffer.concat([bytes, Buffer.from([1, 2, 3, 4, 200, 0, 1, 9])]))
  store = await open()
  expect(store.tally(GROUP).records).toBe(1)
})

test('a record under another key, or with a changed byte, is damage that names its key', () => {
  const record = sealRecord(key(1), Buffer.from('value'))
  expect(Buffer.from(openRecord(key(1), record)).toString()).toBe('value')
  expect(() => openRecord(key(2), record)).toThrow(key(2).toString('hex'))
  for (let at = 0; at < record.length; at += 1) {
    const changed = Buffer.from(record)
    changed[at]! ^= 1
    expect(() => openRecord(key(1), changed)).toThrow(DamageError)
    expect(() => openRecord(key(1), record.subarray(0, at))).toThrow(DamageError)
  }
})

test('replies are kept in order, as many as there are slots', async () => {
  const total = RECEIPT_SLOTS + 10
  const commits: Promise<void>[] = []
  for (let number = 0; number < total; number += 1) {
    const batch = new IndexBatch()
    batch.receipt = Buffer.from(String(number))
    commits.push(store.commit(batch, false))
  }
  await Promise.all(commits)
  await store.close()
  store = await open()
  const receipts = (await store.receipts()).map((receipt) => Number(Buffer.from(receipt).toString()))
  expect(receipts).toEqual(Array.from({ length: RECEIPT_SLOTS }, (_, slot) => slot + 10))
  const batch = new IndexBatch()
  batch.receipt = Buffer.from('new')
  await store.commit(batch, false)
  expect(Buffer.from((await store.receipts()).at(-1)!).toString()).toBe('new')
})

test('the journal wraps', async () => {
  for (let number = 0; number <= JOURNAL_SLOTS; number += 1) await store.commit(new IndexBatch(), false)
  await store.close()
  store = await open()
  expect(store.findings).toEqual([])
  expect(store.sequence).toBe(JOURNAL_SLOTS + 1)
})

test('after a close nothing is taken', async () => {
  await store.close()
  await expect(store.commit(put(1), true)).rejects.toThrow('the index is closed')
  store = await open()
})
