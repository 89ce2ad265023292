import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DUPLICATE_ENTRIES_MAX,
  DUPLICATE_LIFETIME_MS,
  DuplicateRequestCache,
} from '../../src/oncrpc/duplicate-request-cache.ts'
import {
  type DuplicateKey,
  decodeDuplicateRecord,
  encodeDuplicateRecord,
  KEPT_REPLY_MAX_BYTES,
} from '../../src/oncrpc/duplicate-request-format.ts'
import { ManualClock } from '../exporter/manual-clock.ts'

const KEY: DuplicateKey = {
  address: '192.0.2.7',
  xid: 0x1234,
  program: 100003,
  version: 3,
  procedure: 8,
  argsBytes: 100,
  argsChecksum: 0xdead_beef,
}
const REPLY = Buffer.from('the reply')

function newCache(records: Iterable<Uint8Array> = []) {
  const clock = new ManualClock()
  return { clock, cache: new DuplicateRequestCache({ clock, records }) }
}

describe('DuplicateRequestCache', () => {
  test('a call that was replied to is found, one that differs in anything is not', () => {
    const { cache } = newCache()
    cache.finish(cache.begin(KEY), REPLY)
    expect(cache.find({ ...KEY })?.reply).toBe(REPLY)
    const others: Partial<DuplicateKey>[] = [
      { address: '192.0.2.8' },
      { xid: 1 },
      { program: 100005 },
      { version: 4 },
      { procedure: 9 },
      { argsBytes: 101 },
      { argsChecksum: 1 },
    ]
    for (const other of others) expect(cache.find({ ...KEY, ...other })).toBe(undefined)
  })

  test('who comes while the call is worked on waits for its reply', async () => {
    const { cache } = newCache()
    const entry = cache.begin(KEY)
    const known = cache.find(KEY)
    expect(known).toBe(entry)
    expect(known?.reply).toBe(undefined)
    const waiting = [entry.wait(), entry.wait()]
    cache.finish(entry, REPLY)
    expect(await Promise.all(waiting)).toEqual([REPLY, REPLY])
  })

  test('a call that failed inside is forgotten, and who waits is told', async () => {
    const { cache } = newCache()
    const entry = cache.begin(KEY)
    const waiting = entry.wait()
    cache.abandon(entry)
    expect(await waiting).toBe(undefined)
    expect(cache.find(KEY)).toBe(undefined)
  })

  test('a reply lives for its time and not longer', () => {
    const { cache, clock } = newCache()
    cache.finish(cache.begin(KEY), REPLY)
    clock.elapsedMs = DUPLICATE_LIFETIME_MS - 1
    expect(cache.find(KEY)?.reply).toBe(REPLY)
    clock.elapsedMs = DUPLICATE_LIFETIME_MS
    expect(cache.find(KEY)).toBe(undefined)
    // The same call again is a new one, and is found again.
    const again = cache.begin(KEY)
    expect(cache.find(KEY)).toBe(again)
    expect(cache.size).toBe(0)
  })

  test('a call that is worked on does not expire', () => {
    const { cache, clock } = newCache()
    const entry = cache.begin(KEY)
    clock.elapsedMs = DUPLICATE_LIFETIME_MS * 10
    expect(cache.find(KEY)).toBe(entry)
    cache.finish(entry, REPLY)
    expect(cache.find(KEY)?.reply).toBe(REPLY)
  })

  test('as many replies as allowed, and one more: the oldest goes', () => {
    const { cache } = newCache()
    for (let xid = 0; xid < DUPLICATE_ENTRIES_MAX; xid += 1) cache.finish(cache.begin({ ...KEY, xid }), REPLY)
    expect(cache.size).toBe(DUPLICATE_ENTRIES_MAX)
    expect(cache.find({ ...KEY, xid: 0 })?.reply).toBe(REPLY)
    cache.finish(cache.begin({ ...KEY, xid: DUPLICATE_ENTRIES_MAX }), REPLY)
    expect(cache.size).toBe(DUPLICATE_ENTRIES_MAX)
    expect(cache.find({ ...KEY, xid: 0 })).toBe(undefined)
    expect(cache.find({ ...KEY, xid: 1 })?.reply).toBe(REPLY)
  })

  test('a reply as long as can be kept, and one byte longer', () => {
    const { cache } = newCache()
    cache.finish(cache.begin(KEY), Buffer.alloc(KEPT_REPLY_MAX_BYTES))
    expect(cache.find(KEY)?.reply).toHaveLength(KEPT_REPLY_MAX_BYTES)
    const other = { ...KEY, xid: 9 }
    cache.finish(cache.begin(other), Buffer.alloc(KEPT_REPLY_MAX_BYTES + 1))
    expect(cache.find(other)).toBe(undefined)
  })

  test('a client with one xid for all its calls does not slow the others down', () => {
    const { cache } = newCache()
    const startedMs = performance.now()
    for (let index = 0; index < DUPLICATE_ENTRIES_MAX; index += 1) {
      const key = { ...KEY, argsChecksum: index }
      expect(cache.find(key)).toBe(undefined)
      cache.finish(cache.begin(key), REPLY)
    }
    // Looking through one list for each would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })
})

describe('after a restart', () => {
  const record = (cache: DuplicateRequestCache, key: DuplicateKey) => cache.record(cache.begin(key), REPLY)

  test('replies that were stored are found', () => {
    const { cache } = newCache()
    const records = [record(cache, KEY), record(cache, { ...KEY, xid: 7, address: 'fe80::1%eth0' })]
    const next = newCache(records).cache
    expect(next.size).toBe(2)
    expect(Buffer.from(next.find(KEY)!.reply!)).toEqual(REPLY)
    expect(next.find({ ...KEY, xid: 7, address: 'fe80::1%eth0' })).toBeDefined()
  })

  test('for the rest of their time', () => {
    const repliedAtSeconds = Math.floor(Date.now() / 1000)
    const aged = (ageSeconds: number) =>
      encodeDuplicateRecord({ key: KEY, repliedAtSeconds: repliedAtSeconds - ageSeconds, reply: REPLY })
    expect(newCache([aged(200)]).cache.size).toBe(0)
    const { cache, clock } = newCache([aged(60)])
    expect(cache.find(KEY)).toBeDefined()
    clock.elapsedMs = DUPLICATE_LIFETIME_MS - 60_000
    expect(cache.find(KEY)).toBe(undefined)
    // The clock was set back by a day: it lives one lifetime from now, not a day.
    const young = newCache([aged(-86_400)])
    young.clock.elapsedMs = DUPLICATE_LIFETIME_MS
    expect(young.cache.find(KEY)).toBe(undefined)
  })

  test('damaged records and those of another version are ignored', () => {
    const good = Buffer.from(encodeDuplicateRecord({ key: KEY, repliedAtSeconds: 2 ** 40, reply: REPLY }))
    const other = Buffer.from(good)
    other.writeUInt32BE(2)
    const records = [other, Buffer.alloc(0), Buffer.from('rubbish'), Buffer.concat([good, Buffer.alloc(4)])]
    for (let lengthBytes = 0; lengthBytes < good.length; lengthBytes += 1) {
      records.push(good.subarray(0, lengthBytes))
    }
    expect(newCache(records).cache.size).toBe(0)
    expect(newCache([...records, good]).cache.size).toBe(1)
  })

  test('the format, byte by byte', () => {
    const bytes = encodeDuplicateRecord({
      key: { ...KEY, address: 'a.b' },
      repliedAtSeconds: 5,
      reply: REPLY,
    })
    expect(Buffer.from(bytes).toString('hex')).toBe(
      [
        '00000001',
        '00000003 612e6200',
        '00001234 000186a3 00000003 00000008',
        '00000064 deadbeef',
        '0000000000000005',
        '00000009 746865207265706c79 000000',
      ]
        .join('')
        .replaceAll(' ', ''),
    )
  })

  test('any bytes are a record or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeDuplicateRecord(bytes)
      }),
    )
  })
})
