/** Settings as they are written: maps in maps, with lists and plain values at the leaves. */
export type SettingTree = { [key: string]: unknown }

/** The way to a setting: ["views", "lab", "squash"]. */
export type KeyPath = readonly string[]

export function isTree(value: unknown): value is SettingTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function getSetting(tree: SettingTree, path: KeyPath): unknown {
  let found: unknown = tree
  for (const part of path) found = isTree(found) && Object.hasOwn(found, part) ? found[part] : undefined
  return found
}

export function putSetting(tree: SettingTree, path: KeyPath, value: unknown): void {
  let at = tree
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(at, part) ? at[part] : undefined
    const child: SettingTree = isTree(next) ? next : {}
    at[part] = child
    at = child
  }
  at[path.at(-1)!] = value
}
