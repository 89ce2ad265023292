import { hash } from 'node:crypto'

const UINT32_MAX = 0xffff_ffff

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** The same after every restart, different for every export and disk, never 0 (which some clients take for "none"). */
export function fsidOf(exportName: string, device: bigint): bigint {
  const fsid = digest(`rowfs export fsid\0${exportName}\0${device}`).readBigUInt64BE(0)
  return fsid === 0n ? 1n : fsid
}

/** The view number in the handles of an export, 1 to 2^32 - 1: of its name, so that the order of exports may change. */
export function viewNumberOf(exportName: string): number {
  return (digest(`rowfs export view\0${exportName}`).readUInt32BE(0) % UINT32_MAX) + 1
}
