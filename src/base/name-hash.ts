function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * 51 bits of a name, for ever the same: directory cookies are made of it, and clients keep cookies across our
 * restarts. Not keyed, so whoever chooses the names can make collisions: a user of it must stay right with them.
 */
export function nameHash(name: Uint8Array): number {
  let first = 0x811c9dc5
  let second = 0x9747b28c ^ name.length
  for (let index = 0; index < name.length; index += 1) {
    const byte = name[index]!
    first = Math.imul(first ^ byte, 0x01000193)
    second = Math.imul((second << 5) ^ (second >>> 2) ^ byte, 0x9e3779b1)
  }
  return mix(first) * 0x80000 + (mix(second) >>> 13)
}
