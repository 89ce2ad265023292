import type { NodeType } from '../../src/vfs/attributes.ts'
import { ModelTime } from './model-time.ts'
import { lastName, parentPath, type SeedEntry, type SeedTree, seedPieces } from './seed-tree.ts'
import { SparseBytes } from './sparse-bytes.ts'
import type { UnstableWrites } from './unstable-writes.ts'

/** How operations name an object: "/path" for what the image had there, "n12" for what operation 12 made. */
export type NodeRef = string

export interface ModelNode {
  readonly ref: NodeRef
  readonly type: NodeType
  mode: number
  uid: number
  gid: number
  nlink: number
  readonly rdevMajor: number
  readonly rdevMinor: number
  atime: ModelTime
  mtime: ModelTime
  ctime: ModelTime
  /** Files. */
  sizeBytes: number
  /** The server's own count, the same until the content changes. */
  used: Learned
  readonly content: SparseBytes
  unstable: UnstableWrites | undefined
  /** Bits of the mode that an unstable write took away: a crash may bring them back. */
  bitsAtRisk: number
  /** Symbolic links: a byte key. */
  readonly target: string
  /** Directories: by byte key. */
  readonly entries: Map<string, ModelNode>
  parent: ModelNode | undefined
  /** Of an exclusive CREATE. */
  verifier: string | undefined
  /** No name is left: its handle is STALE for ever. */
  gone: boolean
}

/** A value that only the server can tell: learned when it is first seen. */
export interface Learned {
  value: number | undefined
}

/** What an object looked like at one moment. The times are shared with the node until they change. */
export interface Look {
  readonly node: ModelNode
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  readonly sizeBytes: number
  readonly used: Learned
  readonly atime: ModelTime
  readonly mtime: ModelTime
  readonly ctime: ModelTime
}

export function lookAt(node: ModelNode): Look {
  const { mode, uid, gid, nlink, sizeBytes, used, atime, mtime, ctime } = node
  return { node, mode, uid, gid, nlink, sizeBytes, used, atime, mtime, ctime }
}

export type NewModelNode = Pick<ModelNode, 'ref' | 'type' | 'mode' | 'uid' | 'gid'> & Partial<ModelNode>

export function newModelNode(wanted: NewModelNode): ModelNode {
  return {
    nlink: wanted.type === 'directory' ? 2 : 1,
    rdevMajor: 0,
    rdevMinor: 0,
    atime: ModelTime.byServer(),
    mtime: ModelTime.byServer(),
    ctime: ModelTime.byServer(),
    sizeBytes: wanted.target?.length ?? 0,
    used: { value: undefined },
    content: new SparseBytes(),
    unstable: undefined,
    bitsAtRisk: 0,
    target: '',
    entries: new Map(),
    parent: undefined,
    verifier: undefined,
    gone: false,
    ...wanted,
  }
}

/** The nodes of an image by reference; the root is at "/". */
export function nodesOfTree(tree: SeedTree): Map<NodeRef, ModelNode> {
  const nodes = new Map<NodeRef, ModelNode>()
  const byPath = new Map<string, ModelNode>()
  for (const entry of tree) {
    const linked = entry.linkTo === undefined ? undefined : byPath.get(entry.linkTo)!
    const node = linked ?? nodeOfEntry(entry)
    if (linked !== undefined) linked.nlink += 1
    else nodes.set(node.ref, node)
    byPath.set(entry.path, node)
    if (entry.path === '/') {
      node.parent = node
      continue
    }
    const parent = byPath.get(parentPath(entry.path))!
    parent.entries.set(lastName(entry.path), node)
    if (node.type === 'directory') {
      node.parent = parent
      parent.nlink += 1
    }
  }
  return nodes
}

function nodeOfEntry(entry: SeedEntry): ModelNode {
  const content = new SparseBytes()
  if (entry.content !== undefined) {
    for (const { offsetBytes, data } of seedPieces(entry.content)) content.write(offsetBytes, data)
  }
  const { path, type, mode, uid, gid, target = '', rdevMajor = 0, rdevMinor = 0 } = entry
  return newModelNode({
    ref: path,
    type,
    mode,
    uid,
    gid,
    target,
    rdevMajor,
    rdevMinor,
    content,
    sizeBytes: entry.content?.sizeBytes ?? target.length,
    atime: entry.atimeMoves === true ? ModelTime.untold() : ModelTime.exactly(entry.atime),
    mtime: ModelTime.exactly(entry.mtime),
    ctime: ModelTime.exactly(entry.ctime),
  })
}
