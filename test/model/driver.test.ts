import { expect, test } from 'vitest'
import type { NodeId } from '../../src/vfs/file-system.ts'
import { MismatchError } from './driver.ts'
import { MemorySubject } from './memory-subject.ts'
import { CALLERS, type Call, ROOT_CALLER } from './operation.ts'
import { runModel } from './run-model.ts'
import type { Answer, ListAnswer, Subject, SubjectView } from './subject.ts'

const SEED = 42
const OPERATIONS = 4000
const IMAGE_OBJECTS = 200

/** What can be wrong with a server: each must be found, or the model test shows nothing. */
interface Sabotage {
  readonly answer?: (call: Call, answer: Answer) => Answer
  readonly list?: (answer: ListAnswer) => ListAnswer
  readonly kill?: (inner: MemorySubject) => void
}

class SabotagedSubject implements Subject {
  readonly #inner: MemorySubject
  readonly #sabotage: Sabotage

  constructor(inner: MemorySubject, sabotage: Sabotage) {
    this.#inner = inner
    this.#sabotage = sabotage
  }

  async view(name: string): Promise<SubjectView> {
    const view = await this.#inner.view(name)
    const { answer = (_, same) => same, list = (same) => same } = this.#sabotage
    return {
      overTheWire: false,
      root: () => view.root(),
      perform: async (caller, call, guard) => answer(call, await view.perform(caller, call, guard)),
      list: async (caller, directory, page) => list(await view.list(caller, directory, page)),
    }
  }

  async restart(how: 'clean' | 'kill'): Promise<void> {
    if (how === 'kill' && this.#sabotage.kill !== undefined) this.#sabotage.kill(this.#inner)
    else await this.#inner.restart(how)
  }

  async problems(): Promise<readonly string[]> {
    return []
  }

  async close(): Promise<void> {}
}

async function runWith(sabotage: Sabotage, operations = OPERATIONS): Promise<void> {
  const inner = await MemorySubject.open(SEED)
  await runModel(new SabotagedSubject(inner, sabotage), inner.run(SEED, operations))
}

function withObject(
  answer: Answer,
  change: (object: NonNullable<Answer['looks']['object']>) => object,
): Answer {
  const { object } = answer.looks
  return object === undefined
    ? answer
    : { ...answer, looks: { ...answer.looks, object: { ...object, ...change(object) } } }
}

test('without sabotage all is well, and the same seed makes the same run', async () => {
  const runs: string[][] = []
  for (let time = 0; time < 2; time += 1) {
    const seen: string[] = []
    await runWith({
      answer: (call, answer) => {
        seen.push(`${call.do} ${answer.status} ${answer.data?.length}`)
        return answer
      },
    })
    runs.push(seen)
  }
  expect(runs[0]!.length).toBeGreaterThan(OPERATIONS)
  expect(runs[0]).toEqual(runs[1])
})

const BEYOND_A_BLOCK: Sabotage['answer'] = (call, answer) => {
  if (call.do !== 'read' || answer.data === undefined || call.offsetBytes % 4096 === 0) return answer
  const edge = 4096 - (call.offsetBytes % 4096)
  if (edge >= answer.data.length) return answer
  const data = answer.data.slice()
  data[edge]! ^= 1
  return { ...answer, data }
}

const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  'a wrong byte at the edge of a block': { answer: BEYOND_A_BLOCK },
  'eof that is missing': {
    answer: (_, answer) => (answer.eof === true ? { ...answer, eof: false } : answer),
  },
  'a refusal of another name': {
    answer: (_, answer) => (answer.status === 'NOTEMPTY' ? { ...answer, status: 'EXIST' } : answer),
  },
  'a refusal that is forgotten': {
    answer: (_, answer) => (answer.status === 'ACCES' ? { ...answer, status: 'OK' } : answer),
  },
  'a refusal without attributes': {
    answer: (_, answer) => (answer.status === 'NOENT' ? { ...answer, looks: {} } : answer),
  },
  'a mode with suid where it must be gone': {
    answer: (call, answer) =>
      call.do === 'write' ? withObject(answer, ({ mode = 0 }) => ({ mode: mode | 0o4000 })) : answer,
  },
  'a link count that stands still': {
    answer: (call, answer) =>
      call.do === 'link' ? withObject(answer, ({ nlink = 0 }) => ({ nlink: nlink - 1 })) : answer,
  },
  'a ctime that stands still': {
    answer: (call, answer) =>
      call.do === 'setattr'
        ? withObject(answer, ({ ctime }) => ({ ctime: answer.looks['object.before']?.ctime ?? ctime }))
        : answer,
  },
  'a ctime that moves by itself': {
    answer: (call, answer) =>
      call.do === 'access'
        ? withObject(answer, ({ ctime }) => ({ ctime: ctime && { ...ctime, seconds: ctime.seconds + 1 } }))
        : answer,
  },
  'a set time that loses its nanoseconds': {
    answer: (_, answer) =>
      withObject(answer, ({ atime }) => ({ atime: atime && { ...atime, nanoseconds: 0 } })),
  },
  'another number for an object that moved': {
    answer: (call, answer) =>
      call.do === 'lookup' && call.name.startsWith('x')
        ? withObject(answer, ({ fileid = 0n }) => ({ fileid: fileid + 100_000n }))
        : answer,
  },
  'another handle for the same object': {
    answer: (call, answer) =>
      call.do === 'lookup' && answer.handle !== undefined && call.name === '..'
        ? { ...answer, handle: `${answer.handle}0` }
        : answer,
  },
  'an entry lost at the end of a page': {
    list: (answer) => (answer.eof ? answer : { ...answer, entries: answer.entries.slice(0, -1) }),
  },
  'an entry that comes twice': {
    list: (answer) => ({ ...answer, entries: [...answer.entries, ...answer.entries.slice(-1)] }),
  },
  'an entry of another directory': {
    list: (answer) => ({
      ...answer,
      entries: answer.entries.map((entry) => (entry.name === 'a' ? { ...entry, name: 'zz' } : entry)),
    }),
  },
  'a write that is less stable than asked': {
    answer: (call, answer) =>
      call.do === 'write' && answer.status === 'OK' ? { ...answer, committed: 'unstable' } : answer,
  },
  'a write verifier that survives a kill': { kill: () => {} },
  'a stable byte lost by a kill': {
    kill: ({ fs }) => {
      fs.writeVerifier[0]! += 1
      const root = CALLERS[ROOT_CALLER]!
      for (let number = fs.root + 1; number < fs.root + IMAGE_OBJECTS; number += 1) {
        const found = fs.getattr(root, number as NodeId)
        if (found.ok && found.value.type === 'file' && found.value.sizeBytes > 0)
          fs.write(root, number as NodeId, 0, Buffer.from([0]), 'file-sync')
      }
    },
  },
}

test.each(Object.entries(SABOTAGES))('the driver sees %s', async (_name, sabotage) => {
  await expect(runWith(sabotage)).rejects.toThrow(MismatchError)
})
