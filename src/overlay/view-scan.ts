import { byteKey } from '../base/bytes.ts'
import type { IndexStore } from '../index/index-store.ts'
import { DamageError } from '../vfs/faults.ts'
import type { FileName, NodeId } from '../vfs/file-system.ts'
import { decodeEntryRecord, type EntryRecord } from './format/entry-record.ts'
import { decodeImageObjectRecord } from './format/image-object-record.ts'
import { imageObjectKey, KIND, kindPrefix, nameOfEntryKey, nodeOfKey } from './format/keys.ts'
import { decodeNodeRecord, type NodeRecord, type Place } from './format/node-record.ts'
import { isImageNumber } from './node-numbers.ts'

export interface ScannedEntry extends EntryRecord {
  readonly directory: NodeId
  readonly name: FileName
}

const SLASH = Buffer.from('/')
const DEPTH_MAX = 4_096

/** All records of a view, as they are in the index: what `diff`, `reset` and `check` go by. Needs no image server. */
export class ViewScan {
  readonly nodes = new Map<NodeId, NodeRecord>()
  readonly entries: ScannedEntry[] = []
  readonly damage: DamageError[] = []
  records = 0
  readonly #index: IndexStore
  readonly #byPlace = new Map<string, ScannedEntry>()
  /** Where nodes are shown under a name that is not the image's. */
  readonly #shownAt = new Map<NodeId, ScannedEntry[]>()
  readonly #hiddenAt = new Map<NodeId, ScannedEntry[]>()

  private constructor(index: IndexStore) {
    this.#index = index
  }

  static async read(index: IndexStore, view: number): Promise<ViewScan> {
    const scan = new ViewScan(index)
    for await (const { key, payload } of index.range(kindPrefix(KIND.node, view))) {
      scan.records += 1
      scan.#take(payload, (bytes) => {
        scan.nodes.set(nodeOfKey(key), decodeNodeRecord(bytes, `node ${nodeOfKey(key)} of view ${view}`))
      })
    }
    for await (const { key, payload } of index.range(kindPrefix(KIND.entry, view))) {
      scan.records += 1
      scan.#take(payload, (bytes) => {
        const object = `entry of directory ${nodeOfKey(key)} of view ${view}`
        const entry = {
          directory: nodeOfKey(key),
          name: nameOfEntryKey(key),
          ...decodeEntryRecord(bytes, object),
        }
        scan.#add(entry)
      })
    }
    return scan
  }

  #take(payload: Uint8Array | DamageError, use: (bytes: Uint8Array) => void): void {
    try {
      if (payload instanceof DamageError) throw payload
      use(payload)
    } catch (error) {
      if (!(error instanceof DamageError)) throw error
      this.damage.push(error)
    }
  }

  #add(entry: ScannedEntry): void {
    this.entries.push(entry)
    this.#byPlace.set(placeKey(entry.directory, entry.name), entry)
    if (entry.shows !== undefined) append(this.#shownAt, entry.shows.node, entry)
    if (entry.hides !== undefined) append(this.#hiddenAt, entry.hides.node, entry)
  }

  entryAt(directory: NodeId, name: FileName): ScannedEntry | undefined {
    return this.#byPlace.get(placeKey(directory, name))
  }

  shownAt(node: NodeId): readonly ScannedEntry[] {
    return this.#shownAt.get(node) ?? []
  }

  hiddenAt(node: NodeId): readonly ScannedEntry[] {
    return this.#hiddenAt.get(node) ?? []
  }

  /** Where the image has the object; undefined for the root. */
  imagePlace(node: NodeId): Place | undefined {
    const payload = this.#index.get(imageObjectKey(node))
    if (payload === undefined) throw new DamageError(`image object ${node}`, 'it has no record in the index')
    const { parent, name } = decodeImageObjectRecord(payload, `image object ${node}`)
    return parent === 0 ? undefined : { parent, name }
  }

  /** The path of a directory in the view, "" for the root; a removed one's is where it was. */
  directoryPath(directory: NodeId): Uint8Array {
    const parts: Uint8Array[] = []
    let at = directory
    for (let depth = 0; ; depth += 1) {
      if (depth > DEPTH_MAX) throw new DamageError(`directory ${directory}`, 'its parents form a ring')
      const place = this.nodes.get(at)?.place ?? (isImageNumber(at) ? this.imagePlace(at) : undefined)
      if (place === undefined) break
      parts.unshift(SLASH, place.name)
      at = place.parent
    }
    return Buffer.concat(parts)
  }

  entryPath(entry: { readonly directory: NodeId; readonly name: FileName }): Uint8Array {
    return Buffer.concat([this.directoryPath(entry.directory), SLASH, entry.name])
  }

  /** A path under which the node is shown, or where the image has it. */
  nodePath(node: NodeId): Uint8Array {
    const shown = this.shownAt(node)[0]
    if (shown !== undefined) return this.entryPath(shown)
    const place = this.imagePlace(node)
    if (place === undefined) return SLASH
    return this.entryPath({ directory: place.parent, name: place.name })
  }
}

function placeKey(directory: NodeId, name: FileName): string {
  return `${directory}/${byteKey(name)}`
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
