import { describe, expect, test } from 'vitest'
import {
  AllowList,
  LOOPBACK_ONLY,
  plainAddress,
  REMEMBERED_ADDRESSES_MAX,
} from '../../src/nfsd/allow-list.ts'

describe('AllowList', () => {
  test('loopback only', () => {
    const list = new AllowList(LOOPBACK_ONLY)
    for (const inside of ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
      expect(list.allows(inside), inside).toBe(true)
    }
    for (const outside of [
      '128.0.0.0',
      '126.255.255.255',
      '10.0.0.1',
      '::2',
      '::',
      '::ffff:128.0.0.1',
      '',
      'x',
    ]) {
      expect(list.allows(outside), outside).toBe(false)
    }
  })

  test('the edges of a range', () => {
    const list = new AllowList(['192.168.16.0/20', 'fd00:1::/32', '10.1.2.3'])
    for (const inside of ['192.168.16.0', '192.168.31.255', 'fd00:1::', 'fd00:1:ffff::1', '10.1.2.3']) {
      expect(list.allows(inside), inside).toBe(true)
    }
    for (const outside of [
      '192.168.15.255',
      '192.168.32.0',
      'fd00:2::',
      'fd00:0:ffff::',
      '10.1.2.2',
      '10.1.2.4',
    ]) {
      expect(list.allows(outside), outside).toBe(false)
    }
  })

  test('the families are apart', () => {
    expect(new AllowList(['::/0']).allows('10.0.0.1')).toBe(false)
    expect(new AllowList(['::/0']).allows('fe80::1')).toBe(true)
    expect(new AllowList(['0.0.0.0/0']).allows('fe80::1')).toBe(false)
    expect(new AllowList(['0.0.0.0/0']).allows('10.0.0.1')).toBe(true)
  })

  test('IPv4-mapped rules and addresses are IPv4', () => {
    const list = new AllowList(['::ffff:10.0.0.0/104'])
    expect(list.allows('10.255.0.1')).toBe(true)
    expect(list.allows('::ffff:10.255.0.1')).toBe(true)
    expect(list.allows('11.0.0.1')).toBe(false)
  })

  test('the zone of a link-local address does not count', () => {
    expect(new AllowList(['fe80::/10']).allows('fe80::1%eth0')).toBe(true)
  })

  test('nobody', () => {
    expect(new AllowList([]).allows('127.0.0.1')).toBe(false)
  })

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/1e1',
    'localhost',
    '',
  ])('refuses %j and names it', (rule) => {
    expect(() => new AllowList([rule])).toThrow(`"${rule}"`)
  })

  test('remembers a bounded number of addresses and still answers right beyond it', () => {
    const list = new AllowList(['10.0.0.0/8'])
    for (let index = 0; index <= REMEMBERED_ADDRESSES_MAX; index += 1) {
      expect(list.allows(`10.0.${index >> 8}.${index & 255}`)).toBe(true)
      expect(list.allows(`11.0.${index >> 8}.${index & 255}`)).toBe(false)
    }
  })
})

test('plainAddress', () => {
  expect(plainAddress('::FFFF:10.1.2.3')).toBe('10.1.2.3')
  expect(plainAddress('::ffff:0a01:203')).toBe('10.1.2.3')
  expect(plainAddress('fe80::1%eth0')).toBe('fe80::1')
  expect(plainAddress('::ffff:1:2:3')).toBe('::ffff:1:2:3')
})
