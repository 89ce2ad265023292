import { closeSync, constants, openSync } from 'node:fs'

const SOCKET_NAME = 'control'
export const CONTROL_REQUEST_MAX_BYTES = 256 * 1024

/**
 * The socket in the state directory by a short name. The address of a unix socket has room for 107 bytes and a state
 * directory's path may be longer: so the directory is opened and the socket named through its descriptor. `close` only
 * when the address is not used any more.
 */
export function controlAddress(directory: string): { readonly path: string; close(): void } {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  return { path: `/proc/self/fd/${descriptor}/${SOCKET_NAME}`, close: () => closeSync(descriptor) }
}

/** One line of JSON each way. Bytes (names, paths) are base64. */
export interface ControlRequest {
  readonly command: string
  readonly args: unknown
}

export type ControlReply =
  | { readonly ok: true; readonly result: unknown }
  /** `name` is the error's class: "UnknownViewError". */
  | { readonly ok: false; readonly name: string; readonly message: string }
