import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { StatusReport } from '../../src/daemon/status-report.ts'
import { RowfsProcess, runRowfs } from '../rig/proxy-process.ts'
import { ProxyPlace } from './proxy-place.ts'

const STOP_MAX_MS = 5_000

let place: ProxyPlace
beforeEach(() => {
  place = new ProxyPlace()
})
afterEach(() => place.end())

/** What a command printed as JSON; a failing one is thrown with its words. */
async function ask(...args: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await runRowfs([...args, '--state', place.state, '--json'])
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`)
  return JSON.parse(stdout.toString())
}

const isReady = (proxy: RowfsProcess) =>
  vi.waitUntil(() => proxy.log.includes('ready\n'), { timeout: 10_000 })

describe('a proxy over rowfs export', () => {
  test('says how to mount each view, and then that it is ready', async () => {
    const proxy = await place.startProxy({ views: ['default', 'lab'] })
    await isReady(proxy)
    const options = `vers=3,proto=tcp,port=${proxy.port},mountport=${proxy.port},mountproto=tcp,nolock`
    expect(proxy.log).toContain(
      `mount -t nfs -o ${options} 127.0.0.1:/default /mnt\nmount -t nfs -o ${options} 127.0.0.1:/lab /mnt\nready\n`,
    )
  })

  test('changes stay in the view, and survive a stop, SIGKILL and a second view', async () => {
    const proxy = await place.startProxy({ views: ['default', 'lab'] })
    const client = await place.mount(proxy)
    await client.write('motd', 'FROM')
    expect(await client.read('motd')).toBe('FROM the image\n')
    expect(await (await place.mount(proxy, 'lab')).read('motd')).toBe('from the image\n')
    await proxy.kill()
    await proxy.start()
    expect(await client.read('motd')).toBe('FROM the image\n')
    expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
    await proxy.start()
    expect(await client.read('motd')).toBe('FROM the image\n')
    expect(readFileSync(join(place.image, 'motd'), 'utf8')).toBe('from the image\n')
  })

  test('a second process is refused with the pid of the first', async () => {
    const proxy = await place.startProxy()
    const second = await runRowfs(['proxy', '--base', 'nfs://127.0.0.1/image', '--state', place.state])
    expect(second.exitCode).toBe(1)
    expect(second.stderr.toString()).toContain(`is in use by process ${proxy.pid} (rowfs proxy)`)
    await proxy.kill()
    await proxy.start()
  })

  test('another image is refused', async () => {
    const proxy = await place.startProxy()
    await proxy.stop()
    const directories = [`${join(place.image, 'etc')}:etc`]
    const other = await RowfsProcess.startExport({
      directories,
      state: join(place.directory, 'other'),
      extraArguments: ['--allow-atime'],
    })
    const refused = await runRowfs(['proxy', '--base', other.url('/etc'), '--state', place.state])
    await other.stop()
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr.toString()).toContain('belongs to the image at')
  })
})

describe('SIGTERM', () => {
  test('under load: replies in flight are finished, what was acknowledged is there, exit code 0 in time', async () => {
    const proxy = await place.startProxy()
    const client = await place.mount(proxy)
    const file = await client.create('log')
    let acknowledged = 0
    const writing = (async () => {
      for (let line = 0; line < 100_000; line += 1) {
        await client.writeAt(file, line * 8, `${String(line).padStart(7, '0')}\n`)
        acknowledged = line + 1
      }
    })()
    writing.catch(() => {})
    await vi.waitUntil(() => acknowledged > 50, { timeout: 10_000 })
    const askedMs = performance.now()
    expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
    expect(performance.now() - askedMs).toBeLessThan(STOP_MAX_MS)
    const kept = acknowledged
    await client.close()
    await proxy.start()
    const lines = (await (await place.mount(proxy)).read('log')).split('\n')
    expect(lines.slice(0, kept)).toEqual(
      Array.from({ length: kept }, (_, line) => String(line).padStart(7, '0')),
    )
    expect(existsSync(join(place.state, 'closed'))).toBe(true)
  })

  test('while a client waits for an image server that has stopped answering', async () => {
    const server = await place.startImageServer()
    const proxy = await place.startProxy()
    const client = await place.mount(proxy)
    await client.write('new', 'hello\n')
    server.pause()
    const waiting = client.read('motd')
    waiting.catch(() => {})
    // Until the call has reached the image server nothing waits.
    await new Promise((resolve) => setTimeout(resolve, 200))
    const askedMs = performance.now()
    const end = await proxy.stop()
    expect(performance.now() - askedMs).toBeLessThan(STOP_MAX_MS)
    expect(end).toEqual({ exitCode: 0, signal: null })
    server.resume()
    await proxy.start()
    expect(await client.read('new')).toBe('hello\n')
  })

  test('while it waits for an image server that takes connections and says nothing', async () => {
    const silent = createServer()
    const sockets: Socket[] = []
    silent.on('connection', (socket) => sockets.push(socket))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const asked = runRowfs([
      'proxy',
      ...['--base', `nfs://127.0.0.1/x?nfsport=${port}&mountport=${port}`, '--state', place.state],
      ...['--listen', '127.0.0.1:0'],
    ])
    await once(silent, 'connection')
    const holder = JSON.parse(readFileSync(join(place.state, 'lock'), 'utf8')) as { pid: number }
    const askedMs = performance.now()
    process.kill(holder.pid, 'SIGTERM')
    const { exitCode } = await asked
    expect(performance.now() - askedMs).toBeLessThan(STOP_MAX_MS)
    expect(exitCode).toBe(0)
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
})

describe('view and status', () => {
  test.each([['while the proxy runs'], ['while it does not']])(
    'view ls, show, diff, check, reset, rm %s',
    async (when) => {
      const proxy = await place.startProxy({ views: ['default', 'lab'] })
      const client = await place.mount(proxy)
      await client.write('motd', 'FROM')
      await client.write('new', 'hello\n')
      if (when !== 'while the proxy runs') await proxy.stop()

      expect(await ask('view', 'ls')).toMatchObject([
        { name: 'default', nodesChanged: 3, entriesChanged: 1, shadowBytes: 8192 },
        { name: 'lab', nodesChanged: 0, entriesChanged: 0, shadowBytes: 0 },
      ])
      expect(await ask('view', 'show', 'lab')).toMatchObject({ name: 'lab' })
      expect(await ask('view', 'diff', 'default')).toEqual([
        { kind: 'modified', path: '/motd', type: 'file', blocks: 1, bytes: 4096, changed: ['content'] },
        { kind: 'added', path: '/new', type: 'file', blocks: 1, bytes: 4096 },
      ])
      expect(await ask('view', 'check', 'default')).toMatchObject({ problems: [], blocks: 2 })
      await ask('view', 'reset', 'default', '/motd')
      expect(await ask('view', 'diff', 'default')).toMatchObject([{ path: '/new' }])
      await ask('view', 'rm', 'lab')
      expect(await ask('view', 'ls')).toMatchObject([{ name: 'default' }])

      if (when !== 'while the proxy runs') await proxy.start()
      expect(await client.read('motd')).toBe('from the image\n')
      expect(await client.read('new')).toBe('hello\n')
    },
  )

  test('diff in words', async () => {
    const proxy = await place.startProxy()
    const client = await place.mount(proxy)
    await client.write('motd', 'FROM')
    const { stdout } = await runRowfs(['view', 'diff', 'default', '--state', place.state])
    expect(stdout.toString()).toBe('M  /motd  (content; 1 block, 4.0 KiB)\n')
  })

  test('a view that is not there is named, with those that are', async () => {
    await place.startProxy()
    const { exitCode, stderr } = await runRowfs(['view', 'diff', 'nope', '--state', place.state])
    expect(exitCode).toBe(1)
    expect(stderr.toString()).toContain('there is no view "nope"; there are: default')
  })

  test('status: calls with their latency, bytes by source, clients, the image server', async () => {
    const proxy = await place.startProxy()
    const client = await place.mount(proxy)
    await client.write('new', 'hello\n')
    await client.read('new')
    await client.read('motd')
    await client.read('motd')
    await isReady(proxy)
    const status = (await ask('status')) as StatusReport
    expect(status).toMatchObject({
      pid: proxy.pid,
      listen: `127.0.0.1:${proxy.port}`,
      image: { state: 'up' },
      views: [{ export: '/default' }],
      bytes: { fromImage: 15, fromCache: 15, fromShadow: 6 },
      changes: 2,
      clients: [{ address: '127.0.0.1', calls: status.calls }],
    })
    const read = status.procedures.find((one) => one.procedure === 'READ')!
    expect(read).toMatchObject({ program: 'nfs', calls: 3 })
    expect(read.p99Us).toBeGreaterThanOrEqual(read.p50Us)
    await proxy.stop()
    const without = await runRowfs(['status', '--state', place.state])
    expect(without.exitCode).toBe(1)
    expect(without.stderr.toString()).toContain(`no proxy answers on ${place.state}`)
  })
})

describe('an image server that is away', () => {
  test('at a restart: what is known is served, and the rest when it is back', async () => {
    const server = await place.startImageServer()
    const proxy = await place.startProxy({ extraArguments: ['--image-timeout-ms', '1000'] })
    const client = await place.mount(proxy)
    await client.write('new', 'hello\n')
    await proxy.stop()
    await server.stop()
    await proxy.start()
    expect(await client.read('new')).toBe('hello\n')
    expect(await client.read('motd')).toBe('JUKEBOX')
    await server.start()
    expect(await client.read('motd')).toBe('from the image\n')
    expect(await client.read('new')).toBe('hello\n')
  })

  test('at the first start: said, and nothing begun', async () => {
    const args = ['proxy', '--base', 'nfs://127.0.0.1/image?nfsport=9&mountport=9', '--state', place.state]
    const { exitCode, stderr } = await runRowfs([...args, '--image-timeout-ms', '500'])
    expect(exitCode).toBe(1)
    expect(stderr.toString()).toContain('did not answer')
  })
})
