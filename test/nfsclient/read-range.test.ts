import { expect, test } from 'vitest'
import { READS_IN_FLIGHT_MAX, type ReadingClient, readRange } from '../../src/nfsclient/read-range.ts'
import type { READ3args, READ3res } from '../../src/protocols/nfs3/types.ts'
import { pattern } from '../conformance/shadow-store-suite.ts'

const FILE = pattern(1000)
const HANDLE = new Uint8Array(8)

/** A client whose answers wait until the test gives them, in any order. */
function heldClient() {
  const held: { readonly args: READ3args; answer(): void }[] = []
  const client: ReadingClient = {
    name: 'test',
    callAndTake: (_, args, take) =>
      new Promise((resolve) => {
        const data = FILE.slice(args.offset, args.offset + args.count)
        const eof = args.offset + args.count >= FILE.length
        const answer: READ3res = {
          ok: true,
          value: { file_attributes: undefined, count: data.length, eof, data },
        }
        held.push({ args, answer: () => resolve(take(answer)) })
      }),
  }
  return { client, held }
}

const turn = () => new Promise((done) => setImmediate(done))

test('at most so many calls are under way, and answers may come in any order', async () => {
  const { client, held } = heldClient()
  const into = new Uint8Array(1000)
  const reading = readRange(client, 50, HANDLE, 0, into)
  await turn()
  expect(held).toHaveLength(READS_IN_FLIGHT_MAX)
  held.splice(3, 1)[0]!.answer()
  await turn()
  expect(held).toHaveLength(READS_IN_FLIGHT_MAX)
  while (held.length > 0) {
    held.pop()!.answer()
    await turn()
  }
  expect(await reading).toEqual({ ok: true, value: { countBytes: 1000, attributes: undefined } })
  expect(into).toEqual(FILE)
})

test.each([
  [50, 1],
  [51, 2],
])('with 50 bytes a call, %i bytes are %i calls', async (countBytes, calls) => {
  const { client, held } = heldClient()
  const reading = readRange(client, 50, HANDLE, 7, new Uint8Array(countBytes))
  await turn()
  expect(held.map(({ args }) => args.count).reduce((sum, count) => sum + count)).toBe(countBytes)
  expect(held).toHaveLength(calls)
  for (const each of held) each.answer()
  expect(await reading).toMatchObject({ ok: true, value: { countBytes } })
})
