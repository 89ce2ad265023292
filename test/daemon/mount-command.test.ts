import { expect, test } from 'vitest'
import { mountCommand } from '../../src/daemon/mount-command.ts'

test('an address of ours', () => {
  expect(mountCommand({ host: '10.0.0.1', port: 2049 }, 'lab')).toBe(
    'mount -t nfs -o vers=3,proto=tcp,port=2049,mountport=2049,mountproto=tcp,nolock 10.0.0.1:/lab /mnt',
  )
})

test('an IPv6 address stands in brackets, and the protocols say so', () => {
  expect(mountCommand({ host: '::1', port: 7 }, 'default', '/a')).toBe(
    'mount -t nfs -o vers=3,proto=tcp6,port=7,mountport=7,mountproto=tcp6,nolock [::1]:/default /a',
  )
})

test('"everywhere" is no address that a client can name', () => {
  expect(mountCommand({ host: '0.0.0.0', port: 7 }, 'default')).toMatch(
    / (?!0\.0\.0\.0)\d+\.\d+\.\d+\.\d+:\/default /,
  )
})
