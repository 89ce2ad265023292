import type { sattr3 } from '../protocols/nfs3/basic-types.ts'
import { NFS3_COOKIEVERFSIZE } from '../protocols/nfs3/basic-types.ts'
import type { CREATE3res, LOOKUP3res } from '../protocols/nfs3/types.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import type { ShadowKey } from '../vfs/shadow-store.ts'
import { granted, isStale, refused, type ShadowClient, type ShadowExport } from './remote-answers.ts'
import { bucketName, bucketOfNode, pathOfKey, viewFolderName } from './shadow-layout.ts'
import { storageFault } from './storage-faults.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const PAGE_BYTES = 64 * 1024
/** Times that one listing is begun again because the server does not know its cookie any more. */
export const LISTING_RESTARTS_MAX = 3

interface ViewFolder {
  readonly handle: Promise<Uint8Array | undefined>
  readonly buckets: Map<number, Promise<Uint8Array | undefined>>
}

/**
 * The folders of an NFS shadow store: finds and makes them, and keeps their handles. A handle that has become stale is
 * looked up again from the root, which is mounted again if need be. Symbolic links are refused, never followed.
 */
export class RemoteFolders {
  readonly #export: ShadowExport
  readonly #views = new Map<number, ViewFolder>()

  constructor(shadow: ShadowExport) {
    this.#export = shadow
  }

  /** The file's handle; undefined: there is none. */
  async find(key: ShadowKey): Promise<Uint8Array | undefined> {
    const name = pathOfKey(key).join('/')
    const result = await this.#inBucket(key, false, (client, bucket) => lookUp(client, bucket, key))
    return result && granted(result, 'find', name)
  }

  /** The file's handle; the file is made if there is none. */
  async make(key: ShadowKey): Promise<Uint8Array> {
    const name = pathOfKey(key).join('/')
    const result = await this.#inBucket(key, true, async (client, bucket) => {
      const found = await lookUp(client, bucket, key)
      if (!found.ok || found.value !== undefined) return found
      const where = { dir: bucket, name: Buffer.from(pathOfKey(key)[2]) }
      const how = { mode: 'UNCHECKED', obj_attributes: modeOnly(FILE_MODE) } as const
      const made = handleOfMade(await client.call('CREATE', { where, how }))
      return made.ok && made.value === undefined ? lookUp(client, bucket, key) : made
    })
    const handle = result && granted(result, 'make', name)
    if (handle === undefined) throw storageFault('IO', 'make', name, 'it is gone as soon as it is made')
    return handle
  }

  async remove(key: ShadowKey): Promise<void> {
    const name = pathOfKey(key).join('/')
    const result = await this.#inBucket(key, false, (client, bucket) =>
      client.call('REMOVE', { object: { dir: bucket, name: Buffer.from(pathOfKey(key)[2]) } }),
    )
    if (result !== undefined && !result.ok && result.status !== 'NOENT')
      throw refused(result.status, 'remove', name)
  }

  /** The names in a bucket's folder; none if there is no folder. */
  async namesInBucket(view: number, bucket: number): Promise<string[]> {
    const folder = `${viewFolderName(view)}/${bucketName(bucket)}`
    const result = await this.#inBucket({ view, node: bucket as ShadowKey['node'] }, false, listNames)
    return result === undefined ? [] : granted(result, 'list', folder)
  }

  async removeFromBucket(view: number, bucket: number, names: readonly string[]): Promise<void> {
    const removeAll = async (client: ShadowClient, dir: Uint8Array) => {
      const calls = names.map((name) => client.call('REMOVE', { object: { dir, name: Buffer.from(name) } }))
      const bad = (await Promise.all(calls)).find((result) => !result.ok && result.status !== 'NOENT')
      return bad?.ok === false ? refuse(bad.status) : succeed(undefined)
    }
    const result = await this.#inBucket({ view, node: bucket as ShadowKey['node'] }, false, removeAll)
    if (result !== undefined) granted(result, 'empty', `${viewFolderName(view)}/${bucketName(bucket)}`)
  }

  /** Removes the (empty) folder of a bucket. */
  async removeBucket(view: number, bucket: number): Promise<void> {
    const folder = await this.#viewHandle(view, false)
    if (folder === undefined) return
    const { client } = await this.#export.ready()
    await removeFolder(client, folder, bucketName(bucket))
    this.#views.get(view)?.buckets.delete(bucket)
  }

  /** Removes the (empty) folder of a view. */
  async removeView(view: number): Promise<void> {
    const { client, root } = await this.#export.ready()
    await removeFolder(client, root, viewFolderName(view))
    this.#views.delete(view)
  }

  /** Calls with the folder's handle; undefined: there is no such folder. */
  async #inBucket<T>(
    key: ShadowKey,
    make: boolean,
    use: (client: ShadowClient, bucket: Uint8Array) => Promise<FsResult<T, unknown>>,
  ): Promise<FsResult<T, unknown> | undefined> {
    for (let again = false; ; again = true) {
      const handle = await this.#bucketHandle(key, make)
      if (handle === undefined) return undefined
      const result = await use((await this.#export.ready()).client, handle)
      if (!isStale(result) || again) return result
      this.#views.delete(key.view)
    }
  }

  async #bucketHandle(key: ShadowKey, make: boolean): Promise<Uint8Array | undefined> {
    const view = await this.#viewHandle(key.view, make)
    const folder = this.#views.get(key.view)
    if (view === undefined || folder === undefined) return undefined
    const bucket = bucketOfNode(key.node)
    return this.#kept(folder.buckets, bucket, make, async () => {
      const result = await this.#child(view, bucketName(bucket), make)
      if (!isStale(result)) return granted(result, 'use', `${viewFolderName(key.view)}/${bucketName(bucket)}`)
      // The view's folder is another one now: find it, too.
      this.#views.delete(key.view)
      const again = await this.#viewHandle(key.view, make)
      return again && granted(await this.#child(again, bucketName(bucket), make), 'use', bucketName(bucket))
    })
  }

  async #viewHandle(view: number, make: boolean): Promise<Uint8Array | undefined> {
    const known = this.#views.get(view)
    if (known !== undefined) {
      const handle = await known.handle
      if (handle !== undefined || !make) return handle
    }
    const handle = this.#findView(view, make)
    const folder = { handle, buckets: new Map() }
    this.#views.set(view, folder)
    const forget = () => {
      if (this.#views.get(view) === folder) this.#views.delete(view)
    }
    handle.then((found) => found ?? forget(), forget)
    return handle
  }

  async #findView(view: number, make: boolean): Promise<Uint8Array | undefined> {
    const { root } = await this.#export.ready()
    const result = await this.#child(root, viewFolderName(view), make)
    if (!isStale(result)) return granted(result, 'use', viewFolderName(view))
    const mounted = await this.#export.remount()
    return granted(await this.#child(mounted.root, viewFolderName(view), make), 'use', viewFolderName(view))
  }

  /** What is asked for already is not asked for twice; what was not there is asked for again. */
  #kept(
    handles: Map<number, Promise<Uint8Array | undefined>>,
    at: number,
    make: boolean,
    find: () => Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    const known = handles.get(at)
    if (known !== undefined) return known.then((handle) => (handle === undefined && make ? find() : handle))
    const found = find()
    handles.set(at, found)
    const forget = () => handles.delete(at)
    found.then((handle) => handle ?? forget(), forget)
    return found
  }

  async #child(
    parent: Uint8Array,
    name: string,
    make: boolean,
  ): Promise<FsResult<Uint8Array | undefined, unknown>> {
    const { client } = await this.#export.ready()
    const where = { dir: parent, name: Buffer.from(name) }
    const look = async () => handleOfFound(await client.call('LOOKUP', { what: where }), 'NF3DIR', name)
    const found = await look()
    if (!make || !found.ok || found.value !== undefined) return found
    const made = await client.call('MKDIR', { where, attributes: modeOnly(FOLDER_MODE) })
    if (!made.ok && made.status === 'EXIST') return look()
    const handle = handleOfMade(made)
    return handle.ok && handle.value === undefined ? look() : handle
  }
}

async function lookUp(
  client: ShadowClient,
  bucket: Uint8Array,
  key: ShadowKey,
): Promise<FsResult<Uint8Array | undefined, unknown>> {
  const path = pathOfKey(key)
  const what = { dir: bucket, name: Buffer.from(path[2]) }
  return handleOfFound(await client.call('LOOKUP', { what }), 'NF3REG', path.join('/'))
}

/** NOENT is an answer: there is none. */
function handleOfFound(
  result: LOOKUP3res,
  type: 'NF3REG' | 'NF3DIR',
  name: string,
): FsResult<Uint8Array | undefined> {
  if (!result.ok) return result.status === 'NOENT' ? succeed(undefined) : refuse(result.status)
  const { object, obj_attributes } = result.value
  if (obj_attributes !== undefined && obj_attributes.type !== type) {
    const wanted = type === 'NF3REG' ? 'a regular file' : 'a folder (a symbolic link is never followed)'
    throw storageFault('IO', 'use', name, `it is not ${wanted}`)
  }
  return succeed(object)
}

/** The handle is optional in the answer (RFC 1813 section 3.3.8). */
function handleOfMade(result: CREATE3res): FsResult<Uint8Array | undefined> {
  if (!result.ok) return refuse(result.status)
  return succeed(result.value.obj)
}

function modeOnly(mode: number): sattr3 {
  return { mode, uid: undefined, gid: undefined, size: undefined, atime: undefined, mtime: undefined }
}

async function removeFolder(client: ShadowClient, dir: Uint8Array, name: string): Promise<void> {
  const result = await client.call('RMDIR', { object: { dir, name: Buffer.from(name) } })
  if (!result.ok && result.status !== 'NOENT') throw refused(result.status, 'remove', name)
}

async function listNames(client: ShadowClient, dir: Uint8Array): Promise<FsResult<string[]>> {
  const names = new Set<string>()
  let cookie = 0n
  let cookieverf: Uint8Array = new Uint8Array(NFS3_COOKIEVERFSIZE)
  let restarts = 0
  for (;;) {
    const result = await client.call('READDIR', { dir, cookie, cookieverf, count: PAGE_BYTES })
    if (!result.ok && result.status === 'BAD_COOKIE' && restarts < LISTING_RESTARTS_MAX) {
      restarts += 1
      cookie = 0n
      cookieverf = new Uint8Array(NFS3_COOKIEVERFSIZE)
      continue
    }
    if (!result.ok) return refuse(result.status)
    const { entries, eof } = result.value.reply
    for (const { name } of entries) names.add(Buffer.from(name).toString('latin1'))
    const last = entries.at(-1)
    if (eof) break
    // No entry and no end would be asked for again for ever.
    if (last === undefined) return refuse('TOOSMALL')
    cookie = last.cookie
    cookieverf = result.value.cookieverf
  }
  names.delete('.')
  names.delete('..')
  return succeed([...names])
}
