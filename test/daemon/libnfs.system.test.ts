import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RowfsProcess } from '../rig/proxy-process.ts'
import { runRowfs } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { mustRun } from '../rig/run-command.ts'
import { assertSameTree, readTree } from '../rig/tree-digest.ts'
import { ProxyPlace } from './proxy-place.ts'

describeWithRigs("libnfs' tools on a view over rowfs export", ['libnfs', 'image-tree'], () => {
  let place: ProxyPlace
  let proxy: RowfsProcess
  beforeEach(async () => {
    place = new ProxyPlace()
    proxy = await place.startProxy()
  })
  afterEach(() => place.end())

  const text = async (...argv: string[]) => (await mustRun(argv)).stdout.toString()

  test('listing, reading and copying, through a restart; the image is untouched', async () => {
    const before = await readTree(place.image)
    const url = (path: string) => proxy.url(`/default${path}`)
    expect(await text('nfs-ls', url('/'))).toMatch(/ motd$/m)
    expect(await text('nfs-ls', '-R', url('/'))).toMatch(/ etc\/hostname$/m)
    expect(await text('nfs-cat', url('/motd'))).toBe('from the image\n')

    const large = join(place.directory, 'large')
    writeFileSync(large, Buffer.alloc(3_000_001, 'rowfs '))
    await mustRun(['nfs-cp', large, url('/etc/copy')])
    await proxy.kill()
    await proxy.start()
    const back = join(place.directory, 'back')
    await mustRun(['nfs-cp', url('/etc/copy'), back])
    expect(readFileSync(back).equals(readFileSync(large))).toBe(true)

    const diff = await runRowfs(['view', 'diff', 'default', '--state', place.state])
    expect(diff.stdout.toString()).toBe('A  /etc/copy  (733 blocks, 2.9 MiB)\n')
    expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
    assertSameTree(before, await readTree(place.image), { accessTimes: true })
  })
})
