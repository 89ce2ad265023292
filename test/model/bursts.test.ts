import { expect, test } from 'vitest'
import { MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { apart, touchedBy } from './bursts.ts'
import { Identities } from './compare.ts'
import { Driver } from './driver.ts'
import { Model } from './model.ts'
import { type Call, type Operation, ROOT_CALLER } from './operation.ts'
import { OverlaySubject } from './overlay-subject.ts'
import { seedTree } from './seed-tree.ts'
import { recoverFromCrash } from './verify.ts'

const SEED = 1
const FILES = 20

function operation(id: number, body: Call): Operation {
  return { id, caller: ROOT_CALLER, body, unsure: ['object', 'object.before'] }
}

test('calls that share an object are not under way at once', () => {
  const model = new Model(seedTree(SEED))
  const calls: Call[] = [
    { do: 'remove', directory: '/dir', name: 'd' },
    { do: 'getattr', node: '/hard/a' },
    { do: 'getattr', node: '/odd' },
    { do: 'rename', directory: '/tmp', name: 'of-bob', toDirectory: '/names', toName: 'x' },
    { do: 'rename', directory: '/many', name: 'file-1', toDirectory: '/many', toName: 'x' },
    { do: 'lookup', directory: '/dir/sub', name: '..' },
  ]
  expect([...touchedBy(model, calls[0]!)].map(({ ref }) => ref)).toEqual(['/dir', '/hard/a'])
  const kept = apart(
    model,
    calls.map((call, id) => operation(id, call)),
  )
  expect(kept.map(({ id }) => id)).toEqual([0, 2, 3])
})

test('a block written again while it is being committed is no damage after a kill', async () => {
  const tree = seedTree(SEED)
  const subject = await OverlaySubject.open(new MemoryLowerLayer(tree))
  const driver = new Driver(new Model(tree), await subject.view('a'), new Identities('a'))
  for (let file = 0; file < FILES; file += 1) {
    const node = `/many/file-${file + 100}`
    const write = (id: number, offsetBytes: number, stability: 'unstable' | 'file-sync') =>
      operation(id, { do: 'write', node, offsetBytes, data: { pattern: id, lengthBytes: 100 }, stability })
    const operations = [
      write(file * 10 + 1, 0, 'file-sync'),
      write(file * 10 + 2, 100, 'unstable'),
      write(file * 10 + 3, 4000, 'unstable'),
    ]
    await driver.run({ id: file * 10, caller: ROOT_CALLER, body: { do: 'burst', operations } })
  }
  await subject.restart('kill')
  driver.reconnect(await subject.view('a'), 'kill')
  await recoverFromCrash(driver)
  expect(await subject.problems('a')).toEqual([])
  await subject.close()
})
