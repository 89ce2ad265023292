import type { MountedExport, NfsExport } from '../nfsclient/nfs-export.ts'
import type { Nfs3Client, Nfs3ReadProcedures } from '../nfsclient/nfs3-client.ts'
import { readRange } from '../nfsclient/read-range.ts'
import type { fattr3 } from '../protocols/nfs3/basic-types.ts'
import type { Attributes } from '../vfs/attributes.ts'
import { StorageError } from '../vfs/faults.ts'
import type { FileName, SpaceUsage } from '../vfs/file-system.ts'
import type { LowerHandle, LowerLayer, LowerObject, LowerPage } from '../vfs/lower-layer.ts'
import { type FsResult, refuse, succeed } from '../vfs/result.ts'
import { attributesOf } from './attributes.ts'
import { DirectoryReader } from './directory-reader.ts'

type ReadExport = NfsExport<Nfs3ReadProcedures>
type ReadClient = Nfs3Client<Nfs3ReadProcedures>

/**
 * The image on an unmodified NFSv3 server. Mounted at the first call that needs it. It is made from an export whose
 * client has only the procedures that read, so that nothing here can change the image.
 */
export class Nfs3LowerLayer implements LowerLayer {
  readonly name: string
  readonly #export: ReadExport
  readonly #directories = new DirectoryReader()

  constructor(imageExport: ReadExport) {
    this.name = imageExport.name
    this.#export = imageExport
  }

  async root(): Promise<LowerObject> {
    const object = await this.#withRoot(async ({ client, root }) => {
      const handle = root as LowerHandle
      const attributes = await this.#getattr(client, handle)
      return attributes.ok ? succeed({ handle, attributes: attributes.value }) : attributes
    })
    if (object.ok) return object.value
    throw new StorageError(object.status, `${this.name}: the server refuses its own root: ${object.status}`)
  }

  async getattr(handle: LowerHandle): Promise<FsResult<Attributes>> {
    return this.#getattr(await this.#client(), handle)
  }

  async lookup(
    directory: LowerHandle,
    name: FileName,
  ): Promise<
    FsResult<
      { readonly object: LowerObject; readonly directory: Attributes | undefined },
      { readonly directory: Attributes | undefined }
    >
  > {
    const client = await this.#client()
    const result = await client.call('LOOKUP', { what: { dir: directory, name } })
    if (!result.ok) return refuse(result.status, { directory: ofOptional(result.fail.dir_attributes) })
    const seen = ofOptional(result.value.dir_attributes)
    const handle = result.value.object as LowerHandle
    const given = result.value.obj_attributes
    const attributes = given === undefined ? await this.#getattr(client, handle) : sized(given)
    if (!attributes.ok) return refuse(attributes.status, { directory: seen })
    return succeed({ object: { handle, attributes: attributes.value }, directory: seen })
  }

  async readlink(handle: LowerHandle): Promise<FsResult<Uint8Array>> {
    const result = await (await this.#client()).call('READLINK', { symlink: handle })
    return result.ok ? succeed(result.value.data) : refuse(result.status)
  }

  async read(
    handle: LowerHandle,
    offsetBytes: number,
    countBytes: number,
  ): Promise<FsResult<{ readonly data: Uint8Array; readonly attributes: Attributes | undefined }>> {
    const { client, limits } = this.#export.mounted ?? (await this.#export.ready())
    const into = Buffer.allocUnsafeSlow(countBytes)
    const range = await readRange(client, limits.readBytes, handle, offsetBytes, into)
    if (!range.ok) return range
    const data = into.subarray(0, range.value.countBytes)
    return succeed({ data, attributes: ofOptional(range.value.attributes) })
  }

  async list(directory: LowerHandle, from: unknown): Promise<FsResult<LowerPage>> {
    return this.#directories.page(await this.#client(), directory, from)
  }

  async space(): Promise<FsResult<SpaceUsage>> {
    return this.#withRoot(async ({ client, root }) => {
      const result = await client.call('FSSTAT', { fsroot: root })
      if (!result.ok) return refuse(result.status)
      const { tbytes, fbytes, abytes, tfiles, ffiles, afiles } = result.value
      return succeed({
        totalBytes: exact(tbytes),
        freeBytes: exact(fbytes),
        availableBytes: exact(abytes),
        totalFiles: exact(tfiles),
        freeFiles: exact(ffiles),
        availableFiles: exact(afiles),
      })
    })
  }

  async close(): Promise<void> {
    await this.#export.close()
  }

  async #client(): Promise<ReadClient> {
    return (this.#export.mounted ?? (await this.#export.ready())).client
  }

  async #getattr(client: ReadClient, handle: LowerHandle): Promise<FsResult<Attributes>> {
    const result = await client.call('GETATTR', { object: handle })
    return result.ok ? sized(result.value.obj_attributes) : refuse(result.status)
  }

  /** A server whose export was made anew has another root: then the mount server is asked for it, once. */
  async #withRoot<T>(
    use: (mounted: MountedExport<Nfs3ReadProcedures>) => Promise<FsResult<T>>,
  ): Promise<FsResult<T>> {
    const result = await use(await this.#export.ready())
    if (result.ok || (result.status !== 'STALE' && result.status !== 'BADHANDLE')) return result
    return use(await this.#export.remount())
  }
}

/** Refused where the size is beyond what is exact. */
function sized(wire: fattr3): FsResult<Attributes> {
  const attributes = attributesOf(wire)
  return attributes === undefined ? refuse('FBIG') : succeed(attributes)
}

function ofOptional(wire: fattr3 | undefined): Attributes | undefined {
  return wire && attributesOf(wire)
}

function exact(quantity: number): number {
  return Math.min(quantity, Number.MAX_SAFE_INTEGER)
}
