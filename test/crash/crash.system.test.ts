import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CRASH_POINTS, type CrashPoint } from '../../src/base/crash-points.ts'
import { SCRATCH } from '../model/overlay-subject.ts'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { writeTree } from '../rig/image-tree.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { assertSameTree, readTree, type TreeSnapshot } from '../rig/tree-digest.ts'
import { CrashRun } from './crash-run.ts'
import { crashTree, crashWorkload } from './crash-workload.ts'

/** 1: die every time a point is passed, not at some only. Takes half an hour. */
const EVERY = Number(process.env.ROWFS_CRASH_EVERY ?? 0)

/** After one death, the how many-eth passage is the next: what happens with every call is sampled. */
const STRIDES: Readonly<Partial<Record<CrashPoint, number>>> = {
  'write.before-data': 9,
  'write.after-data': 9,
  'commit.before-sync': 5,
  'commit.after-sync': 5,
  'commit.after-index': 5,
  'metadata.before-index': 17,
  'metadata.after-index': 17,
}
/** What `rowfs view reset` passes has a test of its own. */
const POINTS = CRASH_POINTS.filter((point) => point !== 'reset.after-index')

describeWithRigs('crash points', ['image-tree', 'ganesha'], () => {
  const work = makeWorkDirectory('crash')
  const scratch = mkdtempSync(join(SCRATCH, 'rowfs-crash-'))
  const image = join(work, 'image')
  let before: TreeSnapshot
  let imageServer: RowfsProcess
  let shadowServer: Ganesha

  beforeAll(async () => {
    await writeTree(image, crashTree())
    before = await readTree(image)
    imageServer = await RowfsProcess.startExport({
      directories: [`${image}:image`],
      state: join(scratch, 'export'),
    })
    shadowServer = await Ganesha.start({ exports: [{ directory: work }] })
  })

  afterAll(async () => {
    await imageServer?.kill()
    await shadowServer?.stop()
    assertSameTree(before, await readTree(image))
    rmSync(work, { recursive: true, force: true })
    rmSync(scratch, { recursive: true, force: true })
  })

  const shadows = {
    'a local shadow': (): string | undefined => undefined,
    'a shadow on nfs-ganesha': (name: string): string => {
      mkdirSync(join(work, name))
      return shadowServer.url(join(work, name))
    },
  }

  for (const [kind, place] of Object.entries(shadows)) {
    test.each(POINTS)(`%s with ${kind}`, async (point) => {
      const name = `${point}-${kind.length}`
      const shadow = place(name)
      const state = join(scratch, name)
      const stride = EVERY > 0 ? EVERY : (STRIDES[point] ?? 1)
      const base = imageServer.url('/image')
      const run = await CrashRun.start({ base, state, ...(shadow && { shadow }) }, { point, stride })
      try {
        await run.run(crashWorkload())
      } finally {
        await run.stop()
      }
      expect(run.crashes, 'the point was passed').toBeGreaterThan(0)
    })
  }
})
