import { spawn } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { runCommand } from '../rig/run-command.ts'
import { waitForPort } from '../rig/wait-for-port.ts'
import { ProxyPlace } from './proxy-place.ts'

const PORT = 12_049

describeWithRigs('--portmap', ['namespace', 'libnfs', 'ganesha'], () => {
  let namespace: NetworkNamespace
  let place: ProxyPlace
  const wrap = (argv: readonly string[]) => namespace.wrap(argv)

  beforeEach(async () => {
    namespace = await NetworkNamespace.create()
    place = new ProxyPlace()
  })
  afterEach(async () => {
    await place.end()
    await namespace.remove()
  })

  async function startProxy(): Promise<RowfsProcess> {
    const directories = [`${place.image}:image`]
    const server = await RowfsProcess.startExport({
      directories,
      state: `${place.directory}/export`,
      port: 12_050,
      wrap,
    })
    return place.startProxy({ base: server.url('/image'), port: PORT, portmap: true, wrap })
  }

  /** What clients see: lines of "program version protocol port". */
  async function registered(): Promise<string[]> {
    const { stdout } = await namespace.run(['rpcinfo', '-p', '127.0.0.1'])
    const lines = stdout.toString().split('\n').slice(1)
    return lines.map((line) => line.trim().split(/\s+/).slice(0, 4).join(' ')).filter((line) => line !== '')
  }

  const OURS = [
    `100003 3 tcp ${PORT}`,
    `100003 3 udp ${PORT}`,
    `100005 3 tcp ${PORT}`,
    `100005 3 udp ${PORT}`,
  ]

  test('answers GETPORT and DUMP on port 111, so that clients need no port', async () => {
    const proxy = await startProxy()
    expect((await registered()).sort()).toEqual(['100000 2 tcp 111', '100000 2 udp 111', ...OURS])
    // libnfs asks the portmapper when it is given no ports.
    const { stdout } = await namespace.run(['nfs-cat', 'nfs://127.0.0.1/default/motd'])
    expect(stdout.toString()).toBe('from the image\n')
    for (const protocol of ['-t', '-u']) {
      expect((await namespace.run(['rpcinfo', protocol, '127.0.0.1', '100003', '3'])).exitCode).toBe(0)
    }
    expect((await namespace.run(['showmount', '-e', '127.0.0.1'])).stdout.toString()).toMatch(
      /^\/default +127\.0\.0\.0\/8,::1\/128$/m,
    )
    expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
  })

  test('registers with the portmapper that is there, and takes it back', async () => {
    const [program, ...args] = wrap([
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs none /run && exec rpcbind -f -w',
    ])
    const rpcbind = spawn(program!, args, { stdio: 'ignore' })
    const isOver = () => rpcbind.exitCode !== null
    expect(await waitForPort({ host: '127.0.0.1', port: 111, wrap, isOver, timeoutMs: 10_000 })).toBe(true)
    try {
      const proxy = await startProxy()
      expect(await registered()).toEqual(expect.arrayContaining(OURS))
      expect(await proxy.stop()).toEqual({ exitCode: 0, signal: null })
      expect((await registered()).filter((line) => OURS.includes(line))).toEqual([])
    } finally {
      rpcbind.kill('SIGKILL')
    }
  })

  test('a port map that another server holds is said', async () => {
    const proxy = await startProxy()
    const other = await runCommand(
      wrap([
        ...[process.execPath, 'src/main.ts', 'proxy', '--state', `${place.directory}/other`],
        ...[
          '--base',
          `nfs://127.0.0.1/image?nfsport=12050&mountport=12050`,
          '--listen',
          '127.0.0.1:12051',
          '--portmap',
        ],
      ]),
    )
    expect(other.exitCode).toBe(1)
    expect(other.stderr.toString()).toContain(`another server has program 100003 (port ${PORT})`)
    await proxy.stop()
  })
})
