import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CommandResult, runCommand } from '../rig/run-command.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')
const NODE = process.execPath

/** A checkout without node_modules, and stand-ins for npm, dpkg-query and apt-get that write down how they were called. */
let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'rowfs-bootstrap-'))
  chmodSync(work, 0o755)
  for (const file of [
    'deploy/bootstrap.mjs',
    'package.json',
    'package-lock.json',
    'test/rig/debian-packages.json',
  ]) {
    mkdirSync(join(work, 'checkout', dirname(file)), { recursive: true })
    copyFileSync(join(CHECKOUT, file), join(work, 'checkout', file))
  }
  mkdirSync(join(work, 'bin'))
  program('npm', `exit 1`)
  program('dpkg-query', 'shift 2; for name; do echo "$name installed"; done')
  program('apt-get', 'exit 0')
  writeFileSync(join(work, 'calls'), '')
  chmodSync(join(work, 'calls'), 0o666)
})
afterEach(() => rmSync(work, { recursive: true }))

function program(name: string, body: string): void {
  writeFileSync(
    join(work, 'bin', name),
    `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"${work}/calls"\n${body}\n`,
    {
      mode: 0o755,
    },
  )
}

/** npm ci, as far as the bootstrap looks: the hidden lock file and the pinned Node. */
function installedPackages(): void {
  const modules = join(work, 'checkout', 'node_modules')
  mkdirSync(join(modules, 'node', 'bin'), { recursive: true })
  copyFileSync(join(CHECKOUT, 'package-lock.json'), join(modules, '.package-lock.json'))
  writeFileSync(join(modules, 'node', 'bin', 'node'), '', { mode: 0o755 })
}

async function bootstrap(
  purpose: string,
  prefix: string[] = [],
): Promise<CommandResult & { said: string; calls: string[] }> {
  const argv = [...prefix, NODE, join(work, 'checkout', 'deploy', 'bootstrap.mjs'), purpose]
  const env = { PATH: `${work}/bin:/usr/bin:/bin`, npm_execpath: undefined }
  const result = await runCommand(argv, { env })
  const calls = readFileSync(join(work, 'calls'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return { ...result, said: result.stderr.toString(), calls }
}

const aptCalls = (calls: string[]) => calls.filter((call) => call.startsWith('apt-get'))

describe('a checkout that has everything', () => {
  test.each(['npm', 'start', 'test'])('%s: nothing is installed and nothing said', async (purpose) => {
    installedPackages()
    const { exitCode, said, stdout, calls } = await bootstrap(purpose)
    expect({ exitCode, said, stdout: stdout.toString() }).toEqual({ exitCode: 0, said: '', stdout: '' })
    expect(calls.filter((call) => !call.startsWith('dpkg-query'))).toEqual([])
  })
})

describe('npm packages', () => {
  test('are installed from the lock file when they are not there', async () => {
    program(
      'npm',
      `mkdir -p node_modules/node/bin && cp package-lock.json node_modules/.package-lock.json
      touch node_modules/node/bin/node && chmod +x node_modules/node/bin/node`,
    )
    const { exitCode, said, calls } = await bootstrap('npm')
    expect(exitCode).toBe(0)
    expect(said).toBe('rowfs: installing npm packages (missing: all of them) with npm ci\n')
    expect(calls).toEqual(['npm ci --loglevel=error --no-audit --no-fund'])
    expect((await bootstrap('npm')).said).toBe('')
  })

  test('and when one has another version', async () => {
    installedPackages()
    const path = join(work, 'checkout', 'node_modules', '.package-lock.json')
    const lock = JSON.parse(readFileSync(path, 'utf8'))
    lock.packages['node_modules/vitest'].version = '0.0.1'
    writeFileSync(path, JSON.stringify(lock))
    expect((await bootstrap('npm')).said).toContain('(missing: vitest)')
  })

  test('that cannot be had end it, with what to do', async () => {
    const { exitCode, said } = await bootstrap('test')
    expect(exitCode).toBe(1)
    expect(said).toContain('npm ci failed')
  })

  test('the Node that npm did not place, because it runs no install scripts, is placed', async () => {
    installedPackages()
    const folder = join(work, 'checkout', 'node_modules', 'node')
    rmSync(join(folder, 'bin', 'node'))
    writeFileSync(join(folder, 'package.json'), '{"version":"24.0.0"}')
    writeFileSync(
      join(folder, 'installArchSpecificPackage.js'),
      `require('fs').writeFileSync('bin/node', '', { mode: 0o755 })`,
    )
    const { exitCode, said } = await bootstrap('npm')
    expect(exitCode).toBe(0)
    expect(said).toBe('rowfs: placing Node 24.0.0, which rowfs runs on, in node_modules\n')
  })
})

describe.skipIf(process.getuid?.() !== 0)(
  `Debian packages${process.getuid?.() === 0 ? '' : ' [skipped: needs root]'}`,
  () => {
    const withoutGanesha = 'shift 2; for name; do test "$name" = nfs-ganesha || echo "$name installed"; done'

    test('that are missing are installed without a question', async () => {
      installedPackages()
      program('dpkg-query', withoutGanesha)
      const { exitCode, said, calls } = await bootstrap('test')
      expect(exitCode).toBe(0)
      expect(said).toBe('rowfs: installing Debian packages with apt-get: nfs-ganesha\n')
      expect(aptCalls(calls)).toEqual([
        expect.stringMatching(/ install -y --no-install-recommends nfs-ganesha$/),
      ])
    })

    test('whose lists are old are fetched anew', async () => {
      installedPackages()
      program('dpkg-query', withoutGanesha)
      program('apt-get', `case "$*" in *update*) touch "${work}/updated";; esac; test -e "${work}/updated"`)
      const { exitCode, calls } = await bootstrap('test')
      expect(exitCode).toBe(0)
      expect(aptCalls(calls).map((call) => /(install|update)/.exec(call)![0])).toEqual([
        'install',
        'update',
        'install',
      ])
    })

    test('that cannot be had are named, and it goes on', async () => {
      installedPackages()
      program('dpkg-query', withoutGanesha)
      program('apt-get', 'exit 1')
      const { exitCode, said } = await bootstrap('test')
      expect(exitCode).toBe(0)
      expect(said).toContain(
        'by hand: apt-get install --no-install-recommends nfs-ganesha; going on without them',
      )
    })

    test('without root are named with what they are for, and nothing is tried', async () => {
      installedPackages()
      program('dpkg-query', withoutGanesha)
      const node = join(work, 'node')
      copyFileSync(NODE, node)
      chmodSync(node, 0o755)
      const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
      const argv = [...asNobody, node, join(work, 'checkout', 'deploy', 'bootstrap.mjs'), 'test']
      const { exitCode, stderr } = await runCommand(argv, { env: { PATH: `${work}/bin:/usr/bin:/bin` } })
      expect(stderr.toString()).toContain('only root can install them: nfs-ganesha\n')
      expect(stderr.toString()).toContain('rowfs:   nfs-ganesha: ')
      expect(stderr.toString()).toContain('sudo apt-get install --no-install-recommends nfs-ganesha')
      expect(exitCode).toBe(0)
      expect(aptCalls(readFileSync(join(work, 'calls'), 'utf8').split('\n'))).toEqual([])
    })

    test('npm start needs fewer than npm test', async () => {
      installedPackages()
      program('dpkg-query', 'exit 1')
      const { calls } = await bootstrap('start')
      expect(aptCalls(calls)).toEqual([expect.stringMatching(/--no-install-recommends nfs-common$/)])
    })
  },
)

test('a purpose that it does not know is refused', async () => {
  const { exitCode, said } = await bootstrap('everything')
  expect(exitCode).toBe(1)
  expect(said).toContain('usage:')
})
