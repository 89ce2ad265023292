import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cachedBuild, makeWorkDirectory } from './cache-directory.ts'
import { ownerIsAlive, ownerTag } from './rig-owner.ts'

let cache: string

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'rowfs-cache-test-'))
  vi.stubEnv('ROWFS_TEST_CACHE', cache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(cache, { recursive: true })
})

test('of two builders at once one builds and the other waits for it', async () => {
  let builds = 0
  const build = async (into: string) => {
    builds += 1
    writeFileSync(join(into, 'half'), '')
    await sleep(100)
    writeFileSync(join(into, 'whole'), '')
  }
  const results = await Promise.all([cachedBuild('thing', 'v1', build), cachedBuild('thing', 'v1', build)])
  expect(builds).toBe(1)
  expect(results).toEqual([join(cache, 'thing-v1'), join(cache, 'thing-v1')])
  expect(readdirSync(results[0])).toEqual(['half', 'whole'])
})

test('a build that fails leaves nothing that looks finished, and the next one starts afresh', async () => {
  const failing = cachedBuild('thing', 'v1', async (into) => {
    writeFileSync(join(into, 'rest of the first'), '')
    throw new Error('no network')
  })
  await expect(failing).rejects.toThrow('no network')
  expect(existsSync(join(cache, 'thing-v1'))).toBe(false)
  const finished = await cachedBuild('thing', 'v1', async (into) => writeFileSync(join(into, 'second'), ''))
  expect(readdirSync(finished)).toEqual(['second'])
})

test('another version stays while it is used and goes after a week', async () => {
  for (const name of ['thing-used', 'thing-old', 'other-old']) mkdirSync(join(cache, name))
  const eightDaysAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000)
  for (const name of ['thing-used', 'thing-old', 'other-old'])
    utimesSync(join(cache, name), eightDaysAgo, eightDaysAgo)
  const build = async () => {}
  await cachedBuild('thing', 'used', build)
  await cachedBuild('thing', 'new', build)
  const kept = readdirSync(cache).filter((name) => !name.endsWith('.lock'))
  expect(kept).toEqual(['other-old', 'thing-new', 'thing-used'])
})

test('work directories of dead processes go, those of living ones stay', () => {
  const { pid } = spawnSync('true')
  mkdirSync(join(cache, `run-${pid}-1-uml-abc`))
  // The number of a living process, but of one that started at another time.
  mkdirSync(join(cache, `run-${process.pid}-1-uml-abc`))
  const first = makeWorkDirectory('one')
  const second = makeWorkDirectory('two')
  expect(
    readdirSync(cache)
      .map((name) => join(cache, name))
      .sort(),
  ).toEqual([first, second].sort())
})

test('a tag tells a process from a later one with the same number', () => {
  expect(ownerIsAlive(ownerTag())).toBe(true)
  expect(ownerIsAlive(`${process.pid}-1`)).toBe(false)
  expect(ownerIsAlive('not a tag')).toBe(false)
})
