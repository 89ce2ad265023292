import { describe, expect, test } from 'vitest'
import {
  formatAddress,
  formatNfsUrl,
  PORT_MAX,
  parseListenAddress,
  parseNetwork,
  parseNfsUrl,
  parsePort,
} from '../../src/config/addresses.ts'

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

describe('the address of an NFS export', () => {
  test('ports that are not given are asked of the portmapper', () => {
    expect(parseNfsUrl('nfs://server/images/debian')).toEqual({
      host: 'server',
      path: '/images/debian',
      nfsPort: undefined,
      mountPort: undefined,
    })
  })

  test('each port on its own', () => {
    expect(parseNfsUrl('nfs://10.0.0.1/x?nfsport=2049')).toMatchObject({
      nfsPort: 2049,
      mountPort: undefined,
    })
    expect(parseNfsUrl('nfs://10.0.0.1/x?nfsport=1&mountport=2')).toMatchObject({ nfsPort: 1, mountPort: 2 })
  })

  test('IPv6 hosts stand in brackets; odd characters of a path are escaped', () => {
    const url = parseNfsUrl('nfs://[::1]/with%20space/%23?nfsport=7')
    expect(url).toEqual({ host: '::1', path: '/with space/#', nfsPort: 7, mountPort: undefined })
    expect(parseNfsUrl(formatNfsUrl(url))).toEqual(url)
  })

  test.each([
    ['/images', 'write nfs://HOST/PATH'],
    ['http://server/x', 'write nfs://HOST/PATH'],
    ['nfs:///x', 'write nfs://HOST/PATH'],
    ['nfs://server:2049/x', 'NFS does not know'],
    ['nfs://user@server/x', 'NFS does not know'],
    ['nfs://server/x?port=2049', '"port" is not known'],
    ['nfs://server/x?nfsport=0', 'nfsport=0'],
    ['nfs://server/x?nfsport=high', 'is not a port'],
    ['nfs://server/%zz', '%25'],
  ])('refuses %s', (text, message) => {
    expect(() => parseNfsUrl(text)).toThrow(message)
  })
})

describe('a network', () => {
  test.each(['10.0.0.0/8', '0.0.0.0/0', '192.168.1.7', '::/0', 'fe80::1/128'])('%s', (text) => {
    expect(parseNetwork(text)).toBe(text)
  })

  test.each(['10.0.0.0/33', '::/129', 'lab', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1'])(
    'refuses %s',
    (text) => {
      expect(() => parseNetwork(text)).toThrow('write')
    },
  )
})
