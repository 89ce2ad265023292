import { ownerIsAlive, ownerTag } from './rig-owner.ts'
import { type CommandOptions, type CommandResult, mustRun, runCommand } from './run-command.ts'

/** All namespaces of the rigs begin with this; nobody else's may. */
const NAME_PREFIX = 'rowfs-rig-'
const SUBNET = '10.99.0'
/** Guests get .10, .11, …; servers in the namespace itself use .1 to .9. */
const FIRST_GUEST_HOST = 10
export const GUESTS_PER_NAMESPACE_MAX = 200
/** The user and group that guests run as (nobody, nogroup): they may open their tap and nothing else. */
export const GUEST_UID = 65_534

let namespacesMade = 0

/** A place on the bridge for one guest. */
export interface GuestSlot {
  readonly tap: string
  readonly address: string
  readonly prefixLength: number
  readonly mac: string
}

/**
 * A network of its own for one rig: loopback, and a bridge with the address 10.99.0.1 to which the guests' taps are tied.
 * Nothing leads out of it, so servers in it may use the well-known ports and several rigs may run at once.
 * Needs root. Whoever made it calls `remove`; what a killed run left is removed by the next `create`.
 */
export class NetworkNamespace {
  readonly name: string
  /** Where servers started in the namespace are reached by guests. */
  readonly address = `${SUBNET}.1`
  readonly prefixLength = 24
  /** All guests, for a server's list of allowed clients. */
  readonly network = `${SUBNET}.0/24`
  #slots = 0

  private constructor(name: string) {
    this.name = name
  }

  static async create(): Promise<NetworkNamespace> {
    if (namespacesMade === 0) await NetworkNamespace.removeLeftOvers()
    namespacesMade += 1
    const namespace = new NetworkNamespace(`${NAME_PREFIX}${ownerTag()}-${namespacesMade}`)
    await mustRun(['ip', 'netns', 'add', namespace.name])
    await namespace.#ip([
      'link set lo up',
      'link add br0 type bridge forward_delay 0',
      `addr add ${namespace.address}/${namespace.prefixLength} dev br0`,
      'link set br0 up',
    ])
    return namespace
  }

  /** The command line that runs `argv` inside; the process that is started becomes `argv`, with the same pid. */
  wrap(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...argv]
  }

  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return runCommand(this.wrap(argv), options)
  }

  mustRun(argv: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return mustRun(this.wrap(argv), options)
  }

  /** One more address on the bridge, .2 to .9, for a second server on the same well-known port. Returns it. */
  async addAddress(host: number): Promise<string> {
    const address = `${SUBNET}.${host}`
    await this.#ip([`addr add ${address}/${this.prefixLength} dev br0`])
    return address
  }

  /** A tap on the bridge and the address that goes with it. UML wants the virtio header on its tap, QEMU does not. */
  async addGuest(options: { readonly vnetHeader: boolean }): Promise<GuestSlot> {
    const index = this.#slots
    if (index === GUESTS_PER_NAMESPACE_MAX) throw new Error(`${this.name}: too many guests`)
    this.#slots += 1
    const tap = `tap${index}`
    await this.#ip([
      `tuntap add dev ${tap} mode tap user ${GUEST_UID}${options.vnetHeader ? ' vnet_hdr' : ''}`,
      `link set ${tap} master br0 up`,
    ])
    const host = FIRST_GUEST_HOST + index
    const mac = `52:54:00:99:00:${host.toString(16).padStart(2, '0')}`
    return { tap, address: `${SUBNET}.${host}`, prefixLength: this.prefixLength, mac }
  }

  /** Ends what still runs inside, then removes the namespace with its bridge and taps. */
  async remove(): Promise<void> {
    await removeNamespace(this.name)
  }

  /** Removes the namespaces of runs that were killed; returns their names. */
  static async removeLeftOvers(): Promise<string[]> {
    const { stdout } = await mustRun(['ip', 'netns', 'list'])
    const names = stdout
      .toString()
      .split('\n')
      .map((line) => line.split(' ')[0]!)
      .filter((name) => name.startsWith(NAME_PREFIX) && !ownerIsAlive(name.slice(NAME_PREFIX.length)))
    for (const name of names) await removeNamespace(name)
    return names
  }

  async #ip(commands: readonly string[]): Promise<void> {
    await mustRun(['ip', '-n', this.name, '-batch', '-'], { input: `${commands.join('\n')}\n` })
  }
}

async function removeNamespace(name: string): Promise<void> {
  // A namespace lives on while a process is in it, so first end those: they are ours, by the namespace's name.
  const { stdout } = await runCommand(['ip', 'netns', 'pids', name])
  for (const pid of stdout.toString().split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself since the list was made.
    }
  }
  // Two runs may clean up the same left-over at once: the loser finds it gone.
  const { exitCode, stderr } = await runCommand(['ip', 'netns', 'del', name])
  if (exitCode !== 0 && !stderr.includes('No such file')) throw new Error(`${name}: ${stderr}`)
}
