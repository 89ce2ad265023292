import type { FileSystem } from '../../src/vfs/file-system.ts'

/** The file system with some of its members replaced. */
export function withMembers(fs: FileSystem, members: Partial<FileSystem>): FileSystem {
  return new Proxy(fs, {
    get(target, key) {
      const from = key in members ? members : target
      const member: unknown = Reflect.get(from, key, from)
      return typeof member === 'function' ? member.bind(from) : member
    },
  })
}

const AT_ONCE = new Set<string | symbol>(['generationOf'])

/** The file system with every answer a promise, as if each had to wait for a disk. */
export function allLater(fs: FileSystem): FileSystem {
  return new Proxy(fs, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      if (typeof member !== 'function') return member
      if (AT_ONCE.has(key)) return member.bind(target)
      return async (...args: unknown[]) => {
        await Promise.resolve()
        return Reflect.apply(member, target, args)
      }
    },
  })
}
