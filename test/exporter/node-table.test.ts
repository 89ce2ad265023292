import { describe, expect, test } from 'vitest'
import { NAME_BYTES_PER_NODE, NodeShelf } from '../../src/exporter/node-shelf.ts'
import { NodeTable } from '../../src/exporter/node-table.ts'
import type { NodeId } from '../../src/vfs/file-system.ts'

const id = (number: number) => number as NodeId
const ROOT_NODE = id(2)
const name = (text: string): Uint8Array => Buffer.from(text)
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

describe('a shelf', () => {
  test('holds what was put, also numbers over 32 bits and long names', () => {
    const shelf = new NodeShelf(10_000)
    const nodes = Array.from({ length: 5000 }, (_, index) =>
      id(index % 2 === 0 ? index + 1 : 2 ** 52 + index),
    )
    for (const [index, node] of nodes.entries()) {
      expect(shelf.put(node, id(index + 7), name(`n${index}`), index)).toBe(true)
    }
    shelf.put(id(9_007_199_254_740_991), ROOT_NODE, name('x'.repeat(255)), 0xffff_ffff)
    for (const [index, node] of nodes.entries()) {
      const record = shelf.get(node)
      expect([record?.parent, text(record?.name), record?.generation]).toEqual([
        index + 7,
        `n${index}`,
        index,
      ])
    }
    const last = shelf.get(id(9_007_199_254_740_991))
    expect([last?.name.length, last?.generation]).toEqual([255, 0xffff_ffff])
    expect(shelf.get(id(424_242))).toBeUndefined()
  })

  test('takes as many objects as its limit says, and not one more', () => {
    const shelf = new NodeShelf(300)
    for (let index = 1; index <= 300; index += 1)
      expect(shelf.put(id(index), ROOT_NODE, name('a'), 0)).toBe(true)
    expect(shelf.put(id(301), ROOT_NODE, name('a'), 0)).toBe(false)
    expect(shelf.has(id(301))).toBe(false)
    expect(shelf.put(id(300), ROOT_NODE, name('b'), 5)).toBe(true)
    expect(text(shelf.get(id(300))?.name)).toBe('b')
  })

  test('takes as many name bytes as its limit says, and not one more', () => {
    const shelf = new NodeShelf(20)
    const room = 20 * NAME_BYTES_PER_NODE
    expect(shelf.put(id(1), ROOT_NODE, new Uint8Array(255), 0)).toBe(true)
    expect(shelf.put(id(2), ROOT_NODE, new Uint8Array(room - 256), 0)).toBe(false)
    expect(shelf.put(id(2), ROOT_NODE, new Uint8Array(room - 257), 0)).toBe(true)
    expect(shelf.put(id(3), ROOT_NODE, new Uint8Array(1), 0)).toBe(false)
  })

  test('forgets what is deleted, and finds what was put behind it', () => {
    const shelf = new NodeShelf(1000)
    for (let index = 1; index <= 180; index += 1) shelf.put(id(index), ROOT_NODE, name('a'), index)
    for (let index = 1; index <= 180; index += 2) shelf.delete(id(index))
    for (let index = 1; index <= 180; index += 1) expect(shelf.has(id(index))).toBe(index % 2 === 0)
    for (let index = 181; index <= 700; index += 1) shelf.put(id(index), ROOT_NODE, name('a'), index)
    for (let index = 1; index <= 700; index += 1) {
      expect(shelf.generationOf(id(index))).toBe(index <= 180 && index % 2 === 1 ? undefined : index)
    }
  })
})

describe('the table', () => {
  test('knows the last shelf full of objects, however many there were', () => {
    const table = new NodeTable(ROOT_NODE, 100)
    for (let index = 10; index < 10_000; index += 1) table.set(id(index), ROOT_NODE, name(`${index}`), index)
    for (let index = 9900; index < 10_000; index += 1)
      expect(text(table.get(id(index))?.name)).toBe(`${index}`)
    let known = 0
    for (let index = 10; index < 10_000; index += 1)
      if (table.generationOf(id(index)) !== undefined) known += 1
    expect(known).toBeLessThanOrEqual(200)
  })

  test('keeps what is asked for', () => {
    const table = new NodeTable(ROOT_NODE, 100)
    table.set(id(5), ROOT_NODE, name('kept'), 1)
    for (let index = 10; index < 1000; index += 1) {
      table.set(id(index), ROOT_NODE, name('x'), 0)
      if (index % 50 === 0) expect(text(table.get(id(5))?.name)).toBe('kept')
    }
  })

  test('keeps the directories above what is asked for, though nobody asks for them', () => {
    const table = new NodeTable(ROOT_NODE, 100)
    for (let depth = 0; depth < 20; depth += 1) {
      table.set(id(10 + depth), depth === 0 ? ROOT_NODE : id(9 + depth), name(`d${depth}`), 0)
    }
    for (let index = 100; index < 5000; index += 1) {
      table.set(id(index), ROOT_NODE, name('x'), 0)
      if (index % 40 === 0) table.get(id(29))
    }
    const path: (string | undefined)[] = []
    for (let at = id(29); at !== ROOT_NODE; at = table.get(at)!.parent) path.push(text(table.get(at)?.name))
    expect(path).toHaveLength(20)
  })

  test('never holds the root, and forgets what is deleted on both shelves', () => {
    const table = new NodeTable(ROOT_NODE, 100)
    table.set(ROOT_NODE, id(1), name('out'), 1)
    expect(table.get(ROOT_NODE)).toBeUndefined()
    table.set(id(5), ROOT_NODE, name('a'), 1)
    for (let index = 10; index < 110; index += 1) table.set(id(index), ROOT_NODE, name('x'), 0)
    expect(table.generationOf(id(5))).toBe(1)
    table.get(id(5))
    table.delete(id(5))
    expect(table.get(id(5))).toBeUndefined()
  })
})
