import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { viewNumberOf } from '../exporter/export-identity.ts'
import { ExportRefusedError } from '../exporter/private-mount.ts'
import { FILE_NAME_MAX_BYTES } from '../vfs/attributes.ts'
import { UsageError } from './exit-codes.ts'

/** DIR[:NAME] of the command line: what to export, and as /NAME. */
export interface ExportDirectory {
  readonly path: string
  readonly name: string
}

/** A colon is part of the directory when a slash comes after it. Throws UsageError. */
export function parseExportDirectory(text: string): ExportDirectory {
  const colon = text.lastIndexOf(':')
  const isNamed = colon > 0 && !text.includes('/', colon)
  const path = isNamed ? text.slice(0, colon) : text
  const name = isNamed ? text.slice(colon + 1) : basename(resolve(text))
  if (text === '') throw new UsageError('no directory to export; write rowfs export DIR[:NAME]')
  if (name === '' || name === '.' || name === '..') {
    throw new UsageError(`"${text}" has no name for its export; write ${path}:NAME`)
  }
  if (Buffer.byteLength(name) > FILE_NAME_MAX_BYTES) {
    throw new UsageError(`the name "${name}" is longer than ${FILE_NAME_MAX_BYTES} bytes; write ${path}:NAME`)
  }
  return { path: resolve(path), name }
}

/** Throws UsageError when there are none, or two of one name; ExportRefusedError when one is not a directory. */
export function checkExportDirectories(directories: readonly ExportDirectory[]): void {
  if (directories.length === 0) throw new UsageError('nothing to export; write rowfs export DIR[:NAME]')
  const byView = new Map<number, ExportDirectory>()
  for (const each of directories) {
    const view = viewNumberOf(each.name)
    const other = byView.get(view)
    if (other !== undefined) {
      const why = other.name === each.name ? 'are both called' : 'cannot be served together:'
      const names = other.name === each.name ? `/${each.name}` : `/${other.name} and /${each.name}`
      throw new UsageError(`${other.path} and ${each.path} ${why} ${names}; write ${each.path}:ANOTHER-NAME`)
    }
    byView.set(view, each)
    checkIsDirectory(each.path)
  }
}

function checkIsDirectory(path: string): void {
  let isDirectory: boolean
  try {
    isDirectory = statSync(path).isDirectory()
  } catch (error) {
    throw new ExportRefusedError(`${path} cannot be exported: ${(error as Error).message}`, { cause: error })
  }
  if (!isDirectory) throw new ExportRefusedError(`${path} cannot be exported: it is not a directory`)
}

/** The key of the handles must not lie in a tree that is exported: that would change the tree, and give the key away. */
export function checkStateIsElsewhere(stateDir: string, directories: readonly ExportDirectory[]): void {
  const state = realPlaceOf(resolve(stateDir))
  for (const { path } of directories) {
    const root = realpathSync(path)
    const isBelow = state.path === root || state.path.startsWith(root === '/' ? root : `${root}/`)
    // What is on another device is not part of the export.
    if (isBelow && statSync(root).dev === state.device) {
      throw new ExportRefusedError(
        `the state directory ${stateDir} lies in ${path}, which is to be exported; give another with --state`,
      )
    }
  }
}

/** Where a path will be that may not be there yet. */
function realPlaceOf(path: string): { path: string; device: number } {
  try {
    return { path: realpathSync(path), device: statSync(path).dev }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === '/') throw error
    const above = realPlaceOf(dirname(path))
    return { path: join(above.path, basename(path)), device: above.device }
  }
}
