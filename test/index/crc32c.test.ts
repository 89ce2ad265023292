import { expect, test } from 'vitest'
import { crc32c, unmaskedCrc } from '../../src/index/crc32c.ts'

const of = (bytes: Uint8Array) => crc32c(bytes, 0, bytes.length)

test('CRC-32C of the examples of RFC 3720 appendix B.4', () => {
  expect(of(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(of(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(of(Buffer.from(Array.from({ length: 32 }, (_, byte) => byte)))).toBe(0x46dd794e)
  expect(of(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.from('xx123456789yy'), 2, 11)).toBe(0xe3069283)
})

test('a masked checksum is turned back', () => {
  const crc = 0xe3069283
  const masked = ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0
  expect(unmaskedCrc(masked)).toBe(crc)
})
