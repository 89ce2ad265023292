import { describe, expect, test } from 'vitest'
import { changeJson, changeLine } from '../../src/cli/change-lines.ts'
import { CounterDisplay, counterLine } from '../../src/cli/counter-display.ts'
import { formatBytes, formatDuration, formatMicroseconds, formatTable } from '../../src/cli/output.ts'
import type { WireChange } from '../../src/daemon/view-requests.ts'

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [3_500_000, '3.3 MiB'],
  [2 ** 53, '8.0 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [999, '999 us'],
  [1000, '1.0 ms'],
  [2_340_000, '2.34 s'],
])('%d us are %s', (us, text) => {
  expect(formatMicroseconds(us)).toBe(text)
})

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [187_000, '3 m 07 s'],
  [7_500_000, '2 h 05 m'],
  [356_400_000, '4 d 3 h'],
])('%d ms are %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('a table: text to the left, numbers to the right', () => {
  expect(
    formatTable(
      ['VIEW', '>BLOCKS'],
      [
        ['default', '7'],
        ['lab', '12345678'],
      ],
    ),
  ).toBe('VIEW       BLOCKS\ndefault         7\nlab      12345678')
})

describe('a change', () => {
  const change = (more: Partial<WireChange>): WireChange => ({
    kind: 'modified',
    path: base64('/etc/fstab'),
    type: 'file',
    blocks: 0,
    bytes: 0,
    ...more,
  })

  test.each([
    [{ kind: 'added', type: 'directory' }, 'A  /etc/fstab/'],
    [
      { changed: ['content', 'size'], blocks: 1, bytes: 4096 },
      'M  /etc/fstab  (content, size; 1 block, 4.0 KiB)',
    ],
    [{ kind: 'removed' }, 'D  /etc/fstab'],
    [{ kind: 'renamed', from: base64('/a') }, 'R  /a -> /etc/fstab'],
    [{ kind: 'attributes', changed: ['mode'] }, 'P  /etc/fstab  (mode)'],
    [{ kind: 'conflict', blocks: 2, bytes: 8192 }, 'U  /etc/fstab  (2 blocks, 8.0 KiB)'],
    [{ kind: 'added', path: base64(Buffer.from([0x2f, 0xff, 0x0a])) }, 'A  /\\xff\\x0a'],
  ] as [Partial<WireChange>, string][])('%j', (more, line) => {
    expect(changeLine(change(more))).toBe(line)
  })

  test('as JSON: text, and base64 where text would lose bytes', () => {
    expect(changeJson(change({ from: base64('/ä') }))).toMatchObject({ path: '/etc/fstab', from: '/ä' })
    const odd = base64(Buffer.from([0x2f, 0xff]))
    expect(changeJson(change({ path: odd }))).toMatchObject({ path: '/\ufffd', pathBase64: odd })
    expect(changeJson(change({}))).not.toHaveProperty('pathBase64')
  })
})

describe('live counters', () => {
  const counters = { calls: 3, changes: 1, fromImage: 4096, fromCache: 0, fromShadow: 6 }
  const line = '3 calls, 1 changes; read 4.0 KiB from the image, 0 B from the cache, 6 B from the shadow'

  test.each([
    [true, `\r${line}\u001b[K\n`],
    [false, `${line}\n`],
  ])(
    'on a terminal (%s) one line that changes, else plain ones; nothing when nothing changed',
    (isTTY, expected) => {
      expect(counterLine(counters)).toBe(line)
      let written = ''
      const out = {
        isTTY,
        write(text: string) {
          written += text
          return true
        },
      }
      const display = new CounterDisplay(out as never, () => counters)
      display.close()
      expect(written).toBe(expected)
    },
  )
})
