import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkDirectory } from '../rig/cache-directory.ts'
import { Ganesha } from '../rig/ganesha.ts'
import { GuestDiedError, GuestMountError, GuestTimeoutError } from '../rig/guest.ts'
import { imageTree, writeTree } from '../rig/image-tree.ts'
import { KnfsdGuest } from '../rig/knfsd-guest.ts'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { QemuGuest } from '../rig/qemu-guest.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'
import { lineSplitter, mustRun } from '../rig/run-command.ts'
import { assertSameTree, readTree, treeDifferences } from '../rig/tree-digest.ts'
import { runInGuest, UmlGuest } from '../rig/uml-guest.ts'

const SEED = 20_261_120
/** Larger files are sampled: a client of NFSv3 cannot tell a hole of a terabyte from data. */
const SAMPLE_OVER_BYTES = 64 * 1024 * 1024

describeWithRigs('a User-Mode Linux guest', ['uml'], () => {
  let namespace: NetworkNamespace
  let guest: UmlGuest

  beforeAll(async () => {
    namespace = await NetworkNamespace.create()
    guest = await UmlGuest.start({ namespace })
  })
  afterAll(async () => {
    await guest?.stop()
    await namespace?.remove()
  })

  test('runs commands as root and gives back output and exit code', async () => {
    const result = await guest.run('id -u; echo oops >&2; exit 7')
    expect({ ...result, stdout: `${result.stdout}`, stderr: `${result.stderr}` }).toEqual({
      exitCode: 7,
      stdout: '0\n',
      stderr: 'oops\n',
    })
  })

  test('streams output while a command runs, and runs several at once', async () => {
    const seen: string[] = []
    const slow = guest.run('echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo last', {
      onOutput: (_, data) => seen.push(data.toString()),
    })
    while (seen.length === 0) await guest.run(['true'])
    expect(seen).toEqual(['first\n'])
    await guest.mustRun('touch /tmp/go')
    expect((await slow).stdout.toString()).toBe('first\nlast\n')
  })

  test('carries standard input and files of any bytes, beyond what its line buffers', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_001 }, (_, index) => (index * 31) % 251))
    await guest.put('/tmp/a/bytes', bytes, 0o600)
    expect(await guest.get('/tmp/a/bytes')).toEqual(bytes)
    expect((await guest.run(['cat'], { input: bytes })).stdout).toEqual(bytes)
    expect(await guest.mustRun('stat -c %a /tmp/a/bytes')).toBe('600\n')
  })

  test('kills a command that does not end in time and says what it had said', async () => {
    const late = guest.run('echo so far; sleep 1000', { timeoutMs: 500 })
    await expect(late).rejects.toThrow(GuestTimeoutError)
    await expect(late).rejects.toThrow(/not done after 500 ms.*so far/s)
    expect(await guest.mustRun('pgrep -c sleep || true')).toBe('0\n')
  })

  test('says why an export cannot be mounted', async () => {
    const failed = guest.mount({ server: namespace.address, export: '/nothing', nfsPort: 2 })
    await expect(failed).rejects.toThrow(GuestMountError)
    await expect(failed).rejects.toThrow(/10\.99\.0\.1:\/nothing.*refused/i)
  })

  test('takes files in and gives files back', async () => {
    const work = makeWorkDirectory('files')
    writeFileSync(join(work, 'given'), 'from the host')
    let taken = ''
    const { exitCode } = await runInGuest(
      { namespace, filesIn: [join(work, 'given')] },
      'tr a-z A-Z </host/in/given >/host/out/taken',
      {
        take: (out) => {
          taken = readFileSync(join(out, 'taken'), 'utf8')
        },
      },
    )
    rmSync(work, { recursive: true })
    expect({ exitCode, taken }).toEqual({ exitCode: 0, taken: 'FROM THE HOST' })
  })

  test('is reported when its kernel dies under a command', async () => {
    const doomed = await UmlGuest.start({ namespace })
    const command = doomed.run('echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 60')
    await expect(command).rejects.toThrow(GuestDiedError)
    await expect(command).rejects.toThrow(/console: .*panic/is)
    await expect(doomed.run('true')).rejects.toThrow(GuestDiedError)
    await doomed.stop()
  })
})

describeWithRigs('a run that is killed', ['uml'], () => {
  test('leaves no process, and its namespace goes with the next one', async () => {
    const script = `
      import { NetworkNamespace } from '${import.meta.dirname}/../rig/network-namespace.ts'
      import { UmlGuest } from '${import.meta.dirname}/../rig/uml-guest.ts'
      const namespace = await NetworkNamespace.create()
      const guest = await UmlGuest.start({ namespace })
      // If a program of the guest went on natively, it would find and fill this directory of the host.
      const busy = 'while :; do for i in 1 2 3 4; do echo escaped >"$0/x"; done; done 2>/dev/null'
      guest.run(['bash', '-c', busy, process.argv[1]], { timeoutMs: 60_000 }).catch(() => {})
      await guest.run('sleep 0.5')
      console.log(namespace.name)
    `
    const trap = makeWorkDirectory('trap')
    const run = spawn(process.execPath, ['--input-type=module', '-e', script, trap])
    const said: string[] = []
    run.stderr.on(
      'data',
      lineSplitter((line) => said.push(line)),
    )
    const name = await new Promise<string>((resolve, reject) => {
      run.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()))
      run.once('exit', () => reject(new Error(said.join('\n'))))
    })
    expect((await processesIn(name)).length).toBeGreaterThan(3)
    run.kill('SIGKILL')
    await new Promise((resolve) => run.once('exit', resolve))
    await expect.poll(() => processesIn(name), { timeout: 5000 }).toEqual([])
    expect(readdirSync(trap)).toEqual([])
    rmSync(trap, { recursive: true })
    expect(await NetworkNamespace.removeLeftOvers()).toContain(name)
  })
})

async function processesIn(namespace: string): Promise<string[]> {
  const { stdout } = await mustRun(['ip', 'netns', 'pids', namespace])
  return stdout.toString().split('\n').filter(Boolean)
}

describeWithRigs('guests at an nfs-ganesha export', ['uml', 'ganesha', 'image-tree'], () => {
  let namespace: NetworkNamespace
  let ganesha: Ganesha
  let directory: string

  beforeAll(async () => {
    namespace = await NetworkNamespace.create()
    directory = join(makeWorkDirectory('ganesha'), 'image')
    mkdirSync(directory)
    await writeTree(directory, imageTree(SEED))
    const ports = { nfs: 2049, mount: 20_048, portmap: 111 }
    ganesha = await Ganesha.start({ exports: [{ directory }], ports, wrap: (argv) => namespace.wrap(argv) })
  })
  afterAll(async () => {
    await ganesha?.stop()
    await namespace?.remove()
    if (directory) rmSync(join(directory, '..'), { recursive: true })
  })

  test('read the image as it is on the server, through its portmapper', async () => {
    const server = namespace.address
    const guest = await UmlGuest.start({
      namespace,
      mounts: [{ server, export: directory, nfsPort: 0, mountPort: 0, options: 'ro' }],
    })
    const seen = await readTree('/mnt/nfs', { guest, sampleOverBytes: SAMPLE_OVER_BYTES })
    await guest.stop()
    const there = await readTree(directory, { sampleOverBytes: SAMPLE_OVER_BYTES })
    expect(seen.records.size).toBe(imageTree(SEED).length)
    assertSameTree(there, seen, { ignore: ['xattrs'] })
  })

  test('two at once see what the other writes, and the digest sees it too', async () => {
    const before = await readTree(directory)
    const mount = { server: namespace.address, export: directory, mountPort: 20_048 }
    const [one, two] = await Promise.all([
      UmlGuest.start({ namespace, mounts: [mount] }),
      UmlGuest.start({ namespace, mounts: [mount] }),
    ])
    expect(one.address).not.toBe(two.address)
    await one.mustRun('echo written >/mnt/nfs/from-one; sync')
    expect(await two.mustRun('cat /mnt/nfs/from-one; echo more >>/mnt/nfs/README')).toBe('written\n')
    await Promise.all([one.stop(), two.stop()])
    const found = treeDifferences(before, await readTree(directory), { ignore: ['ctime', 'mtime'] })
    expect(found).toHaveLength(3)
    expect(found).toContain('/from-one: is new')
    expect(found.map((line) => line.split(' was')[0])).toContain('/README: content')
    expect(found.map((line) => line.split(' was')[0])).toContain('/README: size')
  })
})

describeWithRigs('the Linux kernel server', ['uml', 'qemu', 'image-tree'], () => {
  let namespace: NetworkNamespace
  let knfsd: KnfsdGuest

  beforeAll(async () => {
    namespace = await NetworkNamespace.create()
    knfsd = await KnfsdGuest.start({ namespace, tree: imageTree(SEED) })
  })
  afterAll(async () => {
    await knfsd?.stop()
    await namespace?.remove()
  })

  const mount = () => ({ server: knfsd.address, export: knfsd.exportPath, mountPort: knfsd.mountPort })

  test('exports the image that was planned', async () => {
    const work = makeWorkDirectory('planned')
    await writeTree(join(work, 'image'), imageTree(SEED))
    const planned = await readTree(join(work, 'image'))
    rmSync(work, { recursive: true })
    assertSameTree(planned, await knfsd.readTree(), { ignore: ['ctime'] })
  })

  test('is mounted by a User-Mode Linux guest, which may write', async () => {
    const guest = await UmlGuest.start({ namespace, mounts: [mount()] })
    expect(await guest.mustRun('cd /mnt/nfs; echo hello >new; cat new; rm new')).toBe('hello\n')
    await guest.stop()
  })

  test('is mounted by an unmodified kernel under QEMU, which reads and writes', async () => {
    const guest = await QemuGuest.start({ namespace, mounts: [mount()] })
    expect(await guest.mustRun('uname -r')).toMatch(/-cloud-amd64\n$/)
    expect(await guest.mustRun('cd /mnt/nfs; ls big | wc -l; echo hello >new; cat new; rm new')).toBe(
      '2000\nhello\n',
    )
    await guest.stop()
  })
})
