import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { describe } from 'vitest'
import debianPackages from './debian-packages.json' with { type: 'json' }

/** What a suite may say it needs; the packages behind it are in debian-packages.json. */
export const RIG_NEEDS = {
  namespace: ['ip', 'unshare'],
  uml: ['ip', 'unshare', 'mmdebstrap', 'mkfs.ext4', 'linux.uml'],
  qemu: ['ip', 'unshare', 'mmdebstrap', 'mkfs.ext4', 'qemu-system-x86_64'],
  ganesha: ['ip', 'unshare', 'rpcbind', 'ganesha.nfsd'],
  libnfs: ['ip', 'nfs-ls'],
  'image-tree': ['/usr/bin/python3'],
} as const

export type RigNeed = keyof typeof RIG_NEEDS

/** Why these rigs cannot run here, in words for a person; undefined when they can. */
export function whyNot(needs: readonly RigNeed[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = [...new Set(needs.flatMap((need) => RIG_NEEDS[need]))].filter((name) => !isThere(name))
  if (missing.length === 0) return undefined
  const packages = new Set(missing.map(packageOf))
  return `needs ${missing.join(', ')} (Debian packages: ${[...packages].join(' ')})`
}

/** A `describe` that is skipped by name, with the reason, where its rigs cannot run. */
export function describeWithRigs(name: string, needs: readonly RigNeed[], body: () => void): void {
  const reason = whyNot(needs)
  if (reason === undefined) describe(name, body)
  else describe.skip(`${name} [skipped: ${reason}]`, body)
}

function packageOf(command: string): string {
  const known: readonly { package: string; command?: string }[] = debianPackages.host
  return known.find((entry) => entry.command === command)?.package ?? command
}

function isThere(command: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/sbin')
  const paths = isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command))
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
