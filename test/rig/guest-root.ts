import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedBuild, reportProgress } from './cache-directory.ts'
import debianPackages from './debian-packages.json' with { type: 'json' }
import { mustRun } from './run-command.ts'

/** The file system's size as the guest sees it; the image is sparse and takes about 0.7 GiB. */
const IMAGE_SIZE_BYTES = 4 * 1024 ** 3
const UML_MODULES = '/usr/lib/uml/modules'
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
const LEFT_OUT = ['man', 'doc', 'locale', 'info', 'lintian'].map((name) => `/usr/share/${name}/*`)

/** Starts every guest: finds the work directory (UML: through hostfs) and goes on with what is there. */
const FIRST_INIT = `#!/bin/bash
mkdir -p /host
[ -d /host/system ] || /bin/mount -t hostfs none /host -o /
exec /bin/bash /host/system/guest-init.sh
`

export interface GuestRoot {
  /** Holds root.img and nothing else that guests may see. */
  readonly directory: string
  readonly image: string
}

let rootOfThisProcess: Promise<GuestRoot> | undefined

/**
 * The root image of all guests: a small Debian with the tools of the suites and the modules of Debian's User-Mode Linux.
 * Built on first use (under two minutes), then taken from the cache. Guests write into copies, never into it.
 */
export function guestRoot(): Promise<GuestRoot> {
  rootOfThisProcess ??= buildGuestRoot()
  return rootOfThisProcess
}

async function buildGuestRoot(): Promise<GuestRoot> {
  const recipe = [FIRST_INIT, guestPackages(), LEFT_OUT, IMAGE_SIZE_BYTES, await debianVersions()]
  const version = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16)
  const directory = await cachedBuild('guest-root', version, buildImage)
  return { directory, image: join(directory, 'root.img') }
}

function guestPackages(): string[] {
  return debianPackages.guest.map((entry) => entry.package).sort()
}

async function debianVersions(): Promise<string> {
  const kernel = await mustRun(['dpkg-query', '--show', 'user-mode-linux'])
  return `${kernel.stdout} ${debianRelease()}`
}

function debianRelease(): string {
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))
  if (!codename) throw new Error('/etc/os-release names no Debian release')
  return codename[1]!
}

async function buildImage(into: string): Promise<void> {
  const tree = join(into, 'tree')
  reportProgress('guest root: unpacking Debian packages')
  await mustRun([
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    `--include=${guestPackages().join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    ...LEFT_OUT.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    debianRelease(),
    tree,
    ...SOURCES.filter((path) => existsSync(path)),
  ])
  await addUmlModules(tree)
  await mkdir(join(tree, 'host'))
  await mkdir(join(tree, 'mnt/nfs'), { recursive: true })
  await writeFile(join(tree, 'rowfs-init'), FIRST_INIT, { mode: 0o755 })
  await writeFile(join(tree, 'etc/hostname'), 'guest\n')
  await writeFile(join(tree, 'etc/hosts'), '127.0.0.1 localhost guest\n')
  reportProgress('guest root: making the disk image')
  await makeExt4Image(join(into, 'root.img'), tree, IMAGE_SIZE_BYTES)
  await rm(tree, { recursive: true })
}

async function addUmlModules(tree: string): Promise<void> {
  await cp(UML_MODULES, join(tree, 'lib/modules'), { recursive: true })
  for (const version of readdirSync(UML_MODULES)) await mustRun(['chroot', tree, 'depmod', version])
}

/** A sparse ext4 image with everything below `tree`; times lose their parts of seconds. */
export async function makeExt4Image(image: string, tree: string, sizeBytes: number): Promise<void> {
  await writeFile(image, '')
  await truncate(image, sizeBytes)
  await mustRun([
    'mkfs.ext4',
    '-q',
    '-F',
    ...['-O', '^has_journal'],
    ...['-E', 'lazy_itable_init=1,nodiscard'],
    ...['-d', tree],
    image,
  ])
}
