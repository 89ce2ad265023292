import fs from 'node:fs'
import { promisify } from 'node:util'

/** The system calls of the local store; tests put a disk in their place that is full, short or broken. */
export interface DiskCalls {
  open(path: string, flags: number, mode: number): number
  isFile(fd: number): boolean
  sizeBytes(fd: number): number
  close(fd: number): void
  readNow(fd: number, into: Uint8Array, offsetBytes: number): number
  writeNow(fd: number, data: Uint8Array, offsetBytes: number): number
  read(fd: number, into: Uint8Array, offsetBytes: number): Promise<number>
  write(fd: number, data: Uint8Array, offsetBytes: number): Promise<number>
  truncateNow(fd: number, sizeBytes: number): void
  truncate(fd: number, sizeBytes: number): Promise<void>
  unlinkNow(path: string): void
  makeFolder(path: string): void
  syncData(fd: number): Promise<void>
  sync(fd: number): Promise<void>
}

const read = promisify(fs.read)
const write = promisify(fs.write)

/** The machine's disk. What is called `…Now` holds the event loop: for cached data and small changes only. */
export const systemDisk: DiskCalls = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  isFile: (fd) => fs.fstatSync(fd).isFile(),
  sizeBytes: (fd) => fs.fstatSync(fd).size,
  close: (fd) => fs.closeSync(fd),
  readNow: (fd, into, offsetBytes) => fs.readSync(fd, into, 0, into.length, offsetBytes),
  writeNow: (fd, data, offsetBytes) => fs.writeSync(fd, data, 0, data.length, offsetBytes),
  read: async (fd, into, offsetBytes) => (await read(fd, into, 0, into.length, offsetBytes)).bytesRead,
  write: async (fd, data, offsetBytes) => (await write(fd, data, 0, data.length, offsetBytes)).bytesWritten,
  truncateNow: (fd, sizeBytes) => fs.ftruncateSync(fd, sizeBytes),
  truncate: promisify(fs.ftruncate),
  unlinkNow: (path) => fs.unlinkSync(path),
  makeFolder: (path) => {
    fs.mkdirSync(path, { mode: 0o700 })
  },
  syncData: promisify(fs.fdatasync),
  sync: promisify(fs.fsync),
}
