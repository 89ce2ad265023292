import type { Step } from './run-tier.ts'

/** What stands below the model test, one after the other (test/model/modes.ts). */
const MODES = ['in-process', 'export', 'ganesha', 'nfs-shadow']

/** The long run: the model test in every mode, each for its part of the time, from a new seed that is printed. */
export function nightlySteps(seconds: number): Step[] {
  const each = Math.floor(seconds / MODES.length)
  return MODES.map((mode) => ({
    kind: 'program',
    name: `model, ${mode}`,
    argv: ['node', 'test/model/main.ts', '--mode', mode, '--seconds', String(each)],
  }))
}

/** ROWFS_TEST_NIGHTLY_SECONDS: how long the long run takes in all; 0, the default: there is none. */
export function nightlySeconds(setting: string | undefined): number {
  if (setting === undefined || setting === '') return 0
  if (!/^\d+$/.test(setting))
    throw new Error(`ROWFS_TEST_NIGHTLY_SECONDS is "${setting}"; write a number of seconds`)
  return Number(setting)
}
