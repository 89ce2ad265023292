import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { SystemClock } from '../base/clock.ts'
import { createLogger, type Logger } from '../base/logger.ts'
import { systemRandom } from '../base/random.ts'
import { formatAddress } from '../config/addresses.ts'
import { loadSettings, type Settings } from '../config/load-settings.ts'
import { RunningProxy } from '../daemon/proxy.ts'
import { stopOnSignal } from '../daemon/stop-on-signal.ts'
import { CounterDisplay } from './counter-display.ts'
import { readOrMakeHandleKey } from './export-key.ts'
import { ImageServer } from './image-server.ts'
import { print } from './output.ts'
import { makeSampleTree } from './sample-tree.ts'
import { settingChecks } from './setting-flags.ts'

const HOST = '127.0.0.1'
/** The same at every start where they are free, so that a mount survives one. */
const PROXY_PORT = 12049
const IMAGE_PORT = 12050
const ROOT_UID = 0

/** rowfs demo, which is npm start: a sample image, an image server, a proxy over it, and what they do. */
export async function demo(): Promise<void> {
  const logger = createLogger('warn')
  const stopped = stopOnSignal(logger)
  const place = join(process.cwd(), '.cache', 'rowfs-demo')
  const wasThere = await prepare(place)
  await using parts = new AsyncDisposableStack()
  const image = await startImageServer(place, logger)
  parts.defer(() => image.stop())
  const base = `nfs://${HOST}/sample?nfsport=${image.port}&mountport=${image.port}`
  const settings = { ...demoSettings(), base, state: join(place, 'state') }
  const proxy = await onFreePort(PROXY_PORT, (port) =>
    RunningProxy.start({
      settings: { ...settings, listen: { host: HOST, port } },
      logger,
      shadowWasMoved: false,
    }),
  )
  parts.defer(() => proxy.stop())
  explain(proxy, base, relative(process.cwd(), place), wasThere)
  const display = new CounterDisplay(process.stdout, () => proxy.counters())
  await stopped.asked
  display.close()
  print('stopping: replies in flight are finished, everything is synced')
  await stopped.within(() => parts.disposeAsync())
}

/** True: image and state are there from an earlier start. An image that is new voids the state. */
async function prepare(place: string): Promise<boolean> {
  mkdirSync(place, { recursive: true })
  const image = join(place, 'image')
  const wasThere = existsSync(image) && existsSync(join(place, 'state', 'STATE'))
  if (!existsSync(image)) rmSync(join(place, 'state'), { recursive: true, force: true })
  await makeSampleTree(image)
  return wasThere
}

function startImageServer(place: string, logger: Logger): Promise<ImageServer> {
  const handleKey = readOrMakeHandleKey(join(place, 'image-server'), systemRandom)
  return onFreePort(IMAGE_PORT, (port) =>
    ImageServer.start({
      directories: [{ name: 'sample', path: join(place, 'image'), mayHoldMounts: false }],
      listen: { host: HOST, port },
      handleKey,
      allow: ['127.0.0.0/8'],
      squash: 'none',
      clock: new SystemClock(),
      logger,
    }),
  )
}

function demoSettings(): Settings {
  return loadSettings({ file: undefined, flags: [], checks: settingChecks }).settings
}

/** The usual port, or any when another program has it. */
async function onFreePort<Served>(usual: number, start: (port: number) => Promise<Served>): Promise<Served> {
  try {
    return await start(usual)
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRINUSE') throw error
    return start(0)
  }
}

function explain(proxy: RunningProxy, base: string, place: string, wasThere: boolean): void {
  const [view] = proxy.views()
  const { port } = proxy.listen
  const sudo = process.getuid?.() === ROOT_UID ? '' : 'sudo '
  print(`image   ${place}/image (a sample with every type of file), served read-only as ${base}`)
  print(`state   ${place}/state ${wasThere ? '(kept: changes of earlier starts are in it)' : '(new)'}`)
  print(`proxy   ${formatAddress(proxy.listen)}, NFSv3 and MOUNT on TCP and UDP`)
  print('')
  print('Mount it, change what you like, and see that the image stays as it is:')
  print('')
  print(`  ${sudo}${view?.mount}`)
  print('')
  print('Without root (Debian package libnfs-utils):')
  print(`  nfs-ls 'nfs://${HOST}/default/etc?nfsport=${port}&mountport=${port}'`)
  print('What you changed, and what the proxy did:')
  print(`  npm run -s rowfs -- view diff default --state ${place}/state`)
  print(`  npm run -s rowfs -- status --state ${place}/state`)
  print('')
  print('Ctrl-C ends it; the next start keeps what you changed.')
  print('')
}
