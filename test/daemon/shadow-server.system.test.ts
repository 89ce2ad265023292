import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Ganesha } from '../rig/ganesha.ts'
import { runRowfs } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { ProxyPlace } from './proxy-place.ts'

describeWithRigs('a proxy with its shadow on nfs-ganesha', ['ganesha', 'namespace'], () => {
  let place: ProxyPlace
  let ganesha: Ganesha
  let shadow: string
  let elsewhere: string
  beforeEach(async () => {
    place = new ProxyPlace()
    shadow = join(place.directory, 'shadow')
    elsewhere = join(place.directory, 'elsewhere')
    mkdirSync(shadow)
    mkdirSync(elsewhere)
    ganesha = await Ganesha.start({ exports: [{ directory: shadow }, { directory: elsewhere }] })
  })
  afterEach(async () => {
    await ganesha.stop()
    await place.end()
  })

  const view = (...args: string[]) => runRowfs(['view', ...args, '--state', place.state])

  test('changes are there after SIGKILL, also for commands without the proxy', async () => {
    const proxy = await place.startProxy({ shadow: ganesha.url(shadow) })
    const client = await place.mount(proxy)
    await client.write('motd', 'FROM')
    await proxy.kill()
    await proxy.start()
    expect(await client.read('motd')).toBe('FROM the image\n')
    await proxy.stop()
    expect(readdirSync(shadow)).not.toEqual([])
    expect((await view('check', 'default')).stdout.toString()).toContain('no problems in')
    await view('reset', 'default', '/motd')
    expect((await view('diff', 'default')).stdout.toString()).toBe('')
  })

  test('another place is refused until it is said that the blocks were moved', async () => {
    const proxy = await place.startProxy({ shadow: ganesha.url(shadow) })
    await proxy.stop()
    const args = [
      'proxy',
      '--base',
      'nfs://127.0.0.1/image',
      '--state',
      place.state,
      '--image-timeout-ms',
      '1000',
    ]
    const refused = await runRowfs([...args, '--shadow', ganesha.url(elsewhere)])
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr.toString()).toContain(
      `not in nfs://127.0.0.1${elsewhere}; give that place with --shadow`,
    )
    const moved = await place.startProxy({
      shadow: ganesha.url(elsewhere),
      extraArguments: ['--shadow-moved'],
    })
    expect(await moved.stop()).toEqual({ exitCode: 0, signal: null })
  })

  test('an export that is not there is said at the start', async () => {
    const { url } = await place.startImageServer().then((server) => ({ url: server.url('/image') }))
    const args = ['proxy', '--base', url, '--state', place.state, '--shadow', ganesha.url('/nowhere')]
    const refused = await runRowfs(args)
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr.toString()).toContain('/nowhere')
  })
})
