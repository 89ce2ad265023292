import { afterAll, beforeAll, expect, test } from 'vitest'
import { CRASH_POINTS, type CrashPoint } from '../../src/base/crash-points.ts'
import { Model } from '../model/model.ts'
import { WireSubject } from '../model/wire-subject.ts'
import { RowfsProcess, runRowfs } from '../rig/proxy-process.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { CrashRig, SHADOW_KINDS } from './crash-rig.ts'
import { CrashRun, modelAfter } from './crash-run.ts'
import { crashTree, crashWorkload } from './crash-workload.ts'
import { treeProblems } from './tree-problems.ts'

/** 1: die every time that a point is passed, and not at some only. Takes half an hour. */
const EVERY = Number(process.env.ROWFS_CRASH_EVERY ?? 0)
const TIMEOUT_MS = EVERY > 0 ? 3_600_000 : 300_000

/** After a death the how many-eth passage is the next: what happens with every call is sampled. */
const STRIDES: Readonly<Partial<Record<CrashPoint, number>>> = {
  'write.before-data': 9,
  'write.after-data': 9,
  'commit.before-sync': 5,
  'commit.after-sync': 5,
  'commit.after-index': 5,
  'metadata.before-index': 17,
  'metadata.after-index': 17,
}

const CALL_POINTS = CRASH_POINTS.filter((point) => point !== 'reset.after-index')

describeWithRigs('crash points', ['image-tree', 'ganesha'], () => {
  let rig: CrashRig

  beforeAll(async () => {
    rig = await CrashRig.start()
  })
  afterAll(() => rig?.stop())

  for (const kind of SHADOW_KINDS) {
    test.each(CALL_POINTS)(`%s, ${kind} shadow`, { timeout: TIMEOUT_MS }, async (point) => {
      const stride = EVERY > 0 ? EVERY : (STRIDES[point] ?? 1)
      const run = await CrashRun.start(rig.proxyOptions(kind), { point, stride })
      try {
        await run.run(crashWorkload())
      } finally {
        await run.stop()
      }
      expect(run.crashes, `${point} was passed`).toBeGreaterThan(0)
    })

    test(`reset.after-index, ${kind} shadow: what was given back is the image's, and nothing is left over`, async () => {
      const options = rig.proxyOptions(kind)
      const proxy = await RowfsProcess.startProxy({ ...options, crashPoint: 'reset.after-index' })
      const subject = new WireSubject(proxy, options.state)
      try {
        const view = await subject.view('default')
        const work = () => new CrashRun({ point: 'reset.after-index', stride: 1 }, proxy, subject, view)
        await work().perform(crashWorkload())
        const reset = ['view', 'reset', 'default', '/', '--state', options.state]
        expect((await runRowfs(reset)).exitCode).toBe(1)
        expect((await proxy.ended).signal, 'the point was passed').toBe('SIGKILL')
        await proxy.start()
        await subject.reconnect()
        // The point lies behind the batch: the reset is carried out, only its shadow files are still there.
        expect(await treeProblems(view, new Model(crashTree()), new Map())).toEqual([])
        expect(await subject.problems('default')).toEqual([])
        await work().perform(crashWorkload())
        expect(await treeProblems(view, modelAfter([...crashWorkload(), 'all stable']), new Map())).toEqual(
          [],
        )
      } finally {
        await subject.close()
      }
    })
  }
})
