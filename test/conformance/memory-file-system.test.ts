import { MAX_FILE_SIZE_BYTES } from '../../src/vfs/attributes.ts'
import { fileSystemSuite } from './file-system-suite.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { plantThroughCalls } from './seeds.ts'

fileSystemSuite(
  'memory',
  async (tree) => {
    const fs = new MemoryFileSystem()
    await plantThroughCalls(fs, tree)
    return { fs }
  },
  { manyLinks: true, largestFileBytes: MAX_FILE_SIZE_BYTES },
)
