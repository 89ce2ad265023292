import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NetworkNamespace } from './network-namespace.ts'

/** Takes connections on a Unix socket (which every network namespace can reach) on to a TCP port of its own namespace. */
const INNER_END = `
  const net = require('node:net')
  const [host, ...pairs] = process.argv.slice(1)
  let left = pairs.length
  for (const pair of pairs) {
    const [path, port] = pair.split('=')
    net.createServer((outer) => {
      const inner = net.connect({ host, port: Number(port), noDelay: true })
      outer.pipe(inner).pipe(outer)
      for (const [one, other] of [[outer, inner], [inner, outer]]) {
        one.on('error', () => other.destroy()).on('close', () => other.destroy())
      }
    }).listen(path, () => { if (--left === 0) console.log('ready') })
  }`

/** Ports of 127.0.0.1 here that lead to ports of a host in another network namespace. */
export class NamespaceRelay {
  /** In the order in which the inner ports were given. */
  readonly ports: readonly number[]
  readonly #child: ChildProcess
  readonly #servers: readonly Server[]
  readonly #sockets: Set<Socket>
  readonly #folder: string

  private constructor(child: ChildProcess, servers: readonly Server[], sockets: Set<Socket>, folder: string) {
    this.#child = child
    this.#servers = servers
    this.#sockets = sockets
    this.#folder = folder
    this.ports = servers.map((server) => (server.address() as AddressInfo).port)
  }

  static async start(
    namespace: NetworkNamespace,
    host: string,
    ports: readonly number[],
  ): Promise<NamespaceRelay> {
    const folder = mkdtempSync(join(tmpdir(), 'rowfs-relay-'))
    const path = (port: number) => join(folder, String(port))
    const pairs = ports.map((port) => `${path(port)}=${port}`)
    const [program, ...args] = namespace.wrap([process.execPath, '-e', INNER_END, host, ...pairs])
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program!, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const sockets = new Set<Socket>()
    const servers = await Promise.all(ports.map((port) => relayTo(path(port), sockets)))
    return new NamespaceRelay(child, servers, sockets, folder)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function relayTo(path: string, sockets: Set<Socket>): Promise<Server> {
  const server = createServer({ noDelay: true }, (outer) => {
    const inner = connect(path)
    sockets.add(outer)
    outer.pipe(inner).pipe(outer)
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy())
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy())
    outer.on('close', () => sockets.delete(outer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
