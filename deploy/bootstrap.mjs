/**
 * Installs what a checkout lacks, and says so: npm packages (with the Node that rowfs runs on) and Debian packages.
 * Plain JavaScript for Node 18 or newer, because it runs before anything is installed. A second run installs nothing.
 *
 *   node deploy/bootstrap.mjs npm      npm packages only
 *   node deploy/bootstrap.mjs start    and the Debian packages that `npm start` uses
 *   node deploy/bootstrap.mjs test     and the Debian packages that `npm test` uses
 *
 * Asks nothing. Without root it says which Debian packages are missing and goes on: what needs them is skipped by name.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE_MAJOR = 18
const APT_LOCK_WAIT_SECONDS = 300
const checkout = dirname(dirname(fileURLToPath(import.meta.url)))

function say(line) {
  process.stderr.write(`rowfs: ${line}\n`)
}

function fail(line) {
  say(line)
  process.exit(1)
}

function readJson(...path) {
  try {
    return JSON.parse(readFileSync(join(checkout, ...path), 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The first package of the lock file that is not installed in its version; undefined: all are there. */
function missingNpmPackage() {
  const wanted = readJson('package-lock.json').packages
  const installed = readJson('node_modules', '.package-lock.json')?.packages
  if (installed === undefined) return 'all of them'
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.optional) continue
    if (installed[path]?.version !== entry.version) return path.replace('node_modules/', '')
  }
  return undefined
}

/** npm may have been told to run no install scripts; then the `node` package has no program in it yet. */
function nodeProgramIsThere() {
  try {
    accessSync(join(checkout, 'node_modules', 'node', 'bin', 'node'), constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** All output goes to standard error: standard output belongs to the command that comes after. */
function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], cwd: checkout, ...options }).status === 0
}

function npmCommand(...args) {
  const program = process.env.npm_execpath
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund']
  return program?.endsWith('.js')
    ? run(process.execPath, [program, ...args, ...quiet])
    : run('npm', [...args, ...quiet])
}

function installNpmPackages() {
  const missing = missingNpmPackage()
  if (missing !== undefined) {
    say(`installing npm packages (missing: ${missing}) with npm ci`)
    if (!npmCommand('ci'))
      fail('npm ci failed (see above); look at the network or the npm registry setting, then run this again')
  }
  if (nodeProgramIsThere()) return
  const node = join(checkout, 'node_modules', 'node')
  const { version } = readJson('node_modules', 'node', 'package.json')
  say(`placing Node ${version}, which rowfs runs on, in node_modules`)
  run(process.execPath, ['installArchSpecificPackage.js'], { cwd: node })
  if (!nodeProgramIsThere()) {
    fail(`could not place Node ${version}; run: npm rebuild node, or put Node 24 or newer first on your PATH`)
  }
}

/** Those of the packages that are not installed, by one question to dpkg. */
function missingDebianPackages(names) {
  if (names.length === 0) return []
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const asked = spawnSync('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\\n', ...names], {
    encoding: 'utf8',
  })
  if (asked.error) return names
  const installed = new Set(
    asked.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return names.filter((name) => !installed.has(name))
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', DEBCONF_NONINTERACTIVE_SEEN: 'true' }
  const quiet = ['-qq', '-o', `DPkg::Lock::Timeout=${APT_LOCK_WAIT_SECONDS}`, '-o', 'Dpkg::Use-Pty=0']
  return run('apt-get', [...quiet, ...args], { env })
}

/** `npm test` uses every package of the host's list; `npm start` those marked so. */
function debianPackagesFor(purpose) {
  const { host } = readJson('test', 'rig', 'debian-packages.json')
  return host.filter((row) => row.install !== false && (purpose === 'test' || row.start === true))
}

function installDebianPackages(purpose) {
  const list = debianPackagesFor(purpose)
  const missing = missingDebianPackages(list.map((row) => row.package))
  if (missing.length === 0) return
  const byHand = `apt-get install --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0) {
    say(`these Debian packages are missing, and only root can install them: ${missing.join(' ')}`)
    for (const row of list) if (missing.includes(row.package)) say(`  ${row.package}: ${row.for}`)
    say(`to install them: sudo ${byHand}`)
    say('going on without them; what needs them is skipped by name')
    return
  }
  if (!existsSync('/usr/bin/apt-get')) {
    say(
      `this is not a Debian machine; missing, by Debian's names: ${missing.join(' ')}; going on without them`,
    )
    return
  }
  say(`installing Debian packages with apt-get: ${missing.join(' ')}`)
  const install = ['install', '-y', '--no-install-recommends', ...missing]
  // The lists of a fresh machine may be absent or old: only then are they fetched.
  if (!aptGet(...install) && !(aptGet('update') && aptGet(...install))) {
    say(`apt-get failed (see above); by hand: ${byHand}; going on without them`)
  }
}

const purpose = process.argv[2]
if (!['npm', 'start', 'test'].includes(purpose)) fail('usage: node deploy/bootstrap.mjs npm|start|test')
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE_MAJOR) {
  fail(`Node ${process.versions.node} is too old to install rowfs; ${OLDEST_NODE_MAJOR} or newer is needed`)
}
installNpmPackages()
if (purpose !== 'npm') installDebianPackages(purpose)
