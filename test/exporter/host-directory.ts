import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { createLogger } from '../../src/base/logger.ts'
import { TreeFileSystem, type TreeFileSystemOptions } from '../../src/exporter/tree-file-system.ts'
import { diskPath, ODD_NAMES } from '../model/seed-tree.ts'
import { ManualClock } from './manual-clock.ts'

export const TIB = 2 ** 40
export const SPARSE_TAIL = 'the end of a tebibyte'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

/** In memory where there is such a place: ext4 takes a millisecond for each inode after many were removed. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** An empty directory of the host that goes away after the test. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(PLACE, 'rowfs-exporter-'))
  cleanups.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Serves a directory; closed after the test. A second one on the same directory is what a restart makes. */
export function serve(path: string, options: Partial<TreeFileSystemOptions> = {}) {
  const clock = new ManualClock()
  const logger = createLogger('silent')
  const fs = new TreeFileSystem({ path, name: 'image', clock, logger, mayHoldMounts: false, ...options })
  cleanups.push(() => fs.close())
  return { fs, clock }
}

/** Every type, odd names, hard links, links that lead out and round, suid, and a sparse file. Devices only as root. */
export function plantEveryKind(root: string): void {
  mkdirSync(join(root, 'dir/sub/deep'), { recursive: true })
  writeFileSync(join(root, 'dir/file'), 'hello\n')
  writeFileSync(join(root, 'dir/suid'), '#!/bin/sh\n', { mode: 0o755 })
  execFileSync('chmod', ['4755', join(root, 'dir/suid')])
  linkSync(join(root, 'dir/file'), join(root, 'dir/sub/hard'))
  symlinkSync('/etc/passwd', join(root, 'outside'))
  symlinkSync('../../../../etc', join(root, 'dir/up'))
  symlinkSync('loop', join(root, 'loop'))
  symlinkSync('x'.repeat(4095), join(root, 'longest'))
  symlinkSync(Buffer.from([0xff, 0xfe, 0x2f, 0x0a]), join(root, 'not-text'))
  mkdirSync(join(root, 'names'))
  for (const name of ODD_NAMES) writeFileSync(diskPath(root, `/names/${name}`), name, 'latin1')
  execFileSync('mkfifo', [join(root, 'fifo')])
  plantSocket(join(root, 'socket'))
  writeFileSync(join(root, 'sparse'), '')
  truncateSync(join(root, 'sparse'), TIB - SPARSE_TAIL.length)
  writeFileSync(join(root, 'sparse'), SPARSE_TAIL, { flag: 'a' })
  if (process.getuid?.() !== 0) return
  execFileSync('mknod', [join(root, 'null'), 'c', '1', '3'])
  execFileSync('mknod', [join(root, 'disk'), 'b', '259', '70000'])
}

/** libuv removes a socket's name when it closes it; a name that was changed stays. */
function plantSocket(path: string): void {
  const server = createServer()
  server.listen(`${path}.bound`)
  renameSync(`${path}.bound`, path)
  server.close()
}
