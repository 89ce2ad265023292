import { describe, expect, test } from 'vitest'
import { formatAddress, PORT_MAX, parseListenAddress, parsePort } from '../../src/config/addresses.ts'

describe('an address to listen on', () => {
  test.each([
    ['127.0.0.1:2049', { host: '127.0.0.1', port: 2049 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['proxy.lab', { host: 'proxy.lab', port: 111 }],
    ['[fe80::1]', { host: 'fe80::1', port: 111 }],
  ])('%s', (text, address) => {
    expect(parseListenAddress(text, 111)).toEqual(address)
    expect(parseListenAddress(formatAddress(address), 1)).toEqual(address)
  })

  test.each(['', ':2049', '::1', '::1:2049', '[10.0.0.1]:1', 'host:', 'host:nfs', 'host:65536', 'a:1:2'])(
    'refuses %j',
    (text) => {
      expect(() => parseListenAddress(text, 111)).toThrow()
    },
  )

  test('a port may be 0 to 65535', () => {
    expect(parsePort(String(PORT_MAX))).toBe(65535)
    expect(() => parsePort(String(PORT_MAX + 1))).toThrow('write a number from 0 to 65535')
  })
})
