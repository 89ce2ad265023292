import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProcedureSpec } from '../../src/oncrpc/procedure.ts'
import { MOUNT3_PROCEDURES } from '../../src/protocols/mount3/procedures.ts'
import { NFS3_PROCEDURES } from '../../src/protocols/nfs3/procedures.ts'
import { PORTMAP2_PROCEDURES } from '../../src/protocols/portmap2/procedures.ts'
import { decodeXdr, encodeXdr, type XdrCodec } from '../../src/xdr/codec.ts'
import { XdrError } from '../../src/xdr/errors.ts'
import { readVectors, type VectorFile, valueLines } from './vector-file.ts'

type Table = Readonly<Record<string, ProcedureSpec<unknown, unknown>>>

const PROTOCOLS = [
  { folder: 'nfs3', table: NFS3_PROCEDURES as unknown as Table },
  { folder: 'mount3', table: MOUNT3_PROCEDURES as unknown as Table },
  { folder: 'portmap2', table: PORTMAP2_PROCEDURES as unknown as Table },
]

/** Procedures whose arguments or results are nothing: there are no bytes to show. */
const EMPTY: Readonly<Record<string, readonly string[]>> = {
  nfs3: ['null.args', 'null.res'],
  mount3: ['null.args', 'null.res', 'dump.args', 'umnt.res', 'umntall.args', 'umntall.res', 'export.args'],
  portmap2: ['null.args', 'null.res', 'dump.args'],
}

/** nfs-ganesha's largest file: a quantity over 2^53 - 1, so it is rounded and not the same bytes again. */
const INEXACT = 'maxfilesize = 9223372036854775807'

function rounded(line: string): string {
  return line === INEXACT ? `maxfilesize = ${2 ** 63}` : line
}

function codecOf(table: Table, vector: VectorFile): XdrCodec<unknown> {
  const spec = table[vector.name.split('-')[0]!.toUpperCase()]!
  return vector.side === 'args' ? spec.args : spec.res
}

describe.each(PROTOCOLS)('$folder', ({ folder, table }) => {
  const vectors = readVectors(folder)

  test.each(vectors)('$name $side', (vector) => {
    const codec = codecOf(table, vector)
    expect(vector.title).toMatch(/^# [A-Z]+ (arguments|result).*\. Source: .+\.$/)
    const value = decodeXdr(codec, vector.bytes)
    expect(valueLines(value)).toEqual(vector.values.map(rounded))
    if (!vector.values.includes(INEXACT)) {
      expect(Buffer.from(encodeXdr(codec, value)).toString('hex')).toBe(vector.bytes.toString('hex'))
    }
    for (let lengthBytes = 0; lengthBytes < vector.bytes.length; lengthBytes += 1) {
      expect(() => decodeXdr(codec, vector.bytes.subarray(0, lengthBytes))).toThrow(XdrError)
    }
    const longer = Buffer.concat([vector.bytes, Buffer.alloc(4)])
    expect(() => decodeXdr(codec, longer)).toThrow(XdrError)
  })

  test('every procedure has vectors, for success and for failure', () => {
    const have = new Set(vectors.map((vector) => `${vector.name.split('-')[0]}.${vector.side}`))
    const wanted = Object.keys(table).flatMap((name) => [`${name}.args`, `${name}.res`])
    const missing = wanted.map((name) => name.toLowerCase()).filter((name) => !have.has(name))
    expect(missing.sort()).toEqual([...EMPTY[folder]!].sort())
    if (folder !== 'nfs3') return
    for (const name of Object.keys(table).filter((each) => each !== 'NULL')) {
      const results = vectors.filter(
        (vector) => vector.side === 'res' && vector.name.split('-')[0] === name.toLowerCase(),
      )
      const statuses = results.map((vector) => vector.values[0])
      expect(statuses, name).toContain('status = OK')
      expect(
        statuses.some((status) => status !== 'status = OK'),
        name,
      ).toBe(true)
    }
  })

  test('any bytes, and damaged ones, decode or are an XdrError', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...vectors), fc.nat(), fc.nat({ max: 255 }))
      .map(([vector, at, byte]) => {
        const bytes = Buffer.from(vector.bytes)
        bytes[at % bytes.length] = byte
        return { codec: codecOf(table, vector), bytes: bytes as Uint8Array }
      })
    const any = fc
      .tuple(fc.constantFrom(...vectors), fc.uint8Array({ maxLength: 300 }))
      .map(([vector, bytes]) => ({ codec: codecOf(table, vector), bytes }))
    fc.assert(
      fc.property(fc.oneof(damaged, any), ({ codec, bytes }) => {
        let value: unknown
        try {
          value = decodeXdr(codec, bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError)
          return
        }
        // What was decoded can be encoded, and is the same again.
        expect(valueLines(decodeXdr(codec, encodeXdr(codec, value)))).toEqual(valueLines(value))
      }),
      { numRuns: 3000 },
    )
  })
})
