import { readFileSync, statSync } from 'node:fs'
import { type Document, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { SettingsError } from './setting-problem.ts'
import { isTree, type SettingTree } from './setting-tree.ts'

export const SETTINGS_FILE_MAX_BYTES = 1024 * 1024

/** A settings file with the place of every key, for messages. */
export interface SettingsFile {
  readonly path: string
  readonly tree: SettingTree
  /** "rowfs.yaml line 7": where the key is written, or the nearest key above it. */
  where(keyPath: readonly PropertyKey[]): string
}

/** Throws SettingsError when the file cannot be read or is not YAML. */
export function readSettingsFile(path: string): SettingsFile {
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines, uniqueKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    const line = error.linePos?.[0].line
    const where = line === undefined ? path : `${path} line ${line}`
    const what = error.message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, '')
    throw new SettingsError([{ where, key: '(the file)', what: `not YAML: ${what}` }])
  }
  const tree: unknown = document.toJS() ?? {}
  if (!isTree(tree)) {
    throw new SettingsError([
      {
        where: `${path} line 1`,
        key: '(the file)',
        what: 'it holds no keys; write lines such as: state: /var/lib/rowfs',
      },
    ])
  }
  return {
    path,
    tree,
    where: (keyPath) => `${path} line ${lines.linePos(offsetOf(document, keyPath)).line}`,
  }
}

function readText(path: string): string {
  const problem = (what: string, cause?: unknown) =>
    Object.assign(new SettingsError([{ where: path, key: '(the file)', what }]), { cause })
  try {
    const { size } = statSync(path)
    if (size > SETTINGS_FILE_MAX_BYTES) {
      throw problem(`${size} bytes are too many for settings; at most ${SETTINGS_FILE_MAX_BYTES}`)
    }
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw problem(`cannot be read: ${(error as Error).message}; give another one with --config`, error)
  }
}

/** Where in the text the key is, or the last part of its path that is written. */
function offsetOf(document: Document, keyPath: readonly PropertyKey[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const part of keyPath) {
    const pair = isMap(node) ? node.items.find((item) => keyText(item) === String(part)) : undefined
    const next: unknown = pair?.value ?? (node as { items?: unknown[] } | null)?.items?.[Number(part)]
    if (pair === undefined && next === undefined) break
    offset = ((pair?.key ?? next) as Node | undefined)?.range?.[0] ?? offset
    node = next
  }
  return offset
}

function keyText(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined
}
