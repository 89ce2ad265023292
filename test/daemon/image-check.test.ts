import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import { checkImage, type ImageCheck } from '../../src/daemon/image-check.ts'
import {
  type BaseIdentity,
  type StateDirectory,
  StateRefusedError,
} from '../../src/daemon/state-directory.ts'
import { ServerUnavailableError } from '../../src/vfs/faults.ts'
import type { LowerLayer } from '../../src/vfs/lower-layer.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const OURS: BaseIdentity = { url: 'nfs://a/x', fsid: '1', fileid: '2' }

/** A state directory that knows this image, and a server that answers as told. */
function place(known: BaseIdentity | undefined) {
  let fileid: bigint | undefined
  let asked = 0
  const state = {
    base: known,
    adoptBase(found: BaseIdentity) {
      if (found.fileid !== OURS.fileid) throw new StateRefusedError('belongs to another image')
    },
  } as unknown as StateDirectory
  const lower = {
    async root() {
      asked += 1
      if (fileid === undefined) throw new ServerUnavailableError('nfs://a/x', 1000)
      return { attributes: { fsid: 1n, fileid } }
    },
  } as unknown as LowerLayer
  const others: Error[] = []
  const check: ImageCheck = {
    state,
    lower,
    url: OURS.url,
    logger: createLogger('silent'),
    onOther: (error) => others.push(error),
  }
  return {
    check,
    others,
    answerWith: (given: bigint) => {
      fileid = given
    },
    asked: () => asked,
  }
}

test('our image is looked at once', async () => {
  await using stack = new AsyncDisposableStack()
  const { check, answerWith, asked } = place(OURS)
  answerWith(2n)
  await checkImage(stack, check)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked()).toBe(1)
})

test('another image is refused', async () => {
  await using stack = new AsyncDisposableStack()
  const { check, answerWith } = place(OURS)
  answerWith(3n)
  await expect(checkImage(stack, check)).rejects.toThrow(StateRefusedError)
})

test('at the very first start there must be an answer', async () => {
  await using stack = new AsyncDisposableStack()
  await expect(checkImage(stack, place(undefined).check)).rejects.toThrow(ServerUnavailableError)
})

test('one that is away is believed to be ours, and looked at when it is back', async () => {
  await using stack = new AsyncDisposableStack()
  const { check, others, answerWith, asked } = place(OURS)
  await checkImage(stack, check)
  await vi.advanceTimersByTimeAsync(12_000)
  expect(asked()).toBe(3)
  answerWith(2n)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked()).toBe(4)
  expect(others).toEqual([])
})

test('another one that comes up in its place ends the service', async () => {
  await using stack = new AsyncDisposableStack()
  const { check, others, answerWith } = place(OURS)
  await checkImage(stack, check)
  answerWith(3n)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(others).toHaveLength(1)
})
