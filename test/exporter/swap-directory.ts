import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A hostile owner of a tree, until it is killed: "dir" and "dir/file" are in turn what they should be and links to a
 * place outside, as fast as the kernel can. ARGUMENTS: the tree, the directory outside.
 */
const [tree, outside] = process.argv.slice(2) as [string, string]
const [dir, file] = [join(tree, 'dir'), join(tree, 'dir/file')]
for (;;) {
  renameSync(dir, join(tree, 'real'))
  symlinkSync(outside, dir)
  rmSync(dir)
  renameSync(join(tree, 'real'), dir)
  renameSync(file, join(tree, 'dir/real'))
  symlinkSync(join(outside, 'file'), file)
  rmSync(file)
  mkdirSync(file)
  rmSync(file, { recursive: true })
  writeFileSync(file, 'inside')
  rmSync(join(tree, 'dir/real'))
}
