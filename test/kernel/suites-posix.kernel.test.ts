import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { mustRun } from '../rig/run-command.ts'
import { GUEST_PROGRAMS, MOUNT_POINT, SUITE_PROGRAMS, SuiteStage } from './suite-stage.ts'

const SUITE_TIMEOUT_MS = 600_000
/** As many as there are now, less some: a suite that loses its cases must not pass. */
const ASSERTIONS_MIN = 13_000
const SHOWN_FAILURES_MAX = 40

describeWithRigs('file system semantics', ['uml', 'ganesha', 'image-tree'], () => {
  let stage: SuiteStage

  beforeAll(async () => {
    const makeSeed = join(SUITE_PROGRAMS, 'posix/make-seed.py')
    stage = await SuiteStage.set('posix', (image) =>
      mustRun(['/usr/bin/python3', makeSeed, join(image, 'seeded')]),
    )
  })
  afterAll(() => stage?.clear())

  /** Runs all cases below the directory and throws with what failed. */
  async function runCases(directory: string, ...options: string[]): Promise<void> {
    const program = ['python3', `${GUEST_PROGRAMS}/posix/run.py`, '--failures', ...options]
    const { stdout, stderr } = await stage.guest.run([...program, join(MOUNT_POINT, directory)], {
      timeoutMs: SUITE_TIMEOUT_MS,
    })
    const lines = stdout.toString().split('\n')
    const failed = lines.filter((line) => line.startsWith('not ok') && !line.includes('# KNOWN'))
    expect(failed.slice(0, SHOWN_FAILURES_MAX), `${failed.length} failed; proxy: ${stage.proxyLog}`).toEqual(
      [],
    )
    const total = /(\d+) assertions: (\d+) ok, 0 not ok, (\d+) known, 0 skipped/.exec(stdout.toString())
    expect(total, `no totals: ${stderr}`).not.toBeNull()
    expect(Number(total![1])).toBeGreaterThan(ASSERTIONS_MIN)
    console.info(`posix ${directory}: ${total![0]}`)
  }

  test('on a fresh tree', async () => {
    await stage.guest.mustRun(['mkdir', join(MOUNT_POINT, 'fresh')])
    await runCases('fresh')
    await stage.assertImageUntouched()
  })

  test('on objects of the image', async () => {
    await runCases('seeded', '--seeded')
    await stage.assertImageUntouched()
  })

  test('what the client saw is there after a crash of the proxy', async () => {
    await stage.assertViewSurvivesCrash()
    await stage.assertImageUntouched()
  })
})
