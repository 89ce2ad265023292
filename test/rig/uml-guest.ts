import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { makeWorkDirectory } from './cache-directory.ts'
import { DEFAULT_MOUNT_POINT, Guest, type GuestCommandOptions, type GuestMount } from './guest.ts'
import { GuestChannel } from './guest-channel.ts'
import { PROGRAMS, prepareGuestFiles } from './guest-files.ts'
import { guestRoot } from './guest-root.ts'
import { GUEST_UID, type GuestSlot, type NetworkNamespace } from './network-namespace.ts'
import { type CommandResult, mustRun } from './run-command.ts'

export interface UmlGuestOptions {
  readonly namespace: NetworkNamespace
  /** Default 512. */
  readonly memoryMiB?: number
  /** Mounted in this order before the guest is handed over. */
  readonly mounts?: readonly GuestMount[]
  /** Disk images in the cache directory that the guest may write to: its /dev/ubdb, /dev/ubdc, …. They outlive it. */
  readonly disks?: readonly string[]
  /** Files and folders of the host: the guest finds copies in /host/in, under their last names. */
  readonly filesIn?: readonly string[]
}

const DEFAULT_MEMORY_MIB = 512
const BOOT_TIMEOUT_MS = 60_000
/** The descriptor of the agent's line in the guest's process: after stdin, stdout, stderr. */
const CHANNEL_FD = 3

/**
 * A Linux kernel as an ordinary process (User-Mode Linux): native speed, one processor, the real NFS client; up in about two
 * seconds. It runs as nobody, shut into its own directory (programs/uml-shut-in.sh says why), and dies with this process.
 */
export class UmlGuest extends Guest {
  /** What the guest puts into /host/out; gone when the guest is stopped. */
  readonly outDirectory: string

  private constructor(machine: ChildProcess, work: string, slot: GuestSlot) {
    const line = machine.stdio[CHANNEL_FD] as Duplex
    const dispose = () => rmSync(work, { recursive: true, force: true })
    super(machine, new GuestChannel(line, line), { address: slot.address, dispose })
    this.outDirectory = join(work, 'host', 'out')
  }

  static async start(options: UmlGuestOptions): Promise<UmlGuest> {
    const root = await guestRoot()
    const slot = await options.namespace.addGuest({ vnetHeader: true })
    const work = await prepareWorkDirectory(options, slot)
    const guest = new UmlGuest(startKernel(options, root.directory, work, slot), work, slot)
    await guest.waitUntilUp(BOOT_TIMEOUT_MS)
    await guest.mountAll(options.mounts ?? [])
    return guest
  }
}

/**
 * One command in one guest, from boot to power off (three seconds for a trivial one), in the first mount if there is one. `take` sees
 * the guest's /host/out before it goes.
 */
export async function runInGuest(
  options: UmlGuestOptions,
  command: string | readonly string[],
  more: GuestCommandOptions & { readonly take?: (outDirectory: string) => void | Promise<void> } = {},
): Promise<CommandResult & { readonly kernelMessages: string }> {
  const guest = await UmlGuest.start(options)
  try {
    const [first] = options.mounts ?? []
    const result = await guest.run(command, { cwd: first && (first.at ?? DEFAULT_MOUNT_POINT), ...more })
    const kernelMessages = await guest.kernelMessages()
    await guest.mustRun('sync -f /host/out')
    await more.take?.(guest.outDirectory)
    return { ...result, kernelMessages }
  } finally {
    await guest.stop()
  }
}

async function prepareWorkDirectory(options: UmlGuestOptions, slot: GuestSlot): Promise<string> {
  const work = makeWorkDirectory('uml')
  mkdirSync(join(work, 'root'))
  await prepareGuestFiles(join(work, 'host'), slot, '/dev/ttyS0', options.filesIn ?? [])
  // The guest's process is nobody: it reads what it is given and writes only here.
  await mustRun(['chmod', '-R', 'a+rX', work])
  for (const name of ['', 'host', 'host/in', 'host/out']) chownSync(join(work, name), GUEST_UID, GUEST_UID)
  for (const [index, disk] of (options.disks ?? []).entries()) {
    chownSync(disk, GUEST_UID, GUEST_UID)
    linkSync(disk, join(work, `disk${index + 1}`))
  }
  return work
}

function startKernel(
  options: UmlGuestOptions,
  imageDirectory: string,
  work: string,
  slot: GuestSlot,
): ChildProcess {
  const memoryMiB = options.memoryMiB ?? DEFAULT_MEMORY_MIB
  const kernelArguments = [
    `mem=${memoryMiB}M`,
    'ubd0=/machine/cow,/images/root.img',
    ...(options.disks ?? []).map((_, index) => `ubd${index + 1}=/machine/disk${index + 1}`),
    ...['root=/dev/ubda', 'rootfstype=ext4', 'rw', 'init=/rowfs-init'],
    ...['quiet', 'noreboot', 'panic=-1'],
    ...['umid=guest', 'uml_dir=/machine', 'hostfs=/machine/host'],
    `vec0:transport=tap,ifname=${slot.tap},depth=128,gro=1`,
    ...['con=null', 'con0=null,fd:2', 'ssl=null', `ssl0=fd:${CHANNEL_FD}`],
  ]
  const sandbox = ['sh', join(PROGRAMS, 'uml-shut-in.sh'), work, imageDirectory, `${memoryMiB}`]
  const [program, ...argv] = options.namespace.wrap([
    ...['setpriv', '--pdeathsig', 'KILL', '--'],
    ...['unshare', '--fork', '--pid', '--mount', '--uts', '--ipc', '--kill-child=KILL', '--'],
    ...sandbox,
    ...kernelArguments,
  ])
  return spawn(program!, argv, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
}
