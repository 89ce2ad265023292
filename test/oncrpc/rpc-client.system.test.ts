import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { RpcClient } from '../../src/oncrpc/rpc-client.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import { TEST_PROGRAM } from './scripted-server.ts'

/** Listens with the shortest backlog, tells its port and then never runs again. */
const DEAF_SERVER = `
  const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

test('an address that swallows connection attempts is given up in time', async () => {
  const deaf = spawn(process.execPath, ['-e', DEAF_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  const fillers: Socket[] = []
  try {
    const [port] = await once(deaf.stdout, 'data')
    const target = { host: '127.0.0.1', port: Number(port) }
    // The backlog is full after a few; the kernel drops what comes then without a word.
    for (let index = 0; index < 8; index += 1) fillers.push(connect(target).on('error', () => {}))
    const subject = new RpcClient(target, {
      name: 'nfs://deaf',
      limits: { connectTimeoutMs: 200, waitMaxMs: 700, backOffMinMs: 10, silenceMaxMs: 1000 },
    })
    const failure: unknown = await subject
      .call(TEST_PROGRAM, 'NULL', undefined)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ServerUnavailableError)
    expect(failure).toMatchObject({ status: 'JUKEBOX', cause: { message: 'no connection within 200 ms' } })
    await subject.close()
  } finally {
    for (const filler of fillers) filler.destroy()
    deaf.kill('SIGKILL')
  }
})
