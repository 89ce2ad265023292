import { afterEach, beforeEach, expect, test } from 'vitest'
import { NfsdRig } from '../rig.ts'

let rig: NfsdRig

beforeEach(async () => {
  rig = await NfsdRig.start()
  rig.registrations.add(100003, 3, 'tcp', 2049)
  rig.registrations.add(100003, 3, 'udp', 2050)
  rig.registrations.add(100005, 3, 'tcp', 635)
})
afterEach(() => rig.stop())

const TCP = 6
const UDP = 17

test('GETPORT: by program, version and protocol; 0 for what is not served', async () => {
  const rows = [
    [100003, 3, TCP, 2049],
    [100003, 3, UDP, 2050],
    [100005, 3, TCP, 635],
    [100005, 3, UDP, 0],
    [100005, 1, TCP, 0],
    [100005, 2, TCP, 0],
    [100003, 4, TCP, 0],
    [100227, 3, TCP, 0],
  ] as const
  for (const [prog, vers, prot, port] of rows) {
    expect(await rig.portmap('GETPORT', { prog, vers, prot, port: 99 })).toBe(port)
  }
})

test('DUMP', async () => {
  expect(await rig.portmap('DUMP', undefined)).toEqual([
    { prog: 100003, vers: 3, prot: TCP, port: 2049 },
    { prog: 100003, vers: 3, prot: UDP, port: 2050 },
    { prog: 100005, vers: 3, prot: TCP, port: 635 },
  ])
})

test('nobody registers or takes away from outside', async () => {
  const mapping = { prog: 100003, vers: 3, prot: TCP, port: 1 }
  expect(await rig.portmap('SET', { ...mapping, prog: 7 })).toBe(false)
  expect(await rig.portmap('UNSET', mapping)).toBe(false)
  expect(await rig.portmap('GETPORT', mapping)).toBe(2049)
  expect(await rig.portmap('NULL', undefined)).toBeUndefined()
})
