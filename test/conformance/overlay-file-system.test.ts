import { OverlayRig } from '../overlay/overlay-rig.ts'
import { fileSystemSuite } from './file-system-suite.ts'
import { MemoryLowerLayer } from './memory-lower-layer.ts'
import { plantThroughCalls, treeOf } from './seeds.ts'

/** The rig's shadow lies on an ext4 disk or larger: 16 TiB less a block. */
const SUPPORTS = { manyLinks: false, largestFileBytes: 2 ** 44 - 4096 }

fileSystemSuite(
  'overlay over an empty image',
  async (tree) => {
    const rig = await OverlayRig.open(new MemoryLowerLayer(treeOf([])))
    const fs = rig.view()
    await plantThroughCalls(fs, tree)
    return { fs, close: () => rig.remove() }
  },
  SUPPORTS,
)

fileSystemSuite(
  'overlay, everything in the image',
  async (tree) => {
    const rig = await OverlayRig.open(new MemoryLowerLayer(tree))
    return { fs: rig.view(), close: () => rig.remove() }
  },
  SUPPORTS,
)
