import { seedTree } from '../model/seed-tree.ts'
import { lowerLayerSuite } from './lower-layer-suite.ts'
import { MemoryLowerLayer } from './memory-lower-layer.ts'

lowerLayerSuite('in memory', seedTree(1), async (tree) => ({
  layer: new MemoryLowerLayer(tree),
  dispose: async () => {},
}))

lowerLayerSuite('in memory, names only in lists', seedTree(2), async (tree) => ({
  layer: new MemoryLowerLayer(tree, { attributesInLists: false, entriesPerPage: 3 }),
  dispose: async () => {},
}))
