import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Random } from '../base/random.ts'
import { HANDLE_SECRET_BYTES } from '../handles/handle-mac.ts'
import { DamageError } from '../vfs/faults.ts'
import { readStateFile, writeStateFile } from './state-file.ts'
import { lockState, type StateLock } from './state-lock.ts'

/** The version of everything in a state directory (docs/formats/state-directory.md). */
export const STATE_FORMAT_VERSION = 1
const KEY_FORMAT_VERSION = 1
const CLOSE_FORMAT_VERSION = 1
const DIRECTORY_MODE = 0o700

/** The image that a state directory belongs to: its root's (fsid, fileid) in decimal. Handles and servers may change. */
export interface BaseIdentity {
  /** Where it was last found; for messages, and for commands that are not told. */
  readonly url: string
  readonly fsid: string
  readonly fileid: string
}

/** Where the redirected blocks of a state directory are. "own": in it, under `shadow`. */
export type ShadowIdentity =
  | { readonly kind: 'own' }
  | { readonly kind: 'directory'; readonly place: string }
  /** `place` is nfs://HOST/PATH; `url` has the ports too, which may differ from start to start. */
  | { readonly kind: 'nfs'; readonly place: string; readonly url: string }

interface StateContent {
  readonly base?: BaseIdentity
  readonly shadow?: ShadowIdentity
}

/** Thrown when the state directory belongs to another image, or is not one. The message says what to do. */
export class StateRefusedError extends Error {
  override readonly name = 'StateRefusedError'
}

/**
 * The state directory of one proxy, locked for this process: its format version, the image it belongs to, the secret
 * of its handles. What else is in it (index, shadow) is opened by others.
 */
export class StateDirectory {
  readonly path: string
  /** Keys the MAC of virtual handles. Never replaced: clients hold handles made with it. */
  readonly handleSecret: Uint8Array
  #content: StateContent
  readonly #lock: StateLock

  private constructor(path: string, lock: StateLock, handleSecret: Uint8Array, content: StateContent) {
    this.path = path
    this.#lock = lock
    this.handleSecret = handleSecret
    this.#content = content
  }

  /**
   * `random` absent: the directory must be there already. Throws StateInUseError, UnknownFormatError, DamageError,
   * StateRefusedError; then nothing in it has been changed.
   */
  static open(path: string, command: string, random: Random | undefined): StateDirectory {
    if (random !== undefined) mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
    const isNew = refuseStrangers(path, random !== undefined)
    const lock = lockState(path, command)
    try {
      if (isNew) return StateDirectory.#make(path, lock, random!)
      const content = readStateFile(join(path, 'STATE'), 'state', STATE_FORMAT_VERSION) as StateContent
      return new StateDirectory(path, lock, readHandleSecret(path), content)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** The secret first: a directory with STATE has everything. */
  static #make(path: string, lock: StateLock, random: Random): StateDirectory {
    const secret = random.bytes(HANDLE_SECRET_BYTES)
    writeStateFile(join(path, 'handle-key'), 'handle-key', KEY_FORMAT_VERSION, {
      key: Buffer.from(secret).toString('hex'),
    })
    writeStateFile(join(path, 'STATE'), 'state', STATE_FORMAT_VERSION, {})
    return new StateDirectory(path, lock, secret, {})
  }

  get base(): BaseIdentity | undefined {
    return this.#content.base
  }

  get shadow(): ShadowIdentity | undefined {
    return this.#content.shadow
  }

  /** The first image stays; a later one must be the same, wherever it is served from. */
  adoptBase(found: BaseIdentity): void {
    const own = this.#content.base
    if (own !== undefined && (own.fsid !== found.fsid || own.fileid !== found.fileid)) {
      throw new StateRefusedError(
        `${this.path} belongs to the image at ${own.url} (fsid ${own.fsid}, root ${own.fileid}), and ${found.url} is another one ` +
          `(fsid ${found.fsid}, root ${found.fileid}); give another directory with --state, or the right image with --base`,
      )
    }
    if (own?.url !== found.url) this.#write({ ...this.#content, base: found })
  }

  /** Blocks that are ours must be looked for where they were put: another place would have holes in their stead. */
  adoptShadow(given: ShadowIdentity, wasMoved: boolean): void {
    const own = this.#content.shadow
    if (own !== undefined && !wasMoved && placeOf(own) !== placeOf(given)) {
      throw new StateRefusedError(
        `the changed blocks of ${this.path} are in ${placeOf(own)}, not in ${placeOf(given)}; ` +
          'give that place with --shadow, or, if you moved the files, add --shadow-moved once',
      )
    }
    if (!isDeepStrictEqual(own, given)) this.#write({ ...this.#content, shadow: given })
  }

  #write(content: StateContent): void {
    this.#content = content
    writeStateFile(join(this.path, 'STATE'), 'state', STATE_FORMAT_VERSION, content)
  }

  /** The number of the last commit at a clean close: the index may have more now, never fewer. */
  get closedSequence(): number | undefined {
    const found = readStateFile(join(this.path, 'closed'), 'closed', CLOSE_FORMAT_VERSION)
    return (found as { sequence: number } | undefined)?.sequence
  }

  recordClose(sequence: number): void {
    writeStateFile(join(this.path, 'closed'), 'closed', CLOSE_FORMAT_VERSION, { sequence })
  }

  release(): void {
    this.#lock.release()
  }
}

function placeOf(shadow: ShadowIdentity): string {
  return shadow.kind === 'own' ? 'its own directory "shadow"' : shadow.place
}

/** True: an empty directory, to be made one of ours. Anything that is not ours is left alone. */
function refuseStrangers(path: string, mayMake: boolean): boolean {
  let names: string[]
  try {
    names = readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new StateRefusedError(
      `${path} does not exist; give the directory that rowfs proxy was started with (--state)`,
    )
  }
  // Read without the lock: a version that we do not know is refused before anything is written.
  if (readStateFile(join(path, 'STATE'), 'state', STATE_FORMAT_VERSION) !== undefined) return false
  if (names.includes('index') || names.includes('shadow')) {
    throw new DamageError(
      join(path, 'STATE'),
      'it is missing, but the directory holds views; put it back from a backup',
    )
  }
  const ours = names.every(
    (name) => name.startsWith('lock') || name.startsWith('handle-key') || name === 'STATE.new',
  )
  if (!ours || !mayMake) {
    throw new StateRefusedError(
      `${path} is not a state directory of rowfs; give an empty or a new one with --state`,
    )
  }
  return true
}

function readHandleSecret(path: string): Uint8Array {
  const file = join(path, 'handle-key')
  const content = readStateFile(file, 'handle-key', KEY_FORMAT_VERSION) as { key?: string } | undefined
  if (content === undefined) {
    throw new DamageError(
      file,
      'it is missing; without it every handle of every client is void. Put it back from a backup',
    )
  }
  const secret = Buffer.from(content.key ?? '', 'hex')
  if (secret.length !== HANDLE_SECRET_BYTES) throw new DamageError(file, 'it does not hold a key of 32 bytes')
  return new Uint8Array(secret)
}
