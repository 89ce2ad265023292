import { crc32 } from 'node:zlib'
import { printableBytes } from '../base/bytes.ts'
import { addKey, emptyTally } from '../index/group-tally.ts'
import type { IndexStore } from '../index/index-store.ts'
import { DamageError, FsFault } from '../vfs/faults.ts'
import type { NodeId } from '../vfs/file-system.ts'
import type { ShadowStore } from '../vfs/shadow-store.ts'
import { BLOCK_SIZE_BYTES, BLOCKS_PER_PAGE } from './blocks.ts'
import {
  entryKey,
  imageObjectKey,
  KIND,
  kindPrefix,
  overwriteMarkKey,
  pageOfKey,
  pagesPrefix,
} from './format/keys.ts'
import type { NodeRecord } from './format/node-record.ts'
import { isImageNumber } from './node-numbers.ts'
import { PresencePage } from './presence-page.ts'
import { blockChecksum } from './shadow-blocks.ts'
import { ViewScan } from './view-scan.ts'

export interface Problem {
  /** The path where it is known, else the node or record. */
  readonly object: string
  readonly what: string
}

export interface CheckReport {
  readonly problems: readonly Problem[]
  readonly records: number
  readonly blocks: number
}

/** Reads every record and every block of a view and compares them with what must be there. Changes nothing. */
export class ViewCheck {
  readonly #index: IndexStore
  readonly #shadow: ShadowStore
  readonly #view: number
  readonly #problems: Problem[] = []
  #records = 0
  #blocks = 0

  constructor(index: IndexStore, shadow: ShadowStore, view: number) {
    this.#index = index
    this.#shadow = shadow
    this.#view = view
  }

  async run(): Promise<CheckReport> {
    for (const what of this.#index.findings) this.#problems.push({ object: 'index', what })
    await this.#checkTally(this.#view, 'the records of the view')
    await this.#checkTally(0, 'the records of the image')
    const scan = await ViewScan.read(this.#index, this.#view)
    this.#checkEntries(scan)
    for (const [node, record] of scan.nodes) await this.#checkNode(scan, node, record)
    for await (const node of this.#shadow.list(this.#view)) {
      if (scan.nodes.get(node)?.removed !== false)
        this.#add(`shadow file of node ${node}`, 'no node of the view has it; it can be removed')
    }
    return { problems: this.#problems, records: this.#records, blocks: this.#blocks }
  }

  #add(object: string, what: string): void {
    this.#problems.push({ object, what })
  }

  /** LevelDB may lose records without a word: count them, and compare their keys' hash. */
  async #checkTally(group: number, object: string): Promise<void> {
    const found = emptyTally()
    for (const kind of Object.values(KIND)) {
      for await (const { key, payload } of this.#index.range(kindPrefix(kind, group))) {
        addKey(found, key)
        if (payload instanceof DamageError) this.#add(payload.object, payload.message)
      }
    }
    if (group === this.#view) this.#records = found.records
    const expected = this.#index.tally(group)
    if (found.records !== expected.records || found.keyHash !== expected.keyHash) {
      this.#add(object, `found ${found.records}, must be ${expected.records}: some were lost or came back`)
    }
  }

  #checkEntries(scan: ViewScan): void {
    const counted = new Map<NodeId, { entries: number; hash: number }>()
    for (const entry of scan.entries) {
      const tally = counted.get(entry.directory) ?? { entries: 0, hash: 0 }
      tally.entries += 1
      tally.hash = (tally.hash ^ crc32(entryKey(this.#view, entry.directory, entry.name))) >>> 0
      counted.set(entry.directory, tally)
      const node = entry.shows?.node
      if (node === undefined) continue
      const record = scan.nodes.get(node)
      const isThere =
        record !== undefined
          ? !record.removed
          : isImageNumber(node) && this.#index.get(imageObjectKey(node)) !== undefined
      if (!isThere)
        this.#add(
          this.#pathOf(() => scan.entryPath(entry)),
          `shows node ${node}, which has no record`,
        )
    }
    for (const [node, record] of scan.nodes) {
      const { entries, hash } = counted.get(node) ?? { entries: 0, hash: 0 }
      if (entries === record.entries && hash === record.entriesHash) continue
      this.#add(
        this.#pathOf(() => scan.nodePath(node)),
        `has ${entries} changed names, must have ${record.entries}`,
      )
    }
  }

  async #checkNode(scan: ViewScan, node: NodeId, record: NodeRecord): Promise<void> {
    const path = this.#pathOf(() => scan.nodePath(node))
    let pages = 0
    let hash = 0
    for await (const { key, payload } of this.#index.range(pagesPrefix(this.#view, node))) {
      pages += 1
      hash = (hash ^ crc32(key)) >>> 0
      if (payload instanceof DamageError) continue
      await this.#checkPage(node, path, pageOfKey(key), payload)
    }
    if (pages !== record.pages || hash !== record.pagesHash) {
      this.#add(path, `has ${pages} presence pages, must have ${record.pages}`)
    }
  }

  async #checkPage(node: NodeId, path: string, number: number, payload: Uint8Array): Promise<void> {
    // A block that was being overwritten when the process died may be torn: it was not stable.
    const mayBeTorn = this.#index.get(overwriteMarkKey(this.#view, node)) !== undefined
    const data = Buffer.alloc(BLOCK_SIZE_BYTES)
    try {
      const page = PresencePage.decode(payload, path)
      for (let at = 0; at < BLOCKS_PER_PAGE; at += 1) {
        if (!page.present.has(at)) continue
        const block = number * BLOCKS_PER_PAGE + at
        this.#blocks += 1
        const count = await this.#shadow.read({ view: this.#view, node }, block * BLOCK_SIZE_BYTES, data)
        if (blockChecksum(data.subarray(0, count)) === page.checksums[at] || mayBeTorn) continue
        this.#add(path, `block ${block} (bytes ${block * BLOCK_SIZE_BYTES} on) does not match its checksum`)
      }
    } catch (error) {
      if (!(error instanceof FsFault)) throw error
      this.#add(path, error.message)
    }
  }

  #pathOf(path: () => Uint8Array): string {
    try {
      return printableBytes(path())
    } catch (error) {
      if (error instanceof DamageError) return error.object
      throw error
    }
  }
}
