import { sameBytes } from '../../src/base/bytes.ts'
import type { Stability } from '../../src/vfs/file-system.ts'
import type { Expected, Role } from './expected.ts'
import type { Look, ModelNode } from './model-node.ts'
import type { Answer, Handle, SeenAttributes } from './subject.ts'

const STABILITY_RANK: Readonly<Record<Stability, number>> = { unstable: 0, 'data-sync': 1, 'file-sync': 2 }

/** In this order, so that a time is learned from "before" first and "after" must be later. */
const ROLES: readonly Role[] = ['object.before', 'directory.before', 'to.before', 'object', 'directory', 'to']

/**
 * The numbers and handles that a server has given: each belongs to one object for ever. An object of the image has
 * one number in all views; `view` is the view whose objects are meant.
 */
export class Identities {
  readonly view: string
  readonly #owners: Map<string, string>

  constructor(view: string, owners: Map<string, string> = new Map()) {
    this.view = view
    this.#owners = owners
  }

  /** What is wrong with this object having this number. */
  number(node: ModelNode, fileid: bigint): string[] {
    const owner = node.ref.startsWith('/') ? node.ref : `${node.ref} of ${this.view}`
    return [...this.#claim(`fileid ${fileid}`, owner), ...this.#claim(`the number of ${owner}`, `${fileid}`)]
  }

  fileSystem(fsid: bigint): string[] {
    return [...this.#claim(`fsid ${fsid}`, this.view), ...this.#claim(`the fsid of ${this.view}`, `${fsid}`)]
  }

  handle(node: ModelNode, handle: Handle): string[] {
    const owner = `${node.ref} of ${this.view}`
    return [...this.#claim(`handle ${handle}`, owner), ...this.#claim(`the handle of ${owner}`, handle)]
  }

  #claim(what: string, owner: string): string[] {
    const known = this.#owners.get(what)
    if (known === undefined) this.#owners.set(what, owner)
    return known === undefined || known === owner ? [] : [`${what} was ${known}, now ${owner}`]
  }
}

/** Everything in which the answer differs from what the model expects; empty when all is well. */
export function compareAnswer(expected: Expected, answer: Answer, identities: Identities): string[] {
  if (!expected.statuses.includes(answer.status))
    return [`status ${answer.status}, expected ${expected.statuses.join(' or ')}`]
  const complaints = compareLooks(expected, answer, identities)
  if (answer.status === 'OK') complaints.push(...compareResult(expected, answer))
  return complaints
}

function compareLooks(expected: Expected, answer: Answer, identities: Identities): string[] {
  const complaints: string[] = []
  for (const role of ROLES) {
    const look = expected.looks[role]
    const seen = answer.looks[role]
    if (look === undefined || answer.unsure?.includes(role)) continue
    if (seen === undefined) complaints.push(`${role}: no attributes`)
    else complaints.push(...compareLook(look, seen, identities).map((complaint) => `${role}: ${complaint}`))
  }
  return complaints
}

/** Compares attributes with a look, and learns from them what the model cannot know: times and the number. */
export function compareLook(look: Look, seen: Partial<SeenAttributes>, identities: Identities): string[] {
  const { node } = look
  const complaints: string[] = []
  const equal = (field: string, got: unknown, wanted: unknown) => {
    if (got !== undefined && got !== wanted)
      complaints.push(`${field} of ${node.ref} is ${got}, expected ${wanted}`)
  }
  const isDevice = node.type === 'block' || node.type === 'character'
  equal('type', seen.type, node.type)
  equal('mode', seen.mode?.toString(8), look.mode.toString(8))
  equal('uid', seen.uid, look.uid)
  equal('gid', seen.gid, look.gid)
  equal('nlink', seen.nlink, look.nlink)
  // The size of a directory is the server's own affair.
  if (node.type !== 'directory') equal('size', seen.sizeBytes, look.sizeBytes)
  if (seen.usedBytes !== undefined) {
    look.used.value ??= seen.usedBytes
    equal('used', seen.usedBytes, look.used.value)
  }
  if (isDevice) equal('rdev', `${seen.rdevMajor ?? node.rdevMajor}`, `${node.rdevMajor}`)
  if (isDevice) equal('rdev', `${seen.rdevMinor ?? node.rdevMinor}`, `${node.rdevMinor}`)
  if (seen.fsid !== undefined) complaints.push(...identities.fileSystem(seen.fsid))
  if (seen.fileid !== undefined) complaints.push(...identities.number(node, seen.fileid))
  for (const field of ['atime', 'mtime', 'ctime'] as const) {
    const time = seen[field]
    const wrong = time === undefined ? undefined : look[field].observe(time)
    if (wrong !== undefined) complaints.push(`${field} of ${node.ref} ${wrong}`)
  }
  return complaints
}

function compareResult(expected: Expected, answer: Answer): string[] {
  const complaints: string[] = []
  for (const field of ['eof', 'target', 'granted'] as const) {
    if (expected[field] !== undefined && answer[field] !== expected[field])
      complaints.push(`${field} is ${answer[field]}, expected ${expected[field]}`)
  }
  if (expected.data !== undefined) {
    const wrong = compareBytes(answer.data ?? new Uint8Array(0), expected.data)
    if (wrong !== undefined) complaints.push(wrong)
  }
  if (expected.written !== undefined) {
    const { stability } = expected.written
    if (answer.committed === undefined || STABILITY_RANK[answer.committed] < STABILITY_RANK[stability])
      complaints.push(`written ${answer.committed}, asked for ${stability}`)
  }
  return complaints
}

/** Where the bytes begin to differ, or undefined. */
export function compareBytes(got: Uint8Array, wanted: Uint8Array): string | undefined {
  if (sameBytes(got, wanted)) return undefined
  if (got.length !== wanted.length) return `${got.length} bytes, expected ${wanted.length}`
  const first = wanted.findIndex((byte, index) => byte !== got[index])
  let last = wanted.length - 1
  while (got[last] === wanted[last]) last -= 1
  return `bytes ${first} to ${last} of ${wanted.length} differ: ${hex(got, first)} instead of ${hex(wanted, first)}`
}

function hex(bytes: Uint8Array, from: number): string {
  return Buffer.from(bytes.subarray(from, from + 8)).toString('hex')
}
