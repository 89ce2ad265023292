import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LowerFault, MemoryLowerLayer } from '../conformance/memory-lower-layer.ts'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { writeTree } from '../rig/image-tree.ts'
import { RowfsProcess } from '../rig/proxy-process.ts'
import { assertSameTree, readTree } from '../rig/tree-digest.ts'
import { OverlaySubject, SCRATCH } from './overlay-subject.ts'
import { type ModelEvent, type ModelRun, viewsOfRun } from './run-model.ts'
import { type SeedTree, seedTree } from './seed-tree.ts'
import { SeededRandom } from './seeded-random.ts'
import type { Subject } from './subject.ts'
import { WireSubject, withRealCtimes } from './wire-subject.ts'

/**
 * What stands below the model test. `in-process`: the overlay over an image in memory; `faulty-image`: that image does
 * not always answer. The others are a real proxy, asked over TCP: over `rowfs export`, over nfs-ganesha, and with its
 * blocks on nfs-ganesha.
 */
export const MODEL_MODES = ['in-process', 'faulty-image', 'export', 'ganesha', 'nfs-shadow'] as const
export type ModelMode = (typeof MODEL_MODES)[number]

export interface OpenMode {
  readonly subject: Subject
  readonly run: ModelRun
  /** Ends all, and throws when the image is not what it was. */
  close(): Promise<void>
}

const EVENTS: Readonly<Record<'in-process' | 'wire', Readonly<Record<ModelEvent, number>>>> = {
  'in-process': { nothing: 1, clean: 2, kill: 3, across: 0 },
  wire: { nothing: 4, clean: 1, kill: 2, across: 3 },
}

/** Of the image some files are sparse and huge: those are compared by samples. */
const SAMPLE_OVER_BYTES = 64 * 1024 * 1024

export function openMode(mode: ModelMode, seed: number, operations: number): Promise<OpenMode> {
  const run: ModelRun = {
    seed,
    operations,
    tree: seedTree(seed),
    operationsPerEpisode: Math.min(operations, 5000),
    operationsPerBatch: 250,
    views: ['a', 'b'],
    events: EVENTS[isInProcess(mode) ? 'in-process' : 'wire'],
  }
  return isInProcess(mode) ? openInProcess(mode, run) : openWire(mode, run)
}

export type InProcessMode = 'in-process' | 'faulty-image'

export function isInProcess(mode: ModelMode): mode is InProcessMode {
  return mode === 'in-process' || mode === 'faulty-image'
}

async function openInProcess(mode: InProcessMode, run: ModelRun): Promise<OpenMode> {
  const subject = await inProcessSubject(mode, run.seed, run.tree)
  return { subject, run, close: () => subject.close() }
}

/** The seed decides how the image's server behaves, too: pages, lists without attributes, a handle for every name. */
export function inProcessSubject(mode: InProcessMode, seed: number, tree: SeedTree): Promise<OverlaySubject> {
  const random = new SeededRandom(seed)
  const lower = new MemoryLowerLayer(tree, {
    entriesPerPage: 5 + (seed % 60),
    attributesInLists: seed % 3 !== 0,
    handlePerName: seed % 2 === 0,
    ...(mode === 'faulty-image' ? { fault: () => nextFault(random) } : {}),
  })
  return OverlaySubject.open(lower, { isPatient: mode === 'faulty-image' })
}

function nextFault(random: SeededRandom): LowerFault {
  const fault = random.weighted({ none: 194, late: 4, jukebox: 1, unavailable: 1 })
  return fault === 'late' ? { delayMs: 1 } : fault
}

async function openWire(mode: 'export' | 'ganesha' | 'nfs-shadow', wanted: ModelRun): Promise<OpenMode> {
  const stack = new AsyncDisposableStack()
  try {
    const work = makeWorkDirectory('model')
    stack.defer(() => rmSync(work, { recursive: true, force: true }))
    const scratch = mkdtempSync(join(SCRATCH, 'rowfs-model-'))
    stack.defer(() => rmSync(scratch, { recursive: true, force: true }))
    const image = join(work, 'image')
    await writeTree(image, wanted.tree)
    // nfs-ganesha says another access time after every read.
    const tree = wanted.tree.map((entry) => ({ ...entry, atimeMoves: mode === 'ganesha' }))
    const run = { ...wanted, tree: withRealCtimes(tree, image) }
    const before = await readTree(image, { sampleOverBytes: SAMPLE_OVER_BYTES })
    const base = await startImageServer(stack, mode, image, scratch)
    const shadow = mode === 'nfs-shadow' ? await startShadowServer(stack, join(work, 'shadow')) : undefined
    const state = join(scratch, 'state')
    const views = viewsOfRun(run)
    const proxy = await RowfsProcess.startProxy({ base, state, views, ...(shadow && { shadow }) })
    stack.defer(() => proxy.kill())
    const subject = new WireSubject(proxy, state)
    const rest = stack.move()
    const close = async () => {
      await using _ = rest
      await subject.close()
      assertSameTree(before, await readTree(image, { sampleOverBytes: SAMPLE_OVER_BYTES }))
    }
    return { subject, run, close }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function startImageServer(
  stack: AsyncDisposableStack,
  mode: ModelMode,
  image: string,
  scratch: string,
): Promise<string> {
  if (mode !== 'ganesha') {
    const server = await RowfsProcess.startExport({
      directories: [`${image}:image`],
      state: join(scratch, 'export'),
    })
    stack.defer(() => server.kill())
    return server.url('/image')
  }
  const ganesha = await Ganesha.start({ exports: [{ directory: image, readOnly: true }] })
  stack.defer(() => ganesha.stop())
  return ganesha.url(image)
}

async function startShadowServer(stack: AsyncDisposableStack, directory: string): Promise<string> {
  mkdirSync(directory)
  const ganesha = await Ganesha.start({ exports: [{ directory }] })
  stack.defer(() => ganesha.stop())
  return ganesha.url(directory)
}
