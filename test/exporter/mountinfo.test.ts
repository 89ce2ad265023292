import { closeSync, openSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  hasMountInside,
  keepsAccessTimes,
  mountIdOf,
  parseMountinfo,
  readMounts,
} from '../../src/exporter/mountinfo.ts'

// From proc(5) and real machines; the second has optional fields and a space in its path.
const LINES = [
  '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
  '63 36 254:0 /a /mnt2/with\\040space\\134 rw,nosuid,relatime shared:12 master:3 - ext4 /dev/vda rw',
  '64 36 254:0 / /mnt2-not rw,relatime - ext4 /dev/vda ro,discard',
  'nonsense',
  '',
].join('\n')

describe('mountinfo', () => {
  test('is read past its optional fields, with escapes undone', () => {
    const [first, second, third, ...rest] = parseMountinfo(LINES)
    expect(rest).toEqual([])
    expect(first).toMatchObject({ id: 36, parentId: 35, point: '/mnt2' })
    expect(second).toMatchObject({ id: 63, parentId: 36, point: '/mnt2/with space\\' })
    expect([first, second, third].map((mount) => keepsAccessTimes(mount!))).toEqual([true, false, true])
  })

  test('tells what is mounted inside a directory, directly on its mount', () => {
    const mounts = parseMountinfo(LINES)
    expect(hasMountInside(mounts, 36, '/mnt2')).toBe(true)
    expect(hasMountInside(mounts, 36, '/mnt2/with')).toBe(false)
    expect(hasMountInside(mounts, 35, '/')).toBe(true)
    expect(hasMountInside(mounts, 63, '/mnt2')).toBe(false)
  })

  test('has the mount of every descriptor', () => {
    const fd = openSync('/proc', 'r')
    try {
      const mount = readMounts().find(({ id }) => id === mountIdOf(fd))
      expect(mount?.point).toBe('/proc')
    } finally {
      closeSync(fd)
    }
  })
})
