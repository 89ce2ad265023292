import { connect } from 'node:net'
import { type ControlReply, controlAddress } from './control-socket.ts'

/** Thrown when the proxy answered with an error; `name` is the error's class there. */
export class ControlError extends Error {
  override readonly name: string
  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

/** Thrown when nobody answers on the socket of the state directory. */
export class NotRunningError extends Error {
  override readonly name = 'NotRunningError'
}

/** Asks the proxy that runs on the state directory. Throws NotRunningError, or ControlError with its answer. */
export async function askProxy(directory: string, command: string, args: unknown): Promise<unknown> {
  const text = await exchange(directory, `${JSON.stringify({ command, args })}\n`)
  if (!text.endsWith('\n')) throw new NotRunningError(`the proxy on ${directory} ended before it answered`)
  const reply = JSON.parse(text) as ControlReply
  if (!reply.ok) throw new ControlError(reply.name, reply.message)
  return reply.result
}

function exchange(directory: string, request: string): Promise<string> {
  const address = controlAddress(directory)
  return new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(address.path)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    socket.on('error', (error) =>
      reject(new NotRunningError(`no proxy answers on ${directory}`, { cause: error })),
    )
  }).finally(() => address.close())
}
