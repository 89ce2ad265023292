import type { IndexBatch } from '../index/batch.ts'
import type { FileName } from '../vfs/file-system.ts'
import { type EntryTarget, encodeEntryRecord } from './format/entry-record.ts'
import { entryKey } from './format/keys.ts'
import type { Node } from './node.ts'
import type { View } from './view.ts'

/**
 * Changes of names in one directory, in memory and in the batch together. Precondition of all: the directory's
 * delta is loaded and the directory is ours (`view.own`). The caller puts the directory's node afterwards: its
 * record says how many entry records there must be.
 */

/** The name now shows the object; an image name of the same text, if any, is hidden under it. */
export function showName(
  view: View,
  batch: IndexBatch,
  directory: Node,
  name: FileName,
  shows: EntryTarget,
  imageName: EntryTarget | undefined,
): void {
  const delta = directory.delta!
  const before = delta.get(name)
  const hides = before?.hides ?? imageName
  const key = entryKey(view.number, directory.id, name)
  if (hides?.node === shows.node) {
    // Back where the image has it: nothing differs any more.
    if (before !== undefined) {
      delta.delete(key, name)
      batch.delete(key)
    }
    return
  }
  const cookie = before?.shows === undefined ? delta.freeCookie(name) : before.cookie
  put(view, batch, directory, { name: new Uint8Array(name), shows, hides, cookie }, before === undefined)
}

/** The name shows nothing any more; `imageName`: the object the image has there, when it was shown until now. */
export function hideName(
  view: View,
  batch: IndexBatch,
  directory: Node,
  name: FileName,
  imageName: EntryTarget | undefined,
): void {
  const delta = directory.delta!
  const before = delta.get(name)
  const hides = before?.hides ?? imageName
  if (hides !== undefined) {
    const cookie = before?.cookie ?? delta.freeCookie(name)
    put(
      view,
      batch,
      directory,
      { name: new Uint8Array(name), shows: undefined, hides, cookie },
      before === undefined,
    )
    return
  }
  const key = entryKey(view.number, directory.id, name)
  delta.delete(key, name)
  batch.delete(key)
}

function put(
  view: View,
  batch: IndexBatch,
  directory: Node,
  entry: { name: FileName; shows: EntryTarget | undefined; hides: EntryTarget | undefined; cookie: number },
  fresh: boolean,
): void {
  const key = entryKey(view.number, directory.id, entry.name)
  directory.delta!.set(key, entry)
  batch.put(key, encodeEntryRecord(entry), fresh)
}
