import { type Asking, type Expected, plain, STALE } from './expected.ts'
import * as names from './model-names.ts'
import { type ModelNode, type NodeRef, nodesOfTree } from './model-node.ts'
import * as objects from './model-objects.ts'
import { bytesOf, type Call, type Name } from './operation.ts'
import type { SeedTree } from './seed-tree.ts'

/**
 * What a view must look like: an ordinary file system in memory, plain and slow, that knows nothing of images,
 * shadows, blocks or restarts. Says what the answer to every call must be, and changes itself as the call does.
 */
export class Model {
  readonly nodes: Map<NodeRef, ModelNode>
  readonly root: ModelNode

  constructor(tree: SeedTree) {
    this.nodes = nodesOfTree(tree)
    this.root = this.nodes.get('/')!
  }

  /** Undefined: the call names an object that was never made (an operation before it was left out). */
  apply(asking: Asking, call: Call): Expected | undefined {
    const refs = [
      'node' in call ? call.node : undefined,
      'directory' in call ? call.directory : undefined,
      'toDirectory' in call ? call.toDirectory : undefined,
    ].filter((ref) => ref !== undefined)
    const found = refs.map((ref) => this.nodes.get(ref))
    if (found.includes(undefined)) return undefined
    if (found.some((node) => node!.gone)) return STALE
    const [first, second] = found as [ModelNode, ModelNode]
    return this.#perform(asking, call, first, second)
  }

  #perform(asking: Asking, call: Call, first: ModelNode, second: ModelNode): Expected {
    switch (call.do) {
      case 'getattr':
      case 'fsstat':
      case 'fsinfo':
      case 'pathconf':
        return plain('object', first, 'OK')
      case 'readlink':
        return objects.readlink(first)
      case 'access':
        return objects.access(asking, first, call.wanted)
      case 'read':
        return objects.read(asking, first, call.offsetBytes, call.countBytes)
      case 'write':
        return objects.write(asking, first, call.offsetBytes, bytesOf(call.data), call.stability)
      case 'commit':
        return objects.commit(asking, first, call)
      case 'setattr':
        return objects.setattr(asking, first, call.changes, call.guard)
      case 'lookup':
        return names.lookup(asking, first, call.name)
      case 'remove':
      case 'rmdir':
        return names.remove(asking, first, call.name, call.do)
      case 'rename':
        return names.rename(asking, first, call.name, second, call.toName)
      case 'link':
        return names.link(asking, first, second, call.name)
      default:
        return this.#make(asking, call, first)
    }
  }

  #make(
    asking: Asking,
    call: Extract<Call, { do: 'create' | 'mkdir' | 'symlink' | 'mknod' }>,
    directory: ModelNode,
  ): Expected {
    const { expected, node } =
      call.do === 'create'
        ? names.create(asking, directory, call.name, call.how)
        : names.make(asking, directory, call.name, wantedBy(call))
    if (node !== undefined) this.nodes.set(node.ref, node)
    return expected
  }

  /** One of the names of an object. */
  placeOf(node: ModelNode): { readonly directory: ModelNode; readonly name: Name } | undefined {
    return this.placesOf(node).next().value ?? undefined
  }

  *placesOf(node: ModelNode): Generator<{ readonly directory: ModelNode; readonly name: Name }> {
    for (const directory of this.reachable()) {
      for (const [name, child] of directory.entries) if (child === node) yield { directory, name }
    }
  }

  /** Everything that is reachable, parents first, each object once. */
  *reachable(): Generator<ModelNode> {
    const seen = new Set([this.root])
    for (const node of seen) {
      yield node
      for (const child of node.entries.values()) seen.add(child)
    }
  }
}

function wantedBy(call: Extract<Call, { do: 'mkdir' | 'symlink' | 'mknod' }>): names.Wanted {
  const { changes } = call
  if (call.do === 'mkdir') return { type: 'directory', changes }
  if (call.do === 'symlink') return { type: 'symlink', changes, target: call.target }
  return { ...call.special, changes, isSpecial: true }
}
