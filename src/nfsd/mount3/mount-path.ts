const SLASH = 0x2f

/** The names in a path, without the empty ones: "/a//b/" is "a", "b". Views into the path. */
export function pathNames(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = []
  let start = 0
  for (let index = 0; index <= path.length; index += 1) {
    if (index < path.length && path[index] !== SLASH) continue
    if (index > start) names.push(path.subarray(start, index))
    start = index + 1
  }
  return names
}

/** "/" before every name and none at the end: as exports are called. */
export function joinNames(names: readonly Uint8Array[]): Uint8Array {
  const slash = Uint8Array.of(SLASH)
  return Buffer.concat(names.length === 0 ? [slash] : names.flatMap((name) => [slash, name]))
}
