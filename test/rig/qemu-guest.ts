import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { makeWorkDirectory } from './cache-directory.ts'
import { Guest, type GuestMount } from './guest.ts'
import { GuestChannel } from './guest-channel.ts'
import { prepareGuestFiles } from './guest-files.ts'
import { guestRoot } from './guest-root.ts'
import type { GuestSlot, NetworkNamespace } from './network-namespace.ts'
import { packCpio, qemuKernel } from './qemu-kernel.ts'

export interface QemuGuestOptions {
  readonly namespace: NetworkNamespace
  /** Default 512. */
  readonly memoryMiB?: number
  /** Mounted in this order before the guest is handed over. */
  readonly mounts?: readonly GuestMount[]
  /** Files and folders of the host: the guest finds copies in /host/in, under their last names. They take memory. */
  readonly filesIn?: readonly string[]
}

const DEFAULT_MEMORY_MIB = 512
/** Six seconds on an idle machine; software emulation suffers most from a busy one. */
const BOOT_TIMEOUT_MS = 180_000
const CHANNEL_FD = 3

/**
 * Debian's cloud kernel, unmodified, under software emulation, on the same root image as the User-Mode Linux guests: the second kernel.
 * It dies with this process.
 */
export class QemuGuest extends Guest {
  private constructor(machine: ChildProcess, work: string, slot: GuestSlot) {
    const line = machine.stdio[CHANNEL_FD] as Duplex
    const dispose = () => rmSync(work, { recursive: true, force: true })
    super(machine, new GuestChannel(line, line), { address: slot.address, dispose })
  }

  static async start(options: QemuGuestOptions): Promise<QemuGuest> {
    const [root, kernel] = [await guestRoot(), await qemuKernel()]
    const slot = await options.namespace.addGuest({ vnetHeader: false })
    const work = makeWorkDirectory('qemu')
    mkdirSync(join(work, 'files'))
    await prepareGuestFiles(join(work, 'files/host'), slot, '/dev/vport*p1', options.filesIn ?? [])
    await packCpio(kernel.busybox, join(work, 'files'), join(work, 'files.cpio'))
    const initramfs = join(work, 'initramfs.cpio')
    for (const part of [kernel.initramfs, join(work, 'files.cpio')]) {
      await pipeline(createReadStream(part), createWriteStream(initramfs, { flags: 'a' }))
    }
    const machine = startMachine(options, {
      vmlinuz: kernel.vmlinuz,
      initramfs,
      disk: root.image,
      work,
      slot,
    })
    const guest = new QemuGuest(machine, work, slot)
    await guest.waitUntilUp(BOOT_TIMEOUT_MS)
    await guest.mountAll(options.mounts ?? [])
    return guest
  }
}

interface Machine {
  readonly vmlinuz: string
  readonly initramfs: string
  readonly disk: string
  readonly work: string
  readonly slot: GuestSlot
}

function startMachine(options: QemuGuestOptions, machine: Machine): ChildProcess {
  const { slot } = machine
  const [program, ...argv] = options.namespace.wrap([
    ...['setpriv', '--pdeathsig', 'KILL', '--', 'qemu-system-x86_64'],
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '1'],
    ...['-m', String(options.memoryMiB ?? DEFAULT_MEMORY_MIB)],
    ...['-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', machine.vmlinuz, '-initrd', machine.initramfs],
    ...['-append', 'console=ttyS0 quiet panic=-1 net.ifnames=0'],
    ...['-drive', `file=${machine.disk},format=raw,if=virtio,snapshot=on,file.locking=off`],
    ...['-netdev', `tap,id=net0,ifname=${slot.tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${slot.mac},romfile=`],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=agent,fd=${CHANNEL_FD}`, '-device', 'virtserialport,chardev=agent,name=agent'],
  ])
  // The disk's snapshot goes where TMPDIR says. No lock: other guests read the same image, and nobody writes it.
  const env = { ...process.env, TMPDIR: machine.work }
  return spawn(program!, argv, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env })
}
