import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const VECTORS = join(import.meta.dirname, '..', 'vectors')

/** A file of golden bytes: what is on the wire, and beside each value its name and what it must decode to. */
export interface VectorFile {
  /** "setattr-touch" */
  readonly name: string
  /** "args" or "res" */
  readonly side: string
  readonly title: string
  readonly bytes: Buffer
  /** "new_attributes.mode = 420", "name = x66696c65", in the order of the wire. */
  readonly values: readonly string[]
}

/** All of test/vectors/FOLDER. */
export function readVectors(folder: string): VectorFile[] {
  const names = readdirSync(join(VECTORS, folder))
    .filter((name) => name.endsWith('.hex'))
    .sort()
  return names.map((file) => {
    const lines = readFileSync(join(VECTORS, folder, file), 'utf8')
      .trimEnd()
      .split('\n')
    const [name, side] = file.split('.')
    const comments = lines.slice(1).map((line) => line.split('#')[1]?.trim() ?? '')
    return {
      name: name!,
      side: side!,
      title: lines[0]!,
      bytes: Buffer.from(lines.map((line) => line.split('#')[0]!.replaceAll(/\s/g, '')).join(''), 'hex'),
      values: comments.filter((comment) => comment.includes(' = ')).map(textAsHex),
    }
  })
}

/** A decoded value in the words of `VectorFile.values`. */
export function valueLines(value: unknown, path = ''): string[] {
  if (isResult(value)) {
    return value.ok
      ? ['status = OK', ...valueLines(value.value)]
      : [`status = ${value.status}`, ...(value.fail === undefined ? [] : valueLines(value.fail))]
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => valueLines(item, `${path}[${index}]`))
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    return Object.entries(value).flatMap(([key, field]) =>
      valueLines(field, path === '' ? key : `${path}.${key}`),
    )
  }
  return [`${path === '' ? 'value' : path} = ${leaf(value)}`]
}

function leaf(value: unknown): string {
  if (value === undefined) return 'absent'
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE'
  return value instanceof Uint8Array ? hexText(value) : String(value)
}

function hexText(bytes: Uint8Array): string {
  return `x${Buffer.from(bytes).toString('hex')}`
}

/** Files show names as text; values are compared as bytes. */
function textAsHex(line: string): string {
  const [path, text] = line.split(' = ')
  return text!.startsWith('"') ? `${path} = ${hexText(Buffer.from(JSON.parse(text!)))}` : line
}

interface Result {
  readonly ok: boolean
  readonly value: unknown
  readonly status: string
  readonly fail: unknown
}

function isResult(value: unknown): value is Result {
  return typeof value === 'object' && value !== null && 'ok' in value
}
