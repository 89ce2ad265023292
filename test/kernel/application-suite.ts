import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { mustRun } from '../rig/run-command.ts'
import { GUEST_PROGRAMS, MOUNT_POINT, SUITE_PROGRAMS, SuiteStage } from './suite-stage.ts'

const SCRIPT_TIMEOUT_MS = 400_000
const IMAGE_TREE = 'sample'

/** Runs scripts of test/guest/applications on a view, each in a new directory; the image has a tree for those that copy one. */
export function applicationSuite(name: string, scripts: readonly string[]): void {
  describeWithRigs(name, ['uml', 'ganesha', 'image-tree'], () => {
    let stage: SuiteStage

    beforeAll(async () => {
      const makeTree = join(SUITE_PROGRAMS, 'applications/make-sample-tree.sh')
      stage = await SuiteStage.set('applications', (image) => mustRun([makeTree, join(image, IMAGE_TREE)]))
    })
    afterAll(() => stage?.clear())

    test.each(scripts)('%s', async (script) => {
      const program = `${GUEST_PROGRAMS}/applications/${script}.sh`
      const argv = ['bash', program, join(MOUNT_POINT, script), join(MOUNT_POINT, IMAGE_TREE)]
      const { exitCode, stdout } = await stage.guest.run(argv, { timeoutMs: SCRIPT_TIMEOUT_MS })
      expect(stdout.toString()).toMatch(/^PASS /m)
      expect(exitCode, `${stdout}\nproxy: ${stage.proxyLog}`).toBe(0)
      console.info(stdout.toString().trim())
    })

    test('the image is untouched, and what the client saw is there after a crash of the proxy', async () => {
      await stage.assertImageUntouched()
      await stage.assertViewSurvivesCrash()
      await stage.assertImageUntouched()
    })
  })
}
