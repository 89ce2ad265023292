import { afterAll, beforeAll } from 'vitest'
import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NfsShadowStore } from '../../src/shadow/nfs-store.ts'
import { SHADOW_PROCEDURES } from '../../src/shadow/remote-answers.ts'
import { shadowStoreSuite } from '../conformance/shadow-store-suite.ts'
import { seedTree } from '../model/seed-tree.ts'
import { KnfsdGuest } from '../rig/knfsd-guest.ts'
import { NamespaceRelay } from '../rig/namespace-relay.ts'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'

const TIB = 2 ** 40
/** The views that the suite writes to. */
const SUITE_VIEWS = [1, 2, 3, 0xffffffff]

describeWithRigs('a shadow on the kernel server', ['namespace', 'uml', 'image-tree'], () => {
  let namespace: NetworkNamespace
  let knfsd: KnfsdGuest
  let relay: NamespaceRelay
  beforeAll(async () => {
    namespace = await NetworkNamespace.create()
    knfsd = await KnfsdGuest.start({ namespace, tree: seedTree(1).slice(0, 1) })
    relay = await NamespaceRelay.start(namespace, knfsd.address, [knfsd.nfsPort, knfsd.mountPort])
  })
  afterAll(async () => {
    await relay?.stop()
    await knfsd?.stop()
    await namespace?.remove()
  })

  const openStore = () => {
    const [nfsPort, mountPort] = relay.ports
    const url = `nfs://127.0.0.1${knfsd.exportPath}?nfsport=${nfsPort}&mountport=${mountPort}`
    return new NfsShadowStore(new NfsExport(parseNfsUrl(url), SHADOW_PROCEDURES))
  }
  const empty = async () => {
    const store = openStore()
    for (const view of SUITE_VIEWS) await store.removeView(view)
    await store.close()
  }

  shadowStoreSuite(
    'knfsd',
    async () => ({ store: openStore(), reopen: async () => openStore(), dispose: empty }),
    { largestOffsetBytes: 2 * TIB, modelRuns: 10 },
  )
})
