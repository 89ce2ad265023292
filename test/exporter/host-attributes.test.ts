import { type BigIntStats, constants, lstatSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { attributesOf, generationOf, hasServableSize, nodeOf } from '../../src/exporter/host-attributes.ts'

/** A real file's stat with something else in it. */
function statsWith(changes: Partial<BigIntStats>): BigIntStats {
  return Object.assign(lstatSync(import.meta.filename, { bigint: true }), changes)
}

const [FILE, DIRECTORY] = [BigInt(constants.S_IFREG | 0o644), BigInt(constants.S_IFDIR | 0o755)]

describe('the generation of an inode', () => {
  test('changes with its birth and its type, and with nothing else', () => {
    const born = 1_795_179_749_205_845_907n
    const generation = generationOf(statsWith({ mode: FILE, birthtimeNs: born, ctimeNs: 5n }))
    expect(generation).toBeGreaterThanOrEqual(0)
    expect(generation).toBeLessThan(2 ** 32)
    expect(generationOf(statsWith({ mode: FILE | 0o4000n, birthtimeNs: born, ctimeNs: 6n }))).toBe(generation)
    expect(generationOf(statsWith({ mode: FILE, birthtimeNs: born + 1n }))).not.toBe(generation)
    expect(generationOf(statsWith({ mode: FILE, birthtimeNs: born + 2n ** 32n }))).not.toBe(generation)
    expect(generationOf(statsWith({ mode: DIRECTORY, birthtimeNs: born }))).not.toBe(generation)
  })

  test('is made of ctime where there is no birth time, but not for directories', () => {
    const of = (mode: bigint, ctimeNs: bigint) => generationOf(statsWith({ mode, birthtimeNs: 0n, ctimeNs }))
    expect(of(FILE, 7n)).toBe(of(FILE, 7n))
    expect(of(FILE, 7n)).not.toBe(of(FILE, 8n))
    expect(of(DIRECTORY, 7n)).toBe(of(DIRECTORY, 8n))
  })

  test('hardly ever meets another: births a nanosecond apart differ', () => {
    const seen = new Set<number>()
    for (let ns = 0n; ns < 20_000n; ns += 1n) {
      seen.add(generationOf(statsWith({ mode: FILE, birthtimeNs: 1_795_179_749_000_000_000n + ns })))
    }
    expect(seen.size).toBeGreaterThan(19_990)
  })
})

describe('numbers that must be exact', () => {
  test('an inode number up to 2^53 - 1 is a node, and one more is not', () => {
    expect(nodeOf(statsWith({ ino: 2n ** 53n - 1n }))).toBe(2 ** 53 - 1)
    expect(nodeOf(statsWith({ ino: 2n ** 53n }))).toBeUndefined()
  })

  test('a size up to 2^53 - 1 is served, and one more is refused with FBIG', () => {
    const largest = statsWith({ size: 2n ** 53n - 1n })
    expect(hasServableSize(largest)).toBe(true)
    expect(attributesOf(largest, 1n).sizeBytes).toBe(2 ** 53 - 1)
    const larger = statsWith({ size: 2n ** 53n })
    expect(hasServableSize(larger)).toBe(false)
    expect(() => attributesOf(larger, 1n)).toThrow(expect.objectContaining({ status: 'FBIG' }))
  })

  test('device numbers are split as Linux does, also the large ones', () => {
    const mode = BigInt(constants.S_IFBLK | 0o600)
    // makedev(0xfffff, 0xabcdef01) by the macro of glibc's bits/sysmacros.h, by hand.
    const rdev = 0xffabcdeffff01n
    const { rdevMajor, rdevMinor } = attributesOf(statsWith({ mode, rdev }), 1n)
    expect([rdevMajor, rdevMinor]).toEqual([0xfffff, 0xabcdef01])
  })
})
