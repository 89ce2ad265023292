import { describe, expect, test } from 'vitest'
import { BufferPool } from '../../src/oncrpc/buffer-pool.ts'
import {
  FREE_BUFFERS_MAX_BYTES,
  LARGE_RECEIVE_BUFFER_BYTES,
  REPLY_BUFFER_BYTES,
} from '../../src/oncrpc/limits.ts'
import { ServerLoad } from '../../src/oncrpc/server-load.ts'

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

describe('BufferPool', () => {
  test('gives at least what is asked for, and the last one back first', () => {
    const pool = new BufferPool()
    for (const minBytes of [
      0,
      1,
      65_536,
      65_537,
      LARGE_RECEIVE_BUFFER_BYTES,
      LARGE_RECEIVE_BUFFER_BYTES + 1,
    ]) {
      const buffer = pool.take(minBytes)
      expect(buffer.length).toBeGreaterThanOrEqual(minBytes)
      pool.give(buffer)
    }
    const [first, second] = [pool.take(10), pool.take(10)]
    pool.give(first)
    pool.give(second)
    expect(pool.take(10)).toBe(second)
    expect(pool.take(10)).toBe(first)
  })

  test('counts what is in use', () => {
    const pool = new BufferPool()
    const buffers = [pool.take(1), pool.take(100_000), pool.take(10_000_000)]
    expect(pool.usedBytes).toBe(buffers.reduce((sum, buffer) => sum + buffer.length, 0))
    for (const buffer of buffers) pool.give(buffer)
    expect(pool.usedBytes).toBe(0)
  })

  test('keeps free buffers up to its limit and no more', () => {
    const pool = new BufferPool()
    const fits = Math.floor(FREE_BUFFERS_MAX_BYTES / LARGE_RECEIVE_BUFFER_BYTES)
    const given = Array.from({ length: fits + 1 }, () => pool.take(LARGE_RECEIVE_BUFFER_BYTES))
    for (const buffer of given) pool.give(buffer)
    const taken = Array.from({ length: fits + 1 }, () => pool.take(LARGE_RECEIVE_BUFFER_BYTES))
    expect(taken.filter((buffer) => given.includes(buffer))).toHaveLength(fits)
  })
})

describe('ServerLoad', () => {
  test('is overloaded at its limits and not one below', () => {
    const load = new ServerLoad({ callsMax: 2, buffersMaxBytes: 2 * REPLY_BUFFER_BYTES })
    load.callStarted()
    const writer = load.takeWriter()
    expect(load.isOverloaded).toBe(false)
    load.callStarted()
    expect(load.isOverloaded).toBe(true)
    load.callFinished()
    expect(load.isOverloaded).toBe(false)
    const other = load.takeWriter()
    expect(load.isOverloaded).toBe(true)
    load.giveWriter(writer)
    load.giveWriter(other)
    expect(load.buffersUsedBytes).toBe(0)
  })

  test('tells those who wait, once, when it is over', async () => {
    const load = new ServerLoad({ callsMax: 1, buffersMaxBytes: 1 << 30 })
    let told = 0
    const forgotten = () => expect.unreachable()
    load.callStarted()
    load.whenRelieved(() => {
      told += 1
    })
    load.whenRelieved(forgotten)
    load.forget(forgotten)
    await nextTurn()
    expect(told).toBe(0)
    load.callFinished()
    await nextTurn()
    load.callStarted()
    load.callFinished()
    await nextTurn()
    expect(told).toBe(1)
  })

  test('a reply buffer that has grown is not kept', () => {
    const load = new ServerLoad()
    const writer = load.takeWriter()
    writer.claim(REPLY_BUFFER_BYTES + 1)
    load.giveWriter(writer)
    const next = load.takeWriter()
    expect(next).not.toBe(writer)
    next.uint32(1)
    load.giveWriter(next)
    expect(load.takeWriter()).toBe(next)
    expect(next.lengthBytes).toBe(0)
  })
})
