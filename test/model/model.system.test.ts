import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { describeWithRigs, type RigNeed } from '../rig/rig-needs.ts'
import type { ModelMode } from './modes.ts'
import { tryModel } from './try-model.ts'

/** A new seed for every run; ROWFS_MODEL_SEED does one again. It stands in the name of every test. */
const SEED = Number(process.env.ROWFS_MODEL_SEED ?? randomBytes(4).readUInt32BE(0))
/** How long every mode goes on with one seed after another: for nights. 0: one run each. */
const SECONDS = Number(process.env.ROWFS_MODEL_SECONDS ?? 0)
const RUN_TIMEOUT_MS = 600_000

/** Together at least 100,000 operations. */
const RUNS: readonly { mode: ModelMode; operations: number; needs: readonly RigNeed[] }[] = [
  { mode: 'in-process', operations: 50_000, needs: [] },
  { mode: 'faulty-image', operations: 15_000, needs: [] },
  { mode: 'export', operations: 20_000, needs: ['image-tree'] },
  { mode: 'ganesha', operations: 15_000, needs: ['image-tree', 'ganesha'] },
  { mode: 'nfs-shadow', operations: 5000, needs: ['image-tree', 'ganesha'] },
]

for (const { mode, operations, needs } of RUNS) {
  describeWithRigs(`model test, ${mode}`, needs, () => {
    test(`${operations} operations, seed ${SEED}`, { timeout: RUN_TIMEOUT_MS + SECONDS * 1000 }, async () => {
      const endsAtMs = Date.now() + SECONDS * 1000
      let seed = SEED
      do {
        const { operations: done, kills } = await tryModel(mode, seed, operations)
        expect(done).toBeGreaterThan(operations * 0.95)
        expect(kills).toBeGreaterThan(0)
        seed = (seed + 1) >>> 0
      } while (Date.now() < endsAtMs)
    })
  })
}
