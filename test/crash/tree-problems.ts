import { compareBytes } from '../model/compare.ts'
import type { Model } from '../model/model.ts'
import type { ModelNode } from '../model/model-node.ts'
import { CALLERS, type Call, ROOT_CALLER } from '../model/operation.ts'
import type { Answer, Handle, SeenAttributes } from '../model/subject.ts'
import type { WireView } from '../model/wire-view.ts'

const PAGE_SIZE = 100
const READ_BYTES = 64 * 1024
const SURROUNDINGS_BYTES = 100
const ROOT = CALLERS[ROOT_CALLER]!

/**
 * In what the view differs from the model, times aside: names, attributes, links and bytes. Of what is unstable in
 * the model, old and new are right. `known`: handles from before, which must still be the same objects'.
 */
export async function treeProblems(
  view: WireView,
  model: Model,
  known: ReadonlyMap<string, Handle>,
): Promise<string[]> {
  const walk = new Walk(view, known)
  await walk.visit(model.root, await view.root())
  for (const [ref, handle] of known) {
    const node = model.nodes.get(ref)
    if (node?.gone !== true) continue
    const { status } = await view.perform(ROOT, { do: 'getattr', node: handle }, undefined)
    if (status !== 'STALE') walk.problems.push(`${ref} is gone, and its handle says ${status}`)
  }
  return walk.problems
}

class Walk {
  readonly problems: string[] = []
  readonly #view: WireView
  readonly #known: ReadonlyMap<string, Handle>
  readonly #visited = new Set<ModelNode>()

  constructor(view: WireView, known: ReadonlyMap<string, Handle>) {
    this.#view = view
    this.#known = known
  }

  async visit(node: ModelNode, handle: Handle): Promise<void> {
    const before = this.#known.get(node.ref)
    if (before !== undefined && before !== handle) this.#problem(node, `handle ${handle}, was ${before}`)
    if (this.#visited.has(node)) return
    this.#visited.add(node)
    const { looks } = await this.#ask({ do: 'getattr', node: handle }, node)
    if (looks.object === undefined) return
    this.#attributes(node, looks.object)
    if (node.type === 'directory') await this.#entries(node, handle)
    if (node.type === 'file') await this.#content(node, handle, looks.object.sizeBytes ?? 0)
    if (node.type !== 'symlink') return
    const { target } = await this.#ask({ do: 'readlink', node: handle }, node)
    if (target !== node.target) this.#problem(node, `target ${target}`)
  }

  #attributes(node: ModelNode, seen: Partial<SeenAttributes>): void {
    for (const field of ['type', 'uid', 'gid', 'nlink'] as const) {
      if (seen[field] !== node[field]) this.#problem(node, `${field} ${seen[field]}, expected ${node[field]}`)
    }
    if (seen.mode !== node.mode && seen.mode !== (node.mode | node.bitsAtRisk))
      this.#problem(node, `mode ${seen.mode?.toString(8)}, expected ${node.mode.toString(8)}`)
    if (node.type !== 'file') return
    const sizes = node.unstable?.possibleSizes() ?? [node.sizeBytes]
    if (!sizes.includes(seen.sizeBytes ?? -1))
      this.#problem(node, `size ${seen.sizeBytes}, expected ${sizes.join(' or ')}`)
  }

  async #entries(node: ModelNode, handle: Handle): Promise<void> {
    const seen: string[] = []
    for (let afterCookie = 0n, eof = false; !eof; ) {
      const page = await this.#view.list(ROOT, handle, { afterCookie, size: PAGE_SIZE, plus: true })
      if (page.status !== 'OK') return this.#problem(node, `listing: ${page.status}`)
      seen.push(...page.entries.map(({ name }) => name))
      afterCookie = page.entries.at(-1)?.cookie ?? afterCookie
      eof = page.eof || page.entries.length === 0
    }
    const wanted = ['.', '..', ...node.entries.keys()]
    if (seen.sort().join('\n') !== wanted.sort().join('\n'))
      this.#problem(node, `names ${seen.join(' ')}, expected ${wanted.join(' ')}`)
    for (const [name, child] of node.entries) {
      const found = await this.#ask({ do: 'lookup', directory: handle, name }, node)
      if (found.handle !== undefined) await this.visit(child, found.handle)
    }
  }

  async #content(node: ModelNode, handle: Handle, sizeBytes: number): Promise<void> {
    for (const { offsetBytes, countBytes } of rangesOf(node, sizeBytes)) {
      const read = { do: 'read', node: handle, offsetBytes, countBytes } as const
      const { data = new Uint8Array(0) } = await this.#ask(read, node)
      const wrong =
        node.unstable === undefined
          ? compareBytes(data, node.content.read(offsetBytes, Math.min(countBytes, sizeBytes - offsetBytes)))
          : node.unstable.checkAfterCrash(offsetBytes, data)
      if (wrong !== undefined) this.#problem(node, `from ${offsetBytes}: ${wrong}`)
    }
  }

  async #ask(call: Call, about: ModelNode): Promise<Answer> {
    const answer = await this.#view.perform(ROOT, call, undefined)
    if (answer.status !== 'OK') this.#problem(about, `${JSON.stringify(call)}: ${answer.status}`)
    return answer
  }

  #problem(node: ModelNode, what: string): void {
    this.problems.push(`${node.ref}: ${what}`)
  }
}

/** Where the model has bytes, with what lies around them, as far as the file goes. */
function rangesOf(node: ModelNode, sizeBytes: number): { offsetBytes: number; countBytes: number }[] {
  const ranges: { offsetBytes: number; countBytes: number }[] = []
  for (const { offsetBytes, countBytes } of node.content.ranges()) {
    const from = Math.max(0, offsetBytes - SURROUNDINGS_BYTES)
    const to = Math.min(sizeBytes, offsetBytes + countBytes + SURROUNDINGS_BYTES)
    for (let at = from; at < to; at += READ_BYTES)
      ranges.push({ offsetBytes: at, countBytes: Math.min(READ_BYTES, to - at) })
  }
  return ranges
}
