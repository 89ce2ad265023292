import { NfsExport } from '../../src/nfsclient/nfs-export.ts'
import { parseNfsUrl } from '../../src/nfsclient/nfs-url.ts'
import { NFS3_READ_PROCEDURES } from '../../src/nfsclient/nfs3-client.ts'
import { Nfs3LowerLayer } from '../../src/upstream/nfs3-lower-layer.ts'
import { lowerLayerSuite } from '../conformance/lower-layer-suite.ts'
import { imageTree } from '../rig/image-tree.ts'
import { KnfsdGuest } from '../rig/knfsd-guest.ts'
import { NamespaceRelay } from '../rig/namespace-relay.ts'
import { NetworkNamespace } from '../rig/network-namespace.ts'
import { describeWithRigs } from '../rig/rig-needs.ts'

describeWithRigs('an image on the kernel server', ['namespace', 'uml', 'image-tree'], () => {
  lowerLayerSuite('knfsd', imageTree(1), async (tree) => {
    const namespace = await NetworkNamespace.create()
    const knfsd = await KnfsdGuest.start({ namespace, tree })
    const relay = await NamespaceRelay.start(namespace, knfsd.address, [knfsd.nfsPort, knfsd.mountPort])
    const [nfsPort, mountPort] = relay.ports
    const url = `nfs://127.0.0.1${knfsd.exportPath}?nfsport=${nfsPort}&mountport=${mountPort}`
    const dispose = async () => {
      await relay.stop()
      await knfsd.stop()
      await namespace.remove()
    }
    return { layer: new Nfs3LowerLayer(new NfsExport(parseNfsUrl(url), NFS3_READ_PROCEDURES)), dispose }
  })
})
