import { byteKey } from '../base/bytes.ts'
import type { Nfs3Client, Nfs3ReadProcedures } from '../nfsclient/nfs3-client.ts'
import { NFS3_COOKIEVERFSIZE, type post_op_attr } from '../protocols/nfs3/basic-types.ts'
import type { entryplus3 } from '../protocols/nfs3/types.ts'
import type { LowerEntry, LowerHandle, LowerPage } from '../vfs/lower-layer.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import { attributesOf } from './attributes.ts'

/** Asked of the server for one page, attributes and handles included: about 1,500 names. */
const PAGE_BYTES = 256 * 1024
/** Times that one listing is begun again because the server does not know its cookie any more. */
export const LISTING_RESTARTS_MAX = 3
/** A page of at least so many names, none with handle and attributes: READDIRPLUS is no help from this server. */
export const UNHELPFUL_PAGE_NAMES = 8

const DOT = 0x2e

interface WireEntry {
  readonly fileid: bigint
  readonly name: Uint8Array
  readonly cookie: bigint
}

interface WirePage {
  readonly dir_attributes: post_op_attr
  readonly cookieverf: Uint8Array
  readonly reply: { readonly entries: readonly (WireEntry | entryplus3)[]; readonly eof: boolean }
}

/** Where a listing goes on; `LowerPage.next` to the outside. */
interface Position {
  readonly cookie: bigint
  readonly verifier: Uint8Array
  readonly plus: boolean
  readonly restarts: number
  /** The pages given so far, last first: only looked at if the listing must begin again. */
  readonly given: Given | undefined
  /** Names given before it began again. */
  readonly skip: ReadonlySet<string> | undefined
}

interface Given {
  readonly entries: readonly LowerEntry[]
  readonly before: Given | undefined
}

/** Reads directories by READDIRPLUS, or by READDIR from a server that has no use for the former. */
export class DirectoryReader {
  #plus = true

  /** One page; `from` is undefined or the `next` of the page before. */
  async page(
    client: Nfs3Client<Nfs3ReadProcedures>,
    directory: LowerHandle,
    from: unknown,
  ): Promise<FsResult<LowerPage>> {
    const position = (from as Position | undefined) ?? this.#start(undefined)
    const result = position.plus
      ? await client.call('READDIRPLUS', {
          dir: directory,
          cookie: position.cookie,
          cookieverf: position.verifier,
          dircount: PAGE_BYTES,
          maxcount: PAGE_BYTES,
        })
      : await client.call('READDIR', {
          dir: directory,
          cookie: position.cookie,
          cookieverf: position.verifier,
          count: PAGE_BYTES,
        })
    if (result.ok) return this.#given(position, result.value)
    if (result.status === 'NOTSUPP' && position.plus && position.cookie === 0n) {
      this.#plus = false
      return this.page(client, directory, { ...position, plus: false })
    }
    if (
      result.status === 'BAD_COOKIE' &&
      position.cookie !== 0n &&
      position.restarts < LISTING_RESTARTS_MAX
    ) {
      return this.page(client, directory, this.#start(position))
    }
    return refuse(result.status)
  }

  #start(again: Position | undefined): Position {
    return {
      cookie: 0n,
      verifier: new Uint8Array(NFS3_COOKIEVERFSIZE),
      plus: this.#plus,
      restarts: again === undefined ? 0 : again.restarts + 1,
      given: again?.given,
      skip: again && namesOf(again.given),
    }
  }

  #given(position: Position, wire: WirePage): FsResult<LowerPage> {
    const directory = wire.dir_attributes && attributesOf(wire.dir_attributes)
    const all = wire.reply.entries
    const entries = all
      .filter((entry) => !isDot(entry.name) && position.skip?.has(byteKey(entry.name)) !== true)
      .map(lowerEntry)
    if (position.plus && entries.length >= UNHELPFUL_PAGE_NAMES) {
      if (entries.every((entry) => entry.object === undefined)) this.#plus = false
    }
    const last = all.at(-1)
    // No entry and no end would be asked for again for ever.
    if (wire.reply.eof || last === undefined) {
      return wire.reply.eof ? succeed({ entries, next: undefined, directory }) : refuse('TOOSMALL')
    }
    const next: Position = {
      ...position,
      cookie: last.cookie,
      verifier: wire.cookieverf,
      given: { entries, before: position.given },
    }
    return succeed({ entries, next, directory })
  }
}

function lowerEntry(entry: WireEntry | entryplus3): LowerEntry {
  const { name, fileid } = entry
  if (!('name_handle' in entry) || entry.name_handle === undefined || entry.name_attributes === undefined) {
    return { name, fileid, object: undefined }
  }
  const attributes = attributesOf(entry.name_attributes)
  const handle = entry.name_handle as LowerHandle
  return { name, fileid, object: attributes && { handle, attributes } }
}

function isDot(name: Uint8Array): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT))
}

function namesOf(given: Given | undefined): ReadonlySet<string> {
  const names = new Set<string>()
  for (let page = given; page !== undefined; page = page.before) {
    for (const entry of page.entries) names.add(byteKey(entry.name))
  }
  return names
}
