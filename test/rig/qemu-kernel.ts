import { createHash } from 'node:crypto'
import { copyFileSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cachedBuild, reportProgress } from './cache-directory.ts'
import { mustRun, runCommand } from './run-command.ts'

const KERNEL_PACKAGE = 'linux-image-cloud-amd64'
const BUSYBOX_PACKAGE = 'busybox-static'
/** Loaded by the initramfs, with what they depend on. */
const MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_console',
  'virtio_rng',
  'ext4',
  'nfs',
  'nfsv3',
]
const FIRST_INIT = join(import.meta.dirname, 'programs', 'qemu-first-init.sh')

export interface QemuKernel {
  readonly vmlinuz: string
  /** An uncompressed cpio archive: more may be added behind it. */
  readonly initramfs: string
  readonly busybox: string
}

/** Debian's cloud kernel as it comes out of its package, which is unpacked into the cache and not installed. */
export async function qemuKernel(): Promise<QemuKernel> {
  const image = await imagePackage()
  const recipe = [image, MODULES, readFileSync(FIRST_INIT, 'utf8')]
  const version = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16)
  const directory = await cachedBuild('qemu-kernel', version, (into) => build(into, image))
  return {
    vmlinuz: join(directory, 'vmlinuz'),
    initramfs: join(directory, 'initramfs.cpio'),
    busybox: join(directory, 'busybox'),
  }
}

/** The package that the meta package stands for today: "linux-image-6.1.0-56-cloud-amd64". */
async function imagePackage(): Promise<string> {
  const { stdout } = await mustRun(['apt-cache', 'depends', KERNEL_PACKAGE])
  const name = /Depends: (linux-image-\S+)/.exec(stdout.toString())?.[1]
  if (name === undefined) throw new Error(`apt knows no package behind ${KERNEL_PACKAGE}`)
  return name
}

async function build(into: string, image: string): Promise<void> {
  reportProgress(`QEMU kernel: downloading ${image}`)
  const unpacked = join(into, 'unpacked')
  for (const name of [image, BUSYBOX_PACKAGE]) await unpackPackage(name, into, unpacked)
  const [vmlinuz] = globSync(join(unpacked, 'boot/vmlinuz-*'))
  renameSync(vmlinuz!, join(into, 'vmlinuz'))
  copyFileSync(join(unpacked, 'bin/busybox'), join(into, 'busybox'))
  await packInitramfs(into, unpacked)
  rmSync(unpacked, { recursive: true })
}

async function unpackPackage(name: string, into: string, unpacked: string): Promise<void> {
  const download = () => runCommand(['apt-get', 'download', '-q', name], { cwd: into })
  if ((await download()).exitCode !== 0) {
    // The package lists may be older than the archive.
    await mustRun(['apt-get', 'update', '-q'])
    await mustRun(['apt-get', 'download', '-q', name], { cwd: into })
  }
  const [file] = globSync(join(into, `${name}_*.deb`))
  await mustRun(['dpkg-deb', '-x', file!, unpacked])
  rmSync(file!)
}

async function packInitramfs(into: string, unpacked: string): Promise<void> {
  const [modules] = globSync(join(unpacked, 'lib/modules/*'))
  // Busybox has its own depmod, so that this machine needs no kmod.
  await mustRun([join(into, 'busybox'), 'depmod', '-b', unpacked, basename(modules!)])
  const initramfs = join(unpacked, 'initramfs')
  for (const name of ['bin', 'modules']) mkdirSync(join(initramfs, name), { recursive: true })
  copyFileSync(join(unpacked, 'bin/busybox'), join(initramfs, 'bin/busybox'))
  copyFileSync(FIRST_INIT, join(initramfs, 'init'))
  await mustRun(['chmod', '755', join(initramfs, 'init')])
  const order = loadOrder(readFileSync(join(modules!, 'modules.dep'), 'utf8'))
  for (const path of order) copyFileSync(join(modules!, path), join(initramfs, 'modules', basename(path)))
  writeFileSync(join(initramfs, 'modules/order'), order.map((path) => `${basename(path)}\n`).join(''))
  await packCpio(join(into, 'busybox'), initramfs, join(into, 'initramfs.cpio'))
}

/** The files of MODULES and of all that they need, needed ones first. A line of modules.dep: "FILE: NEEDED…", last needed first. */
function loadOrder(modulesDep: string): string[] {
  const needs = new Map(
    modulesDep
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'))
      .map(([file, needed]) => [file!, needed!.split(' ').filter(Boolean)]),
  )
  const order = new Set<string>()
  for (const name of MODULES) {
    const file = [...needs.keys()].find((path) => basename(path).split('.')[0]!.replaceAll('-', '_') === name)
    // What is not a module is built in.
    if (file === undefined) continue
    for (const each of needs.get(file)!.toReversed()) order.add(each)
    order.add(file)
  }
  return [...order]
}

/** Puts everything below a directory into a cpio archive as initramfs wants it. */
export async function packCpio(busybox: string, directory: string, archive: string): Promise<void> {
  const script = 'find . | "$0" cpio -o -H newc >"$1"'
  await mustRun(['bash', '-o', 'pipefail', '-c', script, busybox, archive], { cwd: directory })
}
