import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * docs/limits.md, made of the limits in the source: `npm run docs` writes it, test/tidy.test.ts compares it.
 * A limit is an exported constant with MAX or LIMIT in its name; what it is for is said in the comment above it.
 */
const CHECKOUT = join(import.meta.dirname, '..', '..')
const LIMIT = /^export const ([A-Z0-9_]*(?:_MAX|_LIMIT|MAX_)[A-Z0-9_]*)(?:: [^=]+)? = (.+)$/

interface Limit {
  readonly name: string
  readonly value: string
  readonly what: string
}

export function limitsPage(): string {
  const lines = [
    '# Limits',
    '',
    'Every length, queue, cache and wait has a limit with a name and a unit. A limit that a client or an operator can',
    'reach has a test at it and one past it. This page is made of the source: `npm run docs`.',
  ]
  const files = readdirSync(join(CHECKOUT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
  let folder = ''
  for (const file of files) {
    const limits = limitsOf(readFileSync(join(CHECKOUT, 'src', file), 'utf8'))
    if (limits.length === 0) continue
    if (dirname(file) !== folder) {
      folder = dirname(file)
      lines.push('', `## src/${folder}`, '', '| limit | value | what it limits |', '|---|---|---|')
    }
    for (const { name, value, what } of limits) lines.push(`| \`${name}\` | ${value} | ${what} |`)
  }
  return `${lines.join('\n')}\n`
}

function limitsOf(text: string): Limit[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const match = LIMIT.exec(line)
    if (match === null) return []
    const name = match[1]!
    if (match[2] === '{') return fieldsOf(name, lines, index)
    const [value, remark] = match[2]!.split(' // ')
    return [{ name, value: plain(value!), what: cell(remark ?? commentAbove(lines, index)) }]
  })
}

/** A set of limits: { waitMaxMs: 15_000, … }. What each is for is said where the type is. */
function fieldsOf(name: string, lines: readonly string[], index: number): Limit[] {
  const end = lines.indexOf('}', index)
  return lines.slice(index + 1, end).flatMap((line) => {
    const field = /^ {2}(\w+): (.+),$/.exec(line)
    if (field === null) return []
    const declared = lines.findIndex((other) => other.startsWith(`  readonly ${field[1]}: `))
    return [
      { name: `${name}.${field[1]}`, value: plain(field[2]!), what: cell(commentAbove(lines, declared)) },
    ]
  })
}

function plain(value: string): string {
  return value.replaceAll('_', '')
}

/** The text of the comment that ends on the line above. */
function commentAbove(lines: readonly string[], index: number): string {
  if (!lines[index - 1]?.trimEnd().endsWith('*/')) return ''
  let start = index - 1
  while (!lines[start]!.trimStart().startsWith('/**')) start -= 1
  return lines
    .slice(start, index)
    .map((line) =>
      line
        .trim()
        .replace(/^\/\*\*|\*\/$|^\*/g, '')
        .trim(),
    )
    .join(' ')
    .replace(/\*\/\s*$/, '')
    .trim()
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

if (import.meta.main) writeFileSync(join(CHECKOUT, 'docs', 'limits.md'), limitsPage())
