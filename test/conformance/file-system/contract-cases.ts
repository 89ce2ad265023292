import { describe, expect } from 'vitest'
import { LINK_MAX } from '../../../src/vfs/attributes.ts'
import type { NodeId } from '../../../src/vfs/file-system.ts'
import { failOf, okOf } from '../answers.ts'
import { ALICE, ROOT } from '../callers.ts'
import { type FileSystemSupports, name, type OnTree } from '../harness.ts'
import { dir, file } from '../seeds.ts'

/** What the port itself promises: stale nodes, seals, space, limits. */
export function contractCases(onTree: OnTree, supports: FileSystemSupports): void {
  describe('contract', () => {
    staleCases(onTree)
    sealCases(onTree)
    onTree('FSSTAT: free is what is left of all', [dir('/d')], async (look, fs) => {
      const { node, attributes } = await look.object('/d')
      const answer = okOf(await fs.fsstat(ALICE, node))
      expect(answer.attributes).toEqual(attributes)
      const { totalBytes, freeBytes, availableBytes, totalFiles, freeFiles, availableFiles } = answer.space
      for (const figure of Object.values(answer.space)) expect(figure).toBeGreaterThanOrEqual(0)
      expect(freeBytes).toBeLessThanOrEqual(totalBytes)
      expect(availableBytes).toBeLessThanOrEqual(freeBytes)
      expect(freeFiles).toBeLessThanOrEqual(totalFiles)
      expect(availableFiles).toBeLessThanOrEqual(freeFiles)
      expect(availableBytes).toBeGreaterThan(0)
    })
    onTree('every change moves ctime, however fast they come', [file('/f', 10)], async (look, fs) => {
      const node = await look.node('/f')
      const seen = new Set<string>()
      for (let step = 0; step < 50; step += 1) {
        const { wcc } = okOf(await fs.setattr(ROOT, node, { mode: 0o600 + (step % 2) }, undefined))
        seen.add(`${wcc.after?.ctime.seconds}.${wcc.after?.ctime.nanoseconds}`)
      }
      expect(seen.size).toBe(50)
    })
    if (supports.manyLinks) manyLinkCase(onTree)
  })
}

function manyLinkCase(onTree: OnTree): void {
  onTree(`${LINK_MAX} links to one file, and not one more`, [dir('/d'), file('/f', 1)], async (look, fs) => {
    const [d, f] = [await look.node('/d'), await look.node('/f')]
    for (let count = 1; count < LINK_MAX; count += 1) okOf(await fs.link(ROOT, f, d, name(`${count}`)))
    const before = await look.attributes('/f')
    expect(before.nlink).toBe(LINK_MAX)
    expect(failOf(await fs.link(ROOT, f, d, name('more')), 'MLINK').attributes).toEqual(before)
    okOf(await fs.remove(ROOT, d, name('1')))
    okOf(await fs.link(ROOT, f, d, name('more')))
  })
}

function staleCases(onTree: OnTree): void {
  onTree('every call on an object that is gone is STALE', [dir('/d'), file('/f', 1)], async (look, fs) => {
    const [d, f] = [await look.object('/d'), await look.object('/f')]
    okOf(await fs.rmdir(ROOT, fs.root, name('d')))
    okOf(await fs.remove(ROOT, fs.root, name('f')))
    const nothing = { before: undefined, after: undefined }
    failOf(await fs.resolve(f.node, f.generation), 'STALE')
    failOf(await fs.getattr(ROOT, f.node), 'STALE')
    expect(failOf(await fs.setattr(ROOT, f.node, { mode: 0 }, undefined), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.access(ROOT, f.node, 1), 'STALE').attributes).toBeUndefined()
    expect(failOf(await fs.readlink(ROOT, f.node), 'STALE').attributes).toBeUndefined()
    expect(failOf(await fs.read(ROOT, f.node, 0, new Uint8Array(1)), 'STALE').attributes).toBeUndefined()
    expect(failOf(await fs.write(ROOT, f.node, 0, new Uint8Array(1), 'unstable'), 'STALE').wcc).toEqual(
      nothing,
    )
    expect(failOf(await fs.commit(ROOT, f.node), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.fsstat(ROOT, f.node), 'STALE').attributes).toBeUndefined()
    expect(failOf(await fs.lookup(ROOT, d.node, name('x')), 'STALE').attributes).toBeUndefined()
    failOf(await fs.lookup(ROOT, d.node, name('..')), 'STALE')
    const options = { maxEntries: 1, withAttributes: false }
    expect(failOf(await fs.readdir(ROOT, d.node, 0, options), 'STALE').attributes).toBeUndefined()
    const guarded = { mode: 'guarded', changes: {} } as const
    expect(failOf(await fs.create(ROOT, d.node, name('x'), guarded), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.mkdir(ROOT, d.node, name('x'), {}), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.symlink(ROOT, d.node, name('x'), name('y'), {}), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.mknod(ROOT, d.node, name('x'), { type: 'fifo' }, {}), 'STALE').wcc).toEqual(
      nothing,
    )
    expect(failOf(await fs.remove(ROOT, d.node, name('x')), 'STALE').wcc).toEqual(nothing)
    expect(failOf(await fs.rmdir(ROOT, d.node, name('x')), 'STALE').wcc).toEqual(nothing)
    const root = await look.attributes('/')
    const ofRoot = { before: root, after: root }
    expect(failOf(await fs.rename(ROOT, fs.root, name('x'), d.node, name('y')), 'STALE')).toEqual({
      from: ofRoot,
      to: nothing,
    })
    expect(failOf(await fs.link(ROOT, f.node, fs.root, name('x')), 'STALE')).toEqual({
      attributes: undefined,
      wcc: ofRoot,
    })
  })

  onTree(
    'a handle of another generation, or of what never was, is STALE',
    [file('/f', 1)],
    async (look, fs) => {
      const { node, generation } = await look.object('/f')
      okOf(await fs.resolve(node, generation))
      failOf(await fs.resolve(node, generation + 1), 'STALE')
      failOf(await fs.resolve((2 ** 52) as NodeId, generation), 'STALE')
    },
  )
}

function sealCases(onTree: OnTree): void {
  const tree = [dir('/d'), file('/d/f', 10), dir('/d/e')]
  onTree('what has an effect is sealed once, with its result; refusals are not', tree, async (look, fs) => {
    const [d, f] = [await look.node('/d'), await look.node('/d/f')]
    const sealed: unknown[] = []
    const seal = (result: unknown): Uint8Array => {
      sealed.push(result)
      return Buffer.from('record')
    }
    const guarded = { mode: 'guarded', changes: {} } as const
    const effects = [
      () => fs.setattr(ROOT, f, { mode: 0o600 }, undefined, seal),
      () => fs.create(ROOT, d, name('new'), guarded, seal),
      () => fs.mkdir(ROOT, d, name('dir'), {}, seal),
      () => fs.symlink(ROOT, d, name('link'), name('x'), {}, seal),
      () => fs.mknod(ROOT, d, name('fifo'), { type: 'fifo' }, {}, seal),
      () => fs.link(ROOT, f, d, name('again'), seal),
      () => fs.rename(ROOT, d, name('new'), d, name('newer'), seal),
      () => fs.remove(ROOT, d, name('newer'), seal),
      () => fs.rmdir(ROOT, d, name('dir'), seal),
    ]
    for (const effect of effects) {
      const result = await effect()
      expect(result.ok).toBe(true)
      expect(sealed).toEqual([result])
      sealed.length = 0
    }
    const refusals = [
      () => fs.setattr(ALICE, f, { mode: 0o600 }, undefined, seal),
      () => fs.create(ROOT, d, name('f'), guarded, seal),
      () => fs.mkdir(ROOT, d, name('f'), {}, seal),
      () => fs.symlink(ROOT, d, name('f'), name('x'), {}, seal),
      () => fs.mknod(ROOT, d, name('f'), { type: 'fifo' }, {}, seal),
      () => fs.link(ROOT, f, d, name('f'), seal),
      () => fs.rename(ROOT, d, name('nothing'), d, name('x'), seal),
      () => fs.remove(ROOT, d, name('e'), seal),
      () => fs.rmdir(ROOT, d, name('f'), seal),
    ]
    for (const refusal of refusals) expect((await refusal()).ok).toBe(false)
    expect(sealed).toEqual([])
  })
}
