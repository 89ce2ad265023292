import { expect, test } from 'vitest'
import { BIG_DIRECTORY_NAMES, imageTree } from './image-tree.ts'

test('the same seed makes the same tree, another seed another', () => {
  expect(imageTree(1)).toEqual(imageTree(1))
  expect(imageTree(2)).not.toEqual(imageTree(1))
})

test('every type of object is there, and what clients and servers trip over', () => {
  const tree = imageTree(1)
  const types = ['block', 'character', 'directory', 'fifo', 'file', 'socket', 'symlink']
  expect([...new Set(tree.map((entry) => entry.type))].sort()).toEqual(types)
  expect(tree.filter((entry) => entry.path.startsWith('/big/'))).toHaveLength(BIG_DIRECTORY_NAMES)
  expect(Math.max(...tree.map((entry) => entry.content?.sizeBytes ?? 0))).toBeGreaterThan(2 ** 40)
  const longest = Math.max(...tree.map((entry) => entry.path.length))
  expect(longest).toBeGreaterThan(2400)
  expect(longest).toBeLessThan(4000)
  expect(tree.filter((entry) => entry.linkTo !== undefined).length).toBeGreaterThan(5)
  expect(new Set(tree.map((entry) => entry.uid)).size).toBeGreaterThan(40)
  for (const bits of [0o4000, 0o2000, 0o1000]) expect(tree.some((entry) => entry.mode & bits)).toBe(true)
  expect(new Set(tree.map((entry) => entry.path)).size).toBe(tree.length)
})
