import { FILE_NAME_MAX_BYTES, MAX_FILE_SIZE_BYTES, SYMLINK_MAX_BYTES } from '../../src/vfs/attributes.ts'
import type { Stability } from '../../src/vfs/file-system.ts'
import { apart, onOneFile } from './bursts.ts'
import type { Model } from './model.ts'
import type { ModelNode } from './model-node.ts'
import {
  CALLERS,
  type Call,
  type Changes,
  type How,
  type List,
  type Name,
  type Operation,
  ROOT_CALLER,
  type Special,
} from './operation.ts'
import { ODD_NAMES } from './seed-tree.ts'
import type { SeededRandom } from './seeded-random.ts'

/** How often each call comes, in parts of their sum. Chosen so that trees neither grow nor shrink for ever. */
const WEIGHTS = {
  lookup: 10,
  getattr: 4,
  access: 5,
  readlink: 2,
  read: 14,
  write: 18,
  commit: 4,
  setattr: 10,
  create: 8,
  mkdir: 4,
  symlink: 2,
  mknod: 2,
  remove: 7,
  rmdir: 3,
  rename: 10,
  link: 5,
  list: 3,
  burst: 3,
  fsstat: 1,
  fsinfo: 1,
  pathconf: 1,
} as const

const BLOCK_BYTES = 4096
const HOT_NODES = 12
const BURST_CALLS = 8
/** Above it, more is removed than made. */
const MANY_NODES = 500
const SMALL_SIZES = [0, 1, 2, 17, 100, 1000, 4095, 4096, 4097, 8191, 8192, 8193, 12_288]
const FAR_OFFSETS = [2 ** 31 - 1, 2 ** 32 - 5, 2 ** 40 - 100, 2 ** 40 + 3]
/** What nfsd refuses before the file system is asked. */
const BAD_NAMES = ['', '.', '..', 'a/b', '/', 'nul\0', 'n'.repeat(FILE_NAME_MAX_BYTES + 1)]
const BAD_TARGETS = ['', 'nul\0', 'x'.repeat(SYMLINK_MAX_BYTES + 1)]
const NAME_POOL = ['a', 'b', 'c', 'd', 'A', 'file', 'dir', ...ODD_NAMES]

/** Makes one operation after another out of a seed and the model as it is. The same model and seed: the same. */
export class OperationGenerator {
  readonly #random: SeededRandom
  readonly #model: Model
  readonly #overTheWire: boolean
  /** Worked on lately: most operations go on with these, so that changes meet. */
  readonly #hot: ModelNode[] = []
  #nodes: ModelNode[] = []
  #knownNodes = 0

  constructor(random: SeededRandom, model: Model, overTheWire: boolean) {
    this.#random = random
    this.#model = model
    this.#overTheWire = overTheWire
  }

  next(id: number): Operation {
    const kind = this.#random.weighted(WEIGHTS)
    if (kind === 'list') return { id, caller: this.#caller(this.#model.root), body: this.#list(id) }
    if (kind === 'burst')
      return { id, caller: ROOT_CALLER, body: { do: 'burst', operations: this.burst(id) } }
    return this.#single(id)
  }

  /** Calls that may be under way at once. */
  burst(id: number): Operation[] {
    if (this.#random.chance(0.4)) {
      const file = this.#node(({ type }) => type === 'file')
      if (file.type === 'file' && !file.gone) return onOneFile(file, id, this.#random)
    }
    const candidates: Operation[] = []
    for (let index = 1; index <= BURST_CALLS; index += 1) candidates.push(this.#single(id + index / 100))
    return apart(this.#model, candidates)
  }

  #single(id: number): Operation {
    for (;;) {
      const kind = this.#kind()
      if (kind === 'list' || kind === 'burst') continue
      const [call, about] = this.#call(id, kind)
      return { id, caller: this.#caller(about), body: call }
    }
  }

  #kind(): keyof typeof WEIGHTS {
    const kind = this.#random.weighted(WEIGHTS)
    if (!this.#overTheWire && (kind === 'fsinfo' || kind === 'pathconf')) return 'getattr'
    if (this.#model.nodes.size < MANY_NODES || !this.#random.chance(0.3)) return kind
    return kind === 'create' || kind === 'mkdir' || kind === 'link' ? 'remove' : kind
  }

  /** The call, and the object whose owner decides who had best ask. */
  #call(id: number, kind: Exclude<keyof typeof WEIGHTS, 'list' | 'burst'>): [Call, ModelNode] {
    switch (kind) {
      case 'getattr':
      case 'fsstat':
      case 'fsinfo':
      case 'pathconf': {
        const node = this.#node(() => true)
        return [{ do: kind, node: node.ref }, node]
      }
      case 'readlink': {
        const node = this.#node(({ type }) => type === 'symlink')
        return [{ do: 'readlink', node: node.ref }, node]
      }
      case 'access': {
        const node = this.#node(() => true)
        return [{ do: 'access', node: node.ref, wanted: this.#random.below(0x40) }, node]
      }
      case 'setattr': {
        const node = this.#node(() => true)
        const guard = this.#random.weighted({ none: 8, right: 1, wrong: 1 })
        return [{ do: 'setattr', node: node.ref, changes: this.#changes(node), guard }, node]
      }
      case 'read':
      case 'write':
      case 'commit':
        return this.#dataCall(kind)
      case 'link':
        return this.#link(id)
      case 'rename':
        return this.#rename(id)
      default:
        return this.#nameCall(id, kind)
    }
  }

  #dataCall(kind: 'read' | 'write' | 'commit'): [Call, ModelNode] {
    const node = this.#node(({ type }) => type === 'file')
    const offsetBytes = this.#offset(node)
    if (kind === 'read')
      return [{ do: 'read', node: node.ref, offsetBytes, countBytes: this.#length() }, node]
    if (kind === 'commit') {
      const whole = this.#random.chance(0.7)
      return [
        {
          do: 'commit',
          node: node.ref,
          offsetBytes: whole ? 0 : offsetBytes,
          countBytes: whole ? 0 : this.#length(),
        },
        node,
      ]
    }
    const stability: Stability = this.#random.weighted({ unstable: 6, 'data-sync': 1, 'file-sync': 3 })
    const data = { pattern: this.#random.uint32(), lengthBytes: this.#length() }
    const past = this.#random.chance(0.01)
      ? MAX_FILE_SIZE_BYTES - this.#random.below(data.lengthBytes + 1)
      : 0
    // At the very end of what is allowed a file would be refused by most shadows: only one past it is asked.
    const refused = past > 0 && past + data.lengthBytes > MAX_FILE_SIZE_BYTES
    return [{ do: 'write', node: node.ref, offsetBytes: refused ? past : offsetBytes, data, stability }, node]
  }

  #nameCall(
    id: number,
    kind: 'lookup' | 'create' | 'mkdir' | 'symlink' | 'mknod' | 'remove' | 'rmdir',
  ): [Call, ModelNode] {
    const directory = this.#directory()
    const at = { directory: directory.ref, name: this.#name(directory, id, isMaking(kind)) }
    const changes = this.#changesOfNew()
    switch (kind) {
      case 'create':
        return [{ do: kind, ...at, ...this.#how(directory, at.name) }, directory]
      case 'mkdir':
        return [{ do: kind, ...at, changes: without(changes, 'sizeBytes') }, directory]
      case 'symlink':
        return [
          { do: kind, ...at, target: this.#target(), changes: without(changes, 'sizeBytes') },
          directory,
        ]
      case 'mknod':
        return [
          { do: kind, ...at, special: this.#special(), changes: without(changes, 'sizeBytes') },
          directory,
        ]
      case 'lookup':
        return [
          { do: kind, ...at, name: this.#random.chance(0.1) ? this.#random.pick(['.', '..']) : at.name },
          directory,
        ]
      default: {
        const wanted = [...directory.entries].filter(
          ([, { type }]) => (type === 'directory') === (kind === 'rmdir'),
        )
        const name = wanted.length > 0 && this.#random.chance(0.8) ? this.#random.pick(wanted)[0] : at.name
        return [{ do: kind, ...at, name }, directory]
      }
    }
  }

  #link(id: number): [Call, ModelNode] {
    const node = this.#node(({ type }) => type !== 'directory')
    const directory = this.#directory()
    return [
      { do: 'link', node: node.ref, directory: directory.ref, name: this.#name(directory, id, true) },
      directory,
    ]
  }

  #rename(id: number): [Call, ModelNode] {
    const directory = this.#directory()
    const toDirectory = this.#random.chance(0.4) ? directory : this.#directory()
    const name = this.#name(directory, id, false)
    const call = { do: 'rename', directory: directory.ref, name } as const
    const moved = directory.entries.get(name)
    if (moved?.type === 'directory' && this.#random.chance(0.1)) {
      const inside = this.#random.pick([moved, ...[...moved.entries.values()].filter(isDirectory)])
      return [{ ...call, toDirectory: inside.ref, toName: 'a' }, directory]
    }
    if (moved !== undefined && this.#random.chance(0.1)) {
      const place = this.#random.pick([...this.#model.placesOf(moved)])
      return [{ ...call, toDirectory: place.directory.ref, toName: place.name }, directory]
    }
    const toName = this.#name(toDirectory, id, this.#random.chance(0.6))
    return [{ ...call, toDirectory: toDirectory.ref, toName }, directory]
  }

  #list(id: number): List {
    const directory = this.#directory()
    const pageSizes = Array.from({ length: this.#random.between(1, 4) }, () => this.#random.between(1, 40))
    const between: Operation[] = []
    for (let index = 0; index < this.#random.below(4); index += 1) {
      const kind = this.#random.pick(['create', 'remove', 'rmdir', 'mkdir'] as const)
      const [call] = this.#nameCall(id * 10 + index + 0.5, kind)
      const body = { ...call, directory: directory.ref } as Call
      between.push({ id: id + (index + 1) / 10, caller: this.#caller(directory), body })
    }
    return { do: 'list', directory: directory.ref, plus: this.#random.chance(0.5), pageSizes, between }
  }

  /** Mostly somebody who may: root, or the owner. */
  #caller(about: ModelNode): number {
    const owner = CALLERS.findIndex(({ uid }) => uid === about.uid)
    if (owner >= 0 && this.#random.chance(0.35)) return owner
    return this.#random.chance(0.55) ? ROOT_CALLER : this.#random.below(CALLERS.length)
  }

  #node(fits: (node: ModelNode) => boolean): ModelNode {
    if (this.#model.nodes.size !== this.#knownNodes) {
      this.#nodes = [...this.#model.nodes.values()]
      this.#knownNodes = this.#nodes.length
    }
    const goneToo = this.#random.chance(0.03)
    const anyType = this.#random.chance(0.06)
    const fitting = (node: ModelNode) => (goneToo || !node.gone) && (anyType || fits(node))
    const hot = this.#hot.filter(fitting)
    const list = hot.length > 0 && this.#random.chance(0.5) ? hot : this.#nodes.filter(fitting)
    const node = list.length > 0 ? this.#random.pick(list) : this.#model.root
    if (this.#hot.length === HOT_NODES) this.#hot.splice(this.#random.below(HOT_NODES), 1)
    this.#hot.push(node)
    return node
  }

  #directory(): ModelNode {
    return this.#node(isDirectory)
  }

  #name(directory: ModelNode, id: number, isNew: boolean): Name {
    if (this.#overTheWire && this.#random.chance(0.03)) return this.#random.pick(BAD_NAMES)
    const there = [...directory.entries.keys()]
    if (there.length > 0 && this.#random.chance(isNew ? 0.2 : 0.75)) return this.#random.pick(there)
    if (this.#random.chance(0.6)) return this.#random.pick(NAME_POOL)
    return this.#random.chance(0.05) ? `${id}`.padEnd(FILE_NAME_MAX_BYTES, '.') : `x${id}`
  }

  #offset(node: ModelNode): number {
    const edge = this.#random.below(12) * BLOCK_BYTES
    const offset = this.#random.weighted({ start: 2, end: 3, edge: 5, inside: 4, far: 1 })
    const around = this.#random.pick([-2, -1, 0, 0, 1, 2])
    if (offset === 'start') return this.#random.below(3)
    if (offset === 'end') return Math.max(0, node.sizeBytes + around)
    if (offset === 'edge') return Math.max(0, edge + around)
    if (offset === 'inside') return this.#random.below(Math.min(node.sizeBytes, 200_000) + 1)
    return this.#random.chance(0.3) ? this.#random.pick(FAR_OFFSETS) : this.#random.below(2_000_000)
  }

  #length(): number {
    if (this.#random.chance(0.6)) return this.#random.pick(SMALL_SIZES)
    return this.#random.below(this.#random.chance(0.05) ? 150_000 : 20_000)
  }

  #changes(node: ModelNode): Changes {
    const pick = <T>(probability: number, make: () => T): T | undefined =>
      this.#random.chance(probability) ? make() : undefined
    const size = node.type === 'file' ? 0.35 : 0.03
    if (this.#overTheWire && this.#random.chance(0.02)) {
      const tooFine = { seconds: 1, nanoseconds: 1_000_000_000 }
      return this.#random.pick([{ mtime: tooFine }, { sizeBytes: MAX_FILE_SIZE_BYTES + 1 }])
    }
    return withoutUndefined({
      mode: pick(0.35, () => this.#mode()),
      uid: pick(0.12, () => this.#uid()),
      gid: pick(0.12, () => this.#gid()),
      sizeBytes: pick(size, () => (this.#random.chance(0.2) ? 0 : this.#offset(node))),
      atime: pick(0.15, () => this.#time()),
      mtime: pick(0.2, () => this.#time()),
    })
  }

  /** CREATE and its like: mostly a mode, now and then all the rest. */
  #changesOfNew(): Changes {
    const pick = <T>(probability: number, make: () => T): T | undefined =>
      this.#random.chance(probability) ? make() : undefined
    return withoutUndefined({
      mode: pick(0.95, () => this.#mode()),
      uid: pick(0.1, () => this.#uid()),
      gid: pick(0.1, () => this.#gid()),
      sizeBytes: pick(0.2, () => this.#random.pick(SMALL_SIZES)),
      atime: pick(0.1, () => this.#time()),
      mtime: pick(0.1, () => this.#time()),
    })
  }

  #mode(): number {
    const usual = this.#random.pick([0o644, 0o600, 0o755, 0o777, 0o666, 0o700, 0o750, 0o2775, 0o1777, 0o4755])
    return this.#random.chance(0.75) ? usual : this.#random.below(0o10000)
  }

  #uid(): number {
    return this.#random.pick([...CALLERS.map(({ uid }) => uid), 4_294_967_294])
  }

  #gid(): number {
    return this.#random.pick([...CALLERS.flatMap(({ gid, gids }) => [gid, ...gids.slice(0, 2)]), 77_777])
  }

  #time(): 'server' | { seconds: number; nanoseconds: number } {
    if (this.#random.chance(0.4)) return 'server'
    const seconds = this.#random.chance(0.1)
      ? this.#random.pick([0, 2 ** 31, 2 ** 32 - 1])
      : this.#random.uint32()
    return { seconds, nanoseconds: this.#random.pick([0, 1, 999_999_999, this.#random.below(1_000_000_000)]) }
  }

  #how(directory: ModelNode, name: Name): { readonly how: How } {
    const there = directory.entries.get(name)
    if (there?.verifier !== undefined && this.#random.chance(0.6))
      return { how: { mode: 'exclusive', verifier: there.verifier } }
    const mode = this.#random.weighted({ unchecked: 3, guarded: 3, exclusive: 2 })
    if (mode !== 'exclusive') return { how: { mode, changes: this.#changesOfNew() } }
    const verifier = Array.from({ length: 8 }, () => String.fromCharCode(this.#random.below(256))).join('')
    return { how: { mode, verifier } }
  }

  #target(): string {
    if (this.#overTheWire && this.#random.chance(0.1)) return this.#random.pick(BAD_TARGETS)
    const lengthBytes = this.#random.pick([1, 5, 60, 1000, SYMLINK_MAX_BYTES])
    return this.#random.pick(['../x', 'y/', '\xff\x01', '.']).repeat(lengthBytes).slice(0, lengthBytes)
  }

  #special(): Special {
    if (this.#overTheWire && this.#random.chance(0.1))
      return { type: this.#random.pick(['file', 'directory', 'symlink'] as const) }
    const type = this.#random.pick(['block', 'character', 'socket', 'fifo'] as const)
    if (type === 'socket' || type === 'fifo') return { type }
    return { type, rdevMajor: this.#random.below(4096), rdevMinor: this.#random.below(2 ** 20) }
  }
}

function isDirectory(node: ModelNode): boolean {
  return node.type === 'directory'
}

function isMaking(kind: string): boolean {
  return kind !== 'lookup' && kind !== 'remove' && kind !== 'rmdir'
}

function without(changes: Changes, field: keyof Changes): Changes {
  const { [field]: _, ...rest } = changes
  return rest
}

function withoutUndefined(changes: { [Field in keyof Changes]: Changes[Field] | undefined }): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}
