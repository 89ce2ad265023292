import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { ResultReporter } from './test/runner/result-reporter.ts'

const SLOW_TESTS = ['test/**/*.system.test.ts', 'test/**/*.kernel.test.ts']

function tier(name: string, include: readonly string[], timeoutMs: number, exclude: readonly string[] = []) {
  return {
    test: {
      name,
      include: [...include],
      exclude: [...exclude],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      pool: 'forks' as const,
    },
  }
}

/** Three tiers: `fast` needs nothing but Node, `system` starts processes, `kernel` boots kernels (docs/testing.md). */
// biome-ignore lint/style/noDefaultExport: vitest reads the default export of its settings file
export default defineConfig({
  test: {
    maxWorkers: 2,
    // Programs that tests start find their types erased already: half the time to start.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'rowfs') },
    reporters: ['default', new ResultReporter()],
    projects: [
      tier('fast', ['test/**/*.test.ts'], 30_000, SLOW_TESTS),
      tier('system', ['test/**/*.system.test.ts'], 300_000),
      tier('kernel', ['test/**/*.kernel.test.ts'], 1_200_000),
    ],
  },
})
