import { expect, test } from 'vitest'
import { MOUNT_LIST_MAX, MountList } from '../../../src/nfsd/mount3/mount-list.ts'

const PATH = Buffer.from('/default')

test('holds as many as it may; one more, and the oldest goes', () => {
  const list = new MountList()
  for (let index = 0; index < MOUNT_LIST_MAX; index += 1) list.add(`client-${index}`, PATH)
  expect(list.list()).toHaveLength(MOUNT_LIST_MAX)
  list.add('client-0', PATH)
  expect(list.list()).toHaveLength(MOUNT_LIST_MAX)
  list.add('one-more', PATH)
  expect(list.list()).toHaveLength(MOUNT_LIST_MAX)
  const clients = list.list().map(({ address }) => address)
  expect(clients).not.toContain('client-1')
  expect(clients.slice(-2)).toEqual(['client-0', 'one-more'])
})

test('keeps a copy of the path', () => {
  const list = new MountList()
  const path = Buffer.from('/a')
  list.add('client', path)
  path.write('/b')
  expect(list.list()).toEqual([{ address: 'client', path: new Uint8Array(Buffer.from('/a')) }])
})
