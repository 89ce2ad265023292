import { describe } from 'vitest'
import { attributeCases } from './file-system/attribute-cases.ts'
import { contractCases } from './file-system/contract-cases.ts'
import { createCases } from './file-system/create-cases.ts'
import { dataCases } from './file-system/data-cases.ts'
import { listingCases } from './file-system/listing-cases.ts'
import { nameCases } from './file-system/name-cases.ts'
import { permissionCases } from './file-system/permission-cases.ts'
import { renameCases } from './file-system/rename-cases.ts'
import { type FileSystemFactory, type FileSystemSupports, onTree } from './harness.ts'

/**
 * What every FileSystem must do, case by case, each on a tree of its own. A file system over an image runs it twice:
 * with a factory that plants the tree through calls (`plantThroughCalls`), and with one that puts it into the image,
 * so that every call crosses the redirect.
 */
export function fileSystemSuite(
  name: string,
  factory: FileSystemFactory,
  supports: FileSystemSupports,
): void {
  describe(`file system: ${name}`, () => {
    const on = onTree(factory)
    attributeCases(on)
    permissionCases(on)
    nameCases(on)
    createCases(on)
    renameCases(on)
    dataCases(on, supports)
    listingCases(on)
    contractCases(on, supports)
  })
}
