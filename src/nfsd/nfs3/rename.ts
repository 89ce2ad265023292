import type { Awaitable } from '../../base/awaitable.ts'
import { ownBytes } from '../../base/bytes.ts'
import type { RENAME3args, RENAME3res, RENAME3resfail } from '../../protocols/nfs3/types.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import type { RenameResult } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { renameNameRefusal } from './names.ts'
import { sealing } from './target.ts'
import { onTwoTargets, refuseBoth } from './two-targets.ts'

/** NFSPROC3_RENAME (RFC 1813 section 3.3.14). */
export function rename(call: Nfs3Call<RENAME3res>, { from, to }: RENAME3args): Awaitable<RENAME3res> {
  return onTwoTargets(call, from.dir, to.dir, failOf, (source, target) => {
    const refusal = source.served.writable
      ? (renameNameRefusal(from.name) ?? renameNameRefusal(to.name))
      : 'ROFS'
    if (refusal !== undefined) return refuseBoth(source, target, refusal, failOf)
    const { fs, caller, node } = source
    return sealing(call, toRes, (seal) =>
      fs.rename(caller, node, from.name, target.node, ownBytes(to.name), seal),
    )
  })
}

function failOf(from: Attributes | undefined, to: Attributes | undefined): RENAME3resfail {
  return { fromdir_wcc: unchangedWcc(from), todir_wcc: unchangedWcc(to) }
}

function toRes(result: RenameResult): RENAME3res {
  const { from, to } = result.ok ? result.value : result.fail
  const wcc = { fromdir_wcc: toWccData(from), todir_wcc: toWccData(to) }
  return result.ok ? succeed(wcc) : refuse(result.status, wcc)
}
