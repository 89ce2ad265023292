import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const ROOT_UID = 0
const SPARSE_BYTES = 1024 ** 3

/** Makes a small image with every type of file, whole or not at all. Device nodes only as root. */
export async function makeSampleTree(directory: string): Promise<void> {
  if (existsSync(directory)) return
  const partial = `${directory}.partial`
  rmSync(partial, { recursive: true, force: true })
  for (const folder of ['etc', 'bin', 'home/reader', 'var/log', 'tmp', 'dev', 'run']) {
    mkdirSync(join(partial, folder), { recursive: true })
  }
  makeFiles(partial)
  makeLinks(partial)
  await makeSpecialFiles(partial)
  renameSync(partial, directory)
}

function makeFiles(root: string): void {
  const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
    writeFileSync(join(root, path), content)
    chmodSync(join(root, path), mode)
  }
  put('etc/hostname', 'sample\n')
  put('etc/motd', 'This file comes from the image. Change it: the image stays as it is.\n')
  put('etc/secret', 'only its owner may read this\n', 0o600)
  put('bin/hello', '#!/bin/sh\necho "hello from the image"\n', 0o755)
  put('home/reader/book.txt', bookOf(2000))
  put('home/reader/name with spaces, ünïcode', 'names are bytes\n')
  put('var/log/empty.log', '')
  put('var/log/sparse.img', 'starts here')
  truncateSync(join(root, 'var/log/sparse.img'), SPARSE_BYTES)
  chmodSync(join(root, 'tmp'), 0o1777)
}

function bookOf(lines: number): string {
  return Array.from(
    { length: lines },
    (_, line) => `line ${line + 1} of a book that lives in the image\n`,
  ).join('')
}

function makeLinks(root: string): void {
  linkSync(join(root, 'home/reader/book.txt'), join(root, 'home/reader/the same book.txt'))
  symlinkSync('motd', join(root, 'etc/issue'))
  symlinkSync('/nowhere/at/all', join(root, 'etc/dangling'))
}

async function makeSpecialFiles(root: string): Promise<void> {
  spawnSync('mkfifo', [join(root, 'run/pipe')])
  await makeSocket(join(root, 'run/socket'))
  if (process.getuid?.() !== ROOT_UID) return
  spawnSync('mknod', [join(root, 'dev/null'), 'c', '1', '3'])
  spawnSync('mknod', [join(root, 'dev/disk'), 'b', '7', '0'])
}

/** A server removes its socket when it closes: under another name it stays. */
async function makeSocket(path: string): Promise<void> {
  const server = createServer()
  const bound = `${path}.bound`
  server.listen(bound)
  await once(server, 'listening')
  renameSync(bound, path)
  server.close()
  await once(server, 'close')
}
