import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestSlot } from './network-namespace.ts'
import { mustRun } from './run-command.ts'

export const PROGRAMS = join(import.meta.dirname, 'programs')
const GUEST_PROGRAMS = ['guest-init.sh', 'guest-agent.py', 'plant-nodes.py', 'read-tree.py']

/** Fills what a guest sees as /host: its settings and programs in system, what it is given in `in`, an empty `out`. */
export async function prepareGuestFiles(
  directory: string,
  slot: GuestSlot,
  channelDevice: string,
  filesIn: readonly string[],
): Promise<void> {
  for (const name of ['system', 'in', 'out']) mkdirSync(join(directory, name), { recursive: true })
  for (const name of GUEST_PROGRAMS) copyFileSync(join(PROGRAMS, name), join(directory, 'system', name))
  const settings = [
    `GUEST_ADDRESS=${slot.address}/${slot.prefixLength}`,
    `GUEST_MAC=${slot.mac}`,
    `GUEST_CHANNEL='${channelDevice}'`,
  ]
  writeFileSync(join(directory, 'system/guest.env'), `${settings.join('\n')}\n`)
  if (filesIn.length > 0) await mustRun(['cp', '-rL', ...filesIn, join(directory, 'in')])
}
