import { defineConfig } from 'vitest/config'

/** Three projects: `fast` needs nothing but Node, `system` starts real processes, `kernel` boots real kernels. */
const project = (name: string, include: string[], timeoutMs: number) => ({
  test: { name, include, testTimeout: timeoutMs, hookTimeout: timeoutMs, pool: 'forks' as const },
})

// biome-ignore lint/style/noDefaultExport: vitest reads the default export of its settings file
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('fast', ['test/**/*.test.ts'].concat(['!test/**/*.system.test.ts', '!test/**/*.kernel.test.ts']), 30_000),
      project('system', ['test/**/*.system.test.ts'], 300_000),
      project('kernel', ['test/**/*.kernel.test.ts'], 1_200_000),
    ],
  },
})
