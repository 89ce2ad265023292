import { expect, test } from 'vitest'
import {
  lookupNameRefusal,
  newNameRefusal,
  removalNameRefusal,
  renameNameRefusal,
} from '../../../src/nfsd/nfs3/names.ts'

const rows: [string, string | undefined, string | undefined, string | undefined, string | undefined][] = [
  // name, LOOKUP, CREATE and the like, REMOVE and RMDIR, RENAME
  ['a', undefined, undefined, undefined, undefined],
  ['...', undefined, undefined, undefined, undefined],
  ['.a', undefined, undefined, undefined, undefined],
  ['..a', undefined, undefined, undefined, undefined],
  ['.', undefined, 'EXIST', 'INVAL', 'INVAL'],
  ['..', undefined, 'EXIST', 'EXIST', 'INVAL'],
  ['', 'ACCES', 'ACCES', 'ACCES', 'ACCES'],
  ['/', 'ACCES', 'ACCES', 'ACCES', 'ACCES'],
  ['a/b', 'ACCES', 'ACCES', 'ACCES', 'ACCES'],
  ['../x', 'ACCES', 'ACCES', 'ACCES', 'ACCES'],
  ['a\0', 'ACCES', 'ACCES', 'ACCES', 'ACCES'],
  ['\xff\xfe', undefined, undefined, undefined, undefined],
  ['n'.repeat(255), undefined, undefined, undefined, undefined],
  ['n'.repeat(256), 'NAMETOOLONG', 'NAMETOOLONG', 'NAMETOOLONG', 'NAMETOOLONG'],
]

test.each(rows)('%j', (text, forLookup, forNew, forRemoval, forRename) => {
  const name = Buffer.from(text, 'latin1')
  expect(lookupNameRefusal(name)).toBe(forLookup)
  expect(newNameRefusal(name)).toBe(forNew)
  expect(removalNameRefusal(name)).toBe(forRemoval)
  expect(renameNameRefusal(name)).toBe(forRename)
})
