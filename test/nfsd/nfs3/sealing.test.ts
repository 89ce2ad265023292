import { expect, test } from 'vitest'
import type { Nfs3Call } from '../../../src/nfsd/nfs3/call.ts'
import { sealing } from '../../../src/nfsd/nfs3/target.ts'
import type { Seal } from '../../../src/vfs/file-system.ts'

interface Answer {
  readonly text: string
}

/** A call that records what was sealed. */
function recording(): { call: Nfs3Call<Answer>; sealed: Answer[] } {
  const sealed: Answer[] = []
  const seal = (res: Answer) => {
    sealed.push(res)
    return Buffer.from(res.text)
  }
  return { call: { seal } as unknown as Nfs3Call<Answer>, sealed }
}

const toRes = (text: string): Answer => ({ text: `reply ${text}` })

test('what was sealed is what goes out: the same object, not another like it', async () => {
  for (const answer of [(text: string) => text, async (text: string) => text]) {
    const { call, sealed } = recording()
    let stored: Uint8Array | undefined
    const reply = await sealing(call, toRes, (seal: Seal<string>) => {
      stored = seal('made')
      return answer('made')
    })
    expect(sealed).toHaveLength(1)
    expect(reply).toBe(sealed[0])
    expect(stored).toEqual(Buffer.from('reply made'))
  }
})

test('a refusal without an effect seals nothing', () => {
  const { call, sealed } = recording()
  expect(sealing(call, toRes, () => 'refused')).toEqual({ text: 'reply refused' })
  expect(sealed).toEqual([])
})

test('when the sealed effect could not be made durable, the other answer goes out', async () => {
  const { call } = recording()
  const reply = await sealing(call, toRes, async (seal: Seal<string>) => {
    seal('made')
    return 'disk full'
  })
  expect(reply).toEqual({ text: 'reply disk full' })
})
