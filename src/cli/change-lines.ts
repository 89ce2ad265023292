import { printableBytes, sameBytes } from '../base/bytes.ts'
import type { WireChange } from '../daemon/view-requests.ts'
import { formatBytes } from './output.ts'

/** As `git status --short` has them, and P for what only has another owner, mode or time. */
const LETTERS: Readonly<Record<WireChange['kind'], string>> = {
  added: 'A',
  modified: 'M',
  removed: 'D',
  renamed: 'R',
  attributes: 'P',
  conflict: 'U',
}

/** "M  /etc/fstab  (content, size; 1 block, 4.0 KiB)" */
export function changeLine(change: WireChange): string {
  const slash = change.type === 'directory' ? '/' : ''
  const path = printableBytes(bytesOf(change.path)) + slash
  const names =
    change.from === undefined ? path : `${printableBytes(bytesOf(change.from))}${slash} -> ${path}`
  const remarks = [
    ...(change.changed !== undefined && change.changed.length > 0 ? [change.changed.join(', ')] : []),
    ...(change.blocks > 0
      ? [`${change.blocks} block${change.blocks === 1 ? '' : 's'}, ${formatBytes(change.bytes)}`]
      : []),
  ]
  return `${LETTERS[change.kind]}  ${names}${remarks.length > 0 ? `  (${remarks.join('; ')})` : ''}`
}

/** For scripts: paths as text; where that would lose bytes (names need not be UTF-8), in base64 beside it. */
export function changeJson({ path, from, ...rest }: WireChange): object {
  return { ...rest, ...pathJson('path', path), ...(from === undefined ? {} : pathJson('from', from)) }
}

function pathJson(key: 'path' | 'from', base64: string): object {
  const bytes = bytesOf(base64)
  const text = Buffer.from(bytes).toString('utf8')
  return sameBytes(Buffer.from(text), bytes) ? { [key]: text } : { [key]: text, [`${key}Base64`]: base64 }
}

function bytesOf(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64')
}
