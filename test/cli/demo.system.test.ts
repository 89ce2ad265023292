import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ViewClient } from '../daemon/view-client.ts'
import { runCommand } from '../rig/run-command.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const START_MAX_MS = 30_000

let work: string
let running: ChildProcess | undefined
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'rowfs-demo-'))
})
afterEach(() => {
  running?.kill('SIGKILL')
  rmSync(work, { recursive: true })
})

/** `rowfs demo` as npm start runs it, up to where it says how to mount. */
async function startDemo() {
  const child = spawn(process.execPath, [MAIN, 'demo'], { cwd: work })
  running = child
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  }
  await vi.waitUntil(() => said.includes('Ctrl-C ends it'), { timeout: START_MAX_MS })
  const port = Number(
    /mount -t nfs -o vers=3,proto=tcp,port=(\d+),mountport=\1,\S+ 127\.0\.0\.1:\/default \/mnt/.exec(
      said,
    )![1],
  )
  return { child, port, said: () => said }
}

test('npm start: a sample with every type of file, the mount command, live counters; changes are kept, the image is not changed', async () => {
  const first = await startDemo()
  expect(first.said()).toContain('.cache/rowfs-demo/state (new)')
  const client = await ViewClient.mount(first.port, 'default')
  await client.write('note', 'mine')
  await client.close()
  first.child.kill('SIGINT')
  const [code] = await once(first.child, 'exit')
  expect(code).toBe(0)
  expect(first.said()).toMatch(/\n0 calls, 0 changes; .*\n\d+ calls, 2 changes; .* 0 B from the shadow\n/)

  const second = await startDemo()
  expect(second.said()).toContain('(kept: changes of earlier starts are in it)')
  const again = await ViewClient.mount(second.port, 'default')
  expect(await again.read('note')).toBe('mine')
  await again.close()
  const state = join(work, '.cache', 'rowfs-demo', 'state')
  const diff = await runCommand([process.execPath, MAIN, 'view', 'diff', 'default', '--state', state])
  expect(diff.stdout.toString()).toBe('A  /note  (1 block, 4.0 KiB)\n')
  second.child.kill('SIGTERM')
  await once(second.child, 'exit')
})

test('the sample has what it says', async () => {
  const { child } = await startDemo()
  const image = (path: string) => lstatSync(join(work, '.cache', 'rowfs-demo', 'image', path))
  expect(image('etc').isDirectory()).toBe(true)
  expect(image('bin/hello').mode & 0o777).toBe(0o755)
  expect(image('etc/issue').isSymbolicLink()).toBe(true)
  expect(image('run/pipe').isFIFO()).toBe(true)
  expect(image('run/socket').isSocket()).toBe(true)
  expect(image('home/reader/book.txt').nlink).toBe(2)
  expect(image('var/log/sparse.img')).toMatchObject({ size: 1024 ** 3 })
  expect(image('var/log/sparse.img').blocks).toBeLessThan(100)
  expect(readFileSync(join(work, '.cache', 'rowfs-demo', 'image', 'etc', 'motd'), 'utf8')).toContain(
    'from the image',
  )
  if (process.getuid?.() === 0) {
    expect(image('dev/null').isCharacterDevice()).toBe(true)
    expect(image('dev/disk').isBlockDevice()).toBe(true)
  }
  child.kill('SIGTERM')
  await once(child, 'exit')
})
