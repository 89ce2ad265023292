import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { stable_how, WRITE3args, WRITE3res } from '../../protocols/nfs3/types.ts'
import { MAX_FILE_SIZE_BYTES } from '../../vfs/attributes.ts'
import type { Stability } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import type { FsStatus } from '../../vfs/status.ts'
import { NO_WCC, toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { onTarget, refuseHere, type Target } from './target.ts'

const STABILITY: Readonly<Record<stable_how, Stability>> = {
  UNSTABLE: 'unstable',
  DATA_SYNC: 'data-sync',
  FILE_SYNC: 'file-sync',
}

const STABLE_HOW: Readonly<Record<Stability, stable_how>> = {
  unstable: 'UNSTABLE',
  'data-sync': 'DATA_SYNC',
  'file-sync': 'FILE_SYNC',
}

/** NFSPROC3_WRITE (RFC 1813 section 3.3.7). */
export function write(call: Nfs3Call<WRITE3res>, args: WRITE3args): Awaitable<WRITE3res> {
  return onTarget(call, args.file, { file_wcc: NO_WCC }, (target) => {
    const refusal = refusalOf(target, args)
    if (refusal !== undefined) {
      return refuseHere(target, refusal, (attributes) => ({ file_wcc: unchangedWcc(attributes) }))
    }
    const { fs, caller, node } = target
    // Taken before the write: should unstable data be lost meanwhile, the client sees at COMMIT that it changed.
    const verf = fs.writeVerifier
    return whenReady(
      fs.write(caller, node, args.offset, args.data, STABILITY[args.stable]),
      (result): WRITE3res => {
        if (!result.ok) return refuse(result.status, { file_wcc: toWccData(result.fail.wcc) })
        const { wcc, committed } = result.value
        return succeed({
          file_wcc: toWccData(wcc),
          count: args.count,
          committed: STABLE_HOW[committed],
          verf,
        })
      },
    )
  })
}

function refusalOf({ served }: Target, { count, data, offset }: WRITE3args): FsStatus | undefined {
  if (!served.writable) return 'ROFS'
  if (count !== data.length) return 'INVAL'
  return offset + count > MAX_FILE_SIZE_BYTES ? 'FBIG' : undefined
}
