import { fstatSync, openSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DescriptorCache, pathBelow, pin, unpin } from '../../src/exporter/descriptor-cache.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'

const id = (number: number) => number as NodeId
const open = () => openSync('/dev/null', 'r')

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

describe('the descriptor cache', () => {
  test('keeps as many as its limit says and closes the least recently used', () => {
    const cache = new DescriptorCache(2)
    const [a, b] = [cache.add(id(1), open(), 0), cache.add(id(2), open(), 0)]
    expect(cache.size).toBe(2)
    expect(cache.get(id(1))).toBe(a)
    const c = cache.add(id(3), open(), 0)
    expect(cache.size).toBe(2)
    expect([a, b, c].map(({ fd }) => isOpen(fd))).toEqual([true, false, true])
    expect(cache.get(id(2))).toBeUndefined()
    cache.dropAll()
    expect([a, c].map(({ fd }) => isOpen(fd))).toEqual([false, false])
  })

  test('closes one that is in use when the last user is done', () => {
    const cache = new DescriptorCache(1)
    const used = cache.add(id(1), open(), 0)
    pin(used)
    pin(used)
    cache.add(id(2), open(), 0)
    expect(cache.get(id(1))).toBeUndefined()
    unpin(used)
    expect(isOpen(used.fd)).toBe(true)
    unpin(used)
    expect(isOpen(used.fd)).toBe(false)
    cache.dropAll()
  })

  test('names bytes below a directory as they are', () => {
    const cache = new DescriptorCache(1)
    const directory = cache.add(id(1), open(), 0)
    expect(pathBelow(directory, Uint8Array.of(0xff, 0x0a))).toEqual(
      Buffer.concat([Buffer.from(`/proc/self/fd/${directory.fd}/`), Buffer.from([0xff, 0x0a])]),
    )
    cache.dropAll()
  })
})
