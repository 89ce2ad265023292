import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import { askProxy, ControlError, NotRunningError } from '../../src/daemon/control-client.ts'
import { ControlServer } from '../../src/daemon/control-server.ts'
import { CONTROL_REQUEST_MAX_BYTES, controlAddress } from '../../src/daemon/control-socket.ts'

const logger = createLogger('silent')
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-control-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const handlers = {
  twice: (args: unknown) => ({ value: (args as { value: number }).value * 2 }),
  fail: () => {
    throw new RangeError('the view is not there')
  },
}

async function served(work: (server: ControlServer) => Promise<void>, at = directory): Promise<void> {
  const server = await ControlServer.listen(at, handlers, logger)
  try {
    await work(server)
  } finally {
    await server.close()
  }
}

test('a command and its result; an error with its class and its words', () =>
  served(async () => {
    expect(await askProxy(directory, 'twice', { value: 21 })).toEqual({ value: 42 })
    await expect(askProxy(directory, 'fail', {})).rejects.toThrow(ControlError)
    await expect(askProxy(directory, 'fail', {})).rejects.toMatchObject({
      name: 'RangeError',
      message: 'the view is not there',
    })
    await expect(askProxy(directory, 'toString', {})).rejects.toThrow('unknown command toString')
  }))

test('only the owner may talk to it', () =>
  served(async () => {
    expect(statSync(join(directory, 'control')).mode & 0o777).toBe(0o600)
  }))

test('a path that is too long for a socket address', async () => {
  const deep = join(directory, 'd'.repeat(200), 'e'.repeat(200))
  mkdirSync(deep, { recursive: true })
  await served(async () => {
    expect(await askProxy(deep, 'twice', { value: 1 })).toEqual({ value: 2 })
  }, deep)
})

test('nobody there, or only what a killed proxy left', async () => {
  await expect(askProxy(directory, 'twice', {})).rejects.toThrow(NotRunningError)
  writeFileSync(join(directory, 'control'), '')
  await expect(askProxy(directory, 'twice', {})).rejects.toThrow(`no proxy answers on ${directory}`)
  await served(async () => {
    expect(await askProxy(directory, 'twice', { value: 1 })).toEqual({ value: 2 })
  })
})

test('closing waits for a request under way, and not for one that never comes', async () => {
  const started = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<string>()
  const slow = () => {
    started.resolve()
    return finish.promise
  }
  const server = await ControlServer.listen(directory, { slow }, logger)
  const address = controlAddress(directory)
  const idle = connect(address.path)
  await once(idle, 'connect')
  const answer = askProxy(directory, 'slow', {})
  await started.promise
  const closed = server.close()
  await once(idle, 'close')
  finish.resolve('done')
  expect(await answer).toBe('done')
  await closed
  address.close()
})

test('closing does not wait for ever', async () => {
  const started = Promise.withResolvers<void>()
  const endless = () => {
    started.resolve()
    return new Promise(() => {})
  }
  const server = await ControlServer.listen(directory, { endless }, logger)
  const answer = askProxy(directory, 'endless', {})
  answer.catch(() => {})
  await started.promise
  await server.close(10)
  await expect(answer).rejects.toThrow(NotRunningError)
})

describe('what is sent to it', () => {
  async function send(text: string): Promise<string> {
    const address = controlAddress(directory)
    const socket = connect(address.path)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.write(text)
    await new Promise((resolve) => socket.once('close', resolve))
    address.close()
    return Buffer.concat(chunks).toString()
  }

  test('may have 256 KiB, not more', () =>
    served(async () => {
      const frame = JSON.stringify({ command: 'twice', args: { value: 1, padding: '' } })
      const request = (bytes: number) => frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`)
      expect(await send(`${request(CONTROL_REQUEST_MAX_BYTES - 1)}\n`)).toContain('"value":2')
      expect(await send(`${request(CONTROL_REQUEST_MAX_BYTES)}\n`)).toContain('too long')
    }))

  test('must be JSON', () =>
    served(async () => {
      expect(await send('hello\n')).toContain('not JSON')
    }))
})
