import { compareLook, type Identities } from './compare.ts'
import { lookAt, type ModelNode } from './model-node.ts'
import type { Name } from './operation.ts'
import type { SeenEntry } from './subject.ts'

/**
 * One listing of a directory, page by page, while the directory may change: every name that nobody touches comes
 * exactly once, a name that comes and goes may come or not, and nothing else comes at all.
 */
export class ListingCheck {
  readonly #directory: ModelNode
  readonly #identities: Identities
  readonly #atStart: ReadonlyMap<Name, ModelNode>
  /** Names that changed since the start, with every object that had the name. */
  readonly #touched = new Map<Name, Set<ModelNode>>()
  readonly #seen = new Map<Name, number>()
  readonly #cookies = new Set<bigint>()

  constructor(directory: ModelNode, identities: Identities) {
    this.#directory = directory
    this.#identities = identities
    this.#atStart = namesIn(directory)
  }

  /** To be called after every operation between two pages. */
  noteChanges(): void {
    const now = namesIn(this.#directory)
    for (const name of new Set([...now.keys(), ...this.#atStart.keys()])) {
      const [first, current] = [this.#atStart.get(name), now.get(name)]
      if (first === current && !this.#touched.has(name)) continue
      const owners = this.#touched.get(name) ?? new Set()
      for (const owner of [first, current]) if (owner !== undefined) owners.add(owner)
      this.#touched.set(name, owners)
    }
  }

  page(entries: readonly SeenEntry[]): string[] {
    return entries.flatMap((entry) =>
      this.#entry(entry).map((what) => `entry ${JSON.stringify(entry.name)}: ${what}`),
    )
  }

  /** After the last page. */
  end(): string[] {
    const complaints: string[] = []
    for (const name of this.#atStart.keys()) {
      const times = this.#seen.get(name) ?? 0
      if (!this.#touched.has(name) && times !== 1)
        complaints.push(`entry ${JSON.stringify(name)} came ${times} times`)
    }
    return complaints
  }

  #entry(entry: SeenEntry): string[] {
    const complaints: string[] = []
    const { name, cookie } = entry
    this.#seen.set(name, (this.#seen.get(name) ?? 0) + 1)
    if (this.#cookies.has(cookie) && !this.#touched.has(name)) complaints.push(`cookie ${cookie} came twice`)
    this.#cookies.add(cookie)
    const node = namesIn(this.#directory).get(name)
    if (node === undefined) return [...complaints, 'is not in the directory']
    complaints.push(...this.#identities.number(node, entry.fileid))
    if (entry.handle !== undefined) complaints.push(...this.#identities.handle(node, entry.handle))
    if (entry.attributes !== undefined)
      complaints.push(...compareLook(lookAt(node), entry.attributes, this.#identities))
    return complaints
  }
}

function namesIn(directory: ModelNode): Map<Name, ModelNode> {
  const names = new Map(directory.entries)
  names.set('.', directory)
  if (directory.parent !== undefined) names.set('..', directory.parent)
  return names
}
