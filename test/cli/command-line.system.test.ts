import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runRowfs } from '../rig/proxy-process.ts'
import { mustRun, runCommand } from '../rig/run-command.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')

let work: string
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'rowfs-cli-'))
})
afterAll(() => rmSync(work, { recursive: true }))

async function rowfs(...args: string[]) {
  const { exitCode, stdout, stderr } = await runRowfs(args)
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}

test.each([
  [['proxy']],
  [['export']],
  [['view', 'ls']],
  [['view', 'show']],
  [['view', 'diff']],
  [['view', 'reset']],
  [['view', 'rm']],
  [['view', 'check']],
  [['status']],
  [['config', 'show']],
  [['demo']],
])('rowfs %j --help explains and gives examples', async (command) => {
  const { exitCode, stdout } = await rowfs(...command, '--help')
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`Usage: rowfs ${command.join(' ')}`)
  expect(stdout).toContain('Examples:\n  rowfs ')
})

describe('wrong use ends with 2 and says what to write', () => {
  test.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['proxy', '--frobnicate'], "unknown option '--frobnicate'"],
    [['proxy'], 'add --base nfs://HOST/PATH'],
    [['proxy', '--base', 'nfs://h/p'], 'add --state DIR'],
    [['proxy', '--base', 'h:/p'], '--base, base: "h:/p"'],
    [['proxy', '--listen', 'nowhere:x'], '--listen, listen: "nowhere:x" is not an address'],
    [['proxy', '--allow', '10.0.0.0/99'], '--allow'],
    [['proxy', '--view', 'a,squish=all'], '--view a,squish=all: "squish=all" is not known'],
    [['proxy', '--view', '../a'], 'is no name for a view'],
    [['view', 'ls'], 'add --state DIR'],
    [['view', 'diff'], "missing required argument 'name'"],
    [
      ['config', 'show', '--config', '/nowhere/rowfs.yaml'],
      '/nowhere/rowfs.yaml, (the file): cannot be read',
    ],
    [['export'], 'nothing to export'],
  ])('%j', async (args, message) => {
    const { exitCode, stdout, stderr } = await rowfs(...args)
    expect(stderr).toContain(message)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
  })

  test('a settings file, with every mistake at its line', async () => {
    const file = join(work, 'rowfs.yaml')
    writeFileSync(file, 'squash: rot\nbase: nfs://\n')
    const { exitCode, stderr } = await rowfs('proxy', '--config', file)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(
      `rowfs: ${file} line 1, squash: "rot" is not known; write one of: none, root, all\n`,
    )
    expect(stderr).toContain(`rowfs: ${file} line 2, base: "nfs://": no host`)
  })
})

describe('what fails ends with 1 and says what to do', () => {
  test.each([
    [
      ['view', 'ls', '--state', '/nowhere'],
      '/nowhere does not exist; give the directory that rowfs proxy was started with',
    ],
    [['status', '--state', '/nowhere'], '/nowhere'],
    [['view', 'ls', '--state', CHECKOUT], 'is not a state directory of rowfs'],
  ])('%j', async (args, message) => {
    const { exitCode, stderr } = await rowfs(...args)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
    expect(exitCode).toBe(1)
  })

  test('a crash point that does not exist is no program', async () => {
    const env = { ROWFS_CRASH_POINT: 'no.such-point' }
    const { exitCode } = await runCommand([process.execPath, 'src/main.ts', '--version'], {
      cwd: CHECKOUT,
      env,
    })
    expect(exitCode).toBe(1)
  })
})

test('config show: every key with its value and where it was said', async () => {
  const file = join(work, 'shown.yaml')
  writeFileSync(file, 'state: s\nviews:\n  lab:\n    squash: all\n')
  const { stdout } = await rowfs('config', 'show', '--config', file, '--squash', 'root', '--json')
  const { settings } = JSON.parse(stdout) as { settings: { key: string; value: unknown; from: string }[] }
  const of = (key: string) => settings.find((one) => one.key === key)
  expect(of('state')).toEqual({ key: 'state', value: join(work, 's'), from: `${file} line 1` })
  expect(of('squash')).toEqual({ key: 'squash', value: 'root', from: '--squash' })
  expect(of('views.lab.squash')).toEqual({ key: 'views.lab.squash', value: 'all', from: `${file} line 4` })
  expect(of('base')).toEqual({ key: 'base', value: null, from: 'not set' })
  writeFileSync(file, 'portmap: true\nreadOnly: true\n')
  const flags = ['--no-portmap', '--view', 'a,squash=all,allow=10.0.0.0/8,allow=::1,read-only=false']
  const other = await rowfs('config', 'show', '--config', file, ...flags, '--json')
  const shown = (JSON.parse(other.stdout) as { settings: { key: string; value: unknown; from: string }[] })
    .settings
  expect(shown).toContainEqual({ key: 'portmap', value: false, from: '--portmap' })
  expect(shown).toContainEqual({ key: 'views.a.allow', value: ['10.0.0.0/8', '::1'], from: '--view' })
  expect(shown).toContainEqual({ key: 'views.a.squash', value: 'all', from: '--view' })
  expect(shown).toContainEqual({ key: 'views.a.readOnly', value: 'false', from: '--view' })
  const words = await rowfs('config', 'show', '--config', file)
  expect(words.stdout).toContain('cache.blocksMiB')
})

describe('output that nobody takes', () => {
  const shell = (redirection: string) =>
    runCommand(
      ['bash', '-c', `set -o pipefail; '${process.execPath}' src/main.ts config show ${redirection}`],
      {
        cwd: CHECKOUT,
      },
    )

  test('a reader that went away is no failure', async () => {
    const { exitCode, stderr } = await shell('| true')
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: '' })
  })

  test('a full disk is one', async () => {
    const { exitCode, stderr } = await shell('> /dev/full')
    expect(exitCode).toBe(1)
    expect(stderr.toString()).toContain('rowfs: the output could not be written')
  })
})

test('npm run build makes JavaScript that runs without the sources', async () => {
  const out = join(work, 'built')
  mkdirSync(out)
  const compiler = join(CHECKOUT, 'node_modules', '.bin', 'tsc')
  await mustRun([
    compiler,
    '-p',
    join(CHECKOUT, 'deploy', 'tsconfig.build.json'),
    '--outDir',
    join(out, 'dist'),
  ])
  copyFileSync(join(CHECKOUT, 'package.json'), join(out, 'package.json'))
  symlinkSync(join(CHECKOUT, 'node_modules'), join(out, 'node_modules'))
  const { stdout } = await mustRun([process.execPath, join(out, 'dist', 'main.js'), 'config', 'show'])
  expect(stdout.toString()).toContain('127.0.0.1:2049')
})
