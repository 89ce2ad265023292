import type { z } from 'zod'
import { ACCESS_RULES, type SettingsSchema } from './schema.ts'
import type { SettingFinding } from './setting-problem.ts'
import { ALL_SETTINGS } from './setting-table.ts'
import type { SettingTree } from './setting-tree.ts'

/** Everything that is wrong in one layer of settings. `where` says where a key of it is written. */
export function checkSettings(
  schema: SettingsSchema,
  tree: SettingTree,
  where: (path: readonly PropertyKey[]) => string,
): SettingFinding[] {
  const parsed = schema.safeParse(tree)
  if (parsed.success) return []
  return parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => finding([...issue.path, key], where, unknownKey([...issue.path, key])))
      : [finding(issue.path, where, inWords(issue))],
  )
}

function finding(
  path: readonly PropertyKey[],
  where: (path: readonly PropertyKey[]) => string,
  what: string,
): SettingFinding {
  return { where: where(path), key: path.map(String).join('.'), what }
}

function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'custom':
      return issue.message
    case 'invalid_type':
      return issue.expected === 'array'
        ? 'it must be a list; write [first, second]'
        : 'it must hold keys; write them below it, indented'
    case 'invalid_union':
      return 'it must be one plain value, not a list and not a map'
    case 'too_big':
      return `it holds too many; write at most ${issue.maximum}`
    default:
      return issue.message
  }
}

function unknownKey(path: readonly PropertyKey[]): string {
  const siblings = knownKeysBeside(path)
  const name = String(path.at(-1))
  const near = siblings.find((known) => editDistance(known.toLowerCase(), name.toLowerCase()) <= 2)
  if (near !== undefined) return `unknown key; did you mean "${near}"?`
  return `unknown key; known here: ${siblings.join(', ')}`
}

/** The keys that may stand at this place: taken from the table, so that it is right when a key is added. */
function knownKeysBeside(path: readonly PropertyKey[]): string[] {
  if (path[0] === 'views') return [...ACCESS_RULES]
  const section = path.slice(0, -1).map(String)
  const keys = ALL_SETTINGS.map((spec) => spec.key.split('.')).filter((parts) =>
    section.every((part, index) => parts[index] === part),
  )
  return [...new Set(keys.map((parts) => parts[section.length]!))]
}

/** Letters to add, drop or change to make one word of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
