import { expect, test } from 'vitest'
import { NfsUrlError, parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

test('everything that can be said', () => {
  const url = parseNfsUrl(
    'nfs://images.example/srv/debian?nfsport=2049&mountport=20048&uid=5&gid=6&portmapport=1111',
  )
  expect({ ...url, path: text(url.path) }).toEqual({
    text: 'nfs://images.example/srv/debian?nfsport=2049&mountport=20048&uid=5&gid=6&portmapport=1111',
    host: 'images.example',
    path: '/srv/debian',
    nfsPort: 2049,
    mountPort: 20048,
    portmapPort: 1111,
    uid: 5,
    gid: 6,
  })
})

test('what is not said', () => {
  expect(parseNfsUrl('nfs://10.0.0.1/x')).toMatchObject({
    nfsPort: undefined,
    mountPort: undefined,
    portmapPort: 111,
    uid: 0,
    gid: 0,
  })
})

test.each([
  ['nfs://[::1]/x', '::1', '/x'],
  ['nfs://[fe80::1%25eth0]/x', 'fe80::1%eth0', '/x'],
  ['nfs://[fe80::1%eth0]/x', 'fe80::1%eth0', '/x'],
  ['nfs://h/', 'h', '/'],
  ['nfs://h/a//b/../c', 'h', '/a//b/../c'],
  ['nfs://h/a%20b%ff%23%3F', 'h', '/a b\xff#?'],
  ['nfs://h/\u00e9', 'h', '/\xc3\xa9'],
  [`nfs://h/${'p'.repeat(1023)}`, 'h', `/${'p'.repeat(1023)}`],
  ['nfs://h/x?', 'h', '/x'],
])('%s', (url, host, path) => {
  const parsed = parseNfsUrl(url)
  expect(parsed.host).toBe(host)
  expect(text(parsed.path)).toBe(path)
})

test.each([
  ['http://h/x', 'not an nfs:// URL'],
  ['/some/path', 'not an nfs:// URL'],
  ['nfs:///x', 'no host'],
  ['nfs://h', 'no path'],
  ['nfs://h?nfsport=1', 'no path'],
  ['nfs://::1/x', 'in brackets: [::1]'],
  ['nfs://[::g]/x', 'not an IPv6 address'],
  ['nfs://[]/x', 'not an IPv6 address'],
  ['nfs://[::1]:2049/x', 'no path'],
  ['nfs://h:2049/x', '?nfsport=N'],
  ['nfs://h h/x', 'not a host name'],
  [`nfs://${'h'.repeat(254)}/x`, 'not a host name'],
  ['nfs://h/x#y', '%23'],
  ['nfs://h/x%zz', '%25'],
  ['nfs://h/x%4', '%25'],
  ['nfs://h/x%00', 'zero byte'],
  [`nfs://h/${'p'.repeat(1024)}`, 'longer than 1024'],
  ['nfs://h/x?port=1', 'unknown setting port (known: nfsport'],
  ['nfs://h/x?constructor=1', 'unknown setting constructor'],
  ['nfs://h/x?nfsport=1&nfsport=2', 'twice'],
  ['nfs://h/x?nfsport=0', '1 to 65535'],
  ['nfs://h/x?nfsport=65536', '1 to 65535'],
  ['nfs://h/x?nfsport=', '1 to 65535'],
  ['nfs://h/x?uid=-1', '0 to 4294967295'],
  ['nfs://h/x?gid=4294967296', '0 to 4294967295'],
])('%s is refused: %s', (url, why) => {
  expect(() => parseNfsUrl(url)).toThrow(NfsUrlError)
  expect(() => parseNfsUrl(url)).toThrow(why)
  expect(() => parseNfsUrl(url)).toThrow('nfs://HOST/PATH?')
})
