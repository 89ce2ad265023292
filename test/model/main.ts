import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { MODEL_MODES, type ModelMode } from './modes.ts'
import { tryModel } from './try-model.ts'

/**
 * The model test by hand: a seed again, or one seed after another for as long as it is told.
 * node test/model/main.ts --mode in-process --seed 1 --operations 20000
 * node test/model/main.ts --seconds 28800
 */
const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'in-process' },
    seed: { type: 'string' },
    operations: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '0' },
  },
})
const mode = MODEL_MODES.find((known) => known === values.mode)
if (mode === undefined) throw new Error(`--mode is one of ${MODEL_MODES.join(', ')}`)
const endsAtMs = Date.now() + Number(values.seconds) * 1000
let seed = values.seed === undefined ? randomBytes(4).readUInt32BE(0) : Number(values.seed)
do {
  await once(mode, seed)
  seed = (seed + 1) >>> 0
} while (Date.now() < endsAtMs)

async function once(of: ModelMode, seedNow: number): Promise<void> {
  process.stdout.write(`mode ${of} seed ${seedNow}: `)
  const startedMs = Date.now()
  const summary = await tryModel(of, seedNow, Number(values.operations))
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
  process.stdout.write(`${JSON.stringify(summary)} in ${seconds} s\n`)
}
