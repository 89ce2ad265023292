import { afterEach } from 'vitest'
import { RpcClient, type RpcClientOptions } from '../../src/oncrpc/rpc-client.ts'
import { ScriptedServer, type SeenCall, TEST_PROGRAM } from './scripted-server.ts'

/** The client's waits, short enough for tests. */
export const QUICK = {
  waitMaxMs: 2_000,
  waitMinMs: 50,
  connectTimeoutMs: 500,
  probeAfterMs: 100,
  silenceMaxMs: 200,
  backOffMinMs: 10,
  backOffMaxMs: 50,
}

export const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

export async function serve(onCall: (call: SeenCall) => void, port?: number): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen(onCall, port)
  cleanUps.push(() => server.close())
  return server
}

export function client(
  target: { host: string; port: number },
  options: Partial<RpcClientOptions> = {},
): RpcClient {
  const made = new RpcClient(target, {
    name: 'nfs://test',
    ...options,
    limits: { ...QUICK, ...options.limits },
  })
  cleanUps.push(() => made.close())
  return made
}

export const echo = (call: SeenCall) => call.connection.reply(call.xid, call.args)
export const bytes = (text: string) => Buffer.from(text)
export const callEcho = (from: RpcClient, text: string) =>
  from.call(TEST_PROGRAM, 'ECHO', bytes(text)).then((result) => Buffer.from(result).toString())

export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}

/** A port on which nobody listens. */
export async function unusedPort(): Promise<number> {
  const server = await ScriptedServer.listen(() => {})
  const { port } = server.target
  await server.close()
  return port
}
