import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { GUEST_PROGRAMS, MOUNT_POINT, SuiteStage } from './suite-stage.ts'

const FILES = 4
const CALLS_PER_FILE = 25_000
const PREPARED_SIZE_BYTES = 200_001
const PROGRAM = '/tmp/fsx'
const BUILD = `gcc -O2 -Wall -Werror -o ${PROGRAM} ${GUEST_PROGRAMS}/fsx/*.c`
const EXERCISE_TIMEOUT_MS = 900_000

/** The content of a prepared file: the formula of `pattern_byte` in test/guest/fsx/model.c, which compares it first of all. */
function patternFile(seed: number): Uint8Array {
  const bytes = Buffer.alloc(PREPARED_SIZE_BYTES + 3)
  for (let at = 0; at < PREPARED_SIZE_BYTES; at += 4) {
    let word = Math.imul(at >>> 2, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b)
    word ^= word >>> 16
    word = Math.imul(word, 0x7feb352d)
    word ^= word >>> 15
    word = Math.imul(word, 0x846ca68b)
    word ^= word >>> 16
    bytes.writeInt32LE(word, at)
  }
  return bytes.subarray(0, PREPARED_SIZE_BYTES)
}

const fileSeeds = Array.from({ length: FILES }, (_, index) => index + 1)

describeWithRigs('a file under random calls', ['uml', 'ganesha', 'image-tree'], () => {
  let stage: SuiteStage

  beforeAll(async () => {
    stage = await SuiteStage.set('fsx', async (image) => {
      for (const seed of fileSeeds) writeFileSync(join(image, `prepared${seed}`), patternFile(seed))
    })
    await stage.guest.mustRun(BUILD)
  })
  afterAll(() => stage?.clear())

  /** One process. The seed of the calls is new in every run and printed; to repeat one: `--seed N`. */
  async function exercise(name: string, calls: number, ...options: string[]): Promise<void> {
    const path = join(MOUNT_POINT, name)
    const argv = [PROGRAM, '--ops', `${calls}`, '--save-model', `/tmp/${name}`, ...options, path]
    const { exitCode, stdout } = await stage.guest.run(argv, { timeoutMs: EXERCISE_TIMEOUT_MS })
    expect(exitCode, `${stdout}\nproxy: ${stage.proxyLog}`).toBe(0)
    console.info(stdout.toString().trim().split('\n').at(-1))
  }

  test(`${FILES * CALLS_PER_FILE} calls on files of the image, by ${FILES} processes at once`, async () => {
    const runs = fileSeeds.map((seed) => exercise(`prepared${seed}`, CALLS_PER_FILE, '--seeded', `${seed}`))
    await Promise.all(runs)
    await stage.assertImageUntouched()
  })

  test('a new file that is larger than any call', async () => {
    await exercise('new', CALLS_PER_FILE / 5, '--max-size', `${4 * 1024 * 1024}`, '--check-every', '1000')
  })

  test('the files are what the models say after a crash of the proxy', async () => {
    await stage.assertViewSurvivesCrash()
    for (const name of [...fileSeeds.map((seed) => `prepared${seed}`), 'new']) {
      await stage.guest.mustRun(['cmp', join(MOUNT_POINT, name), `/tmp/${name}`])
    }
    await stage.assertImageUntouched()
  })
})
