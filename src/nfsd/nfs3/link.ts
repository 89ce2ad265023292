import type { Awaitable } from '../../base/awaitable.ts'
import { ownBytes } from '../../base/bytes.ts'
import type { LINK3args, LINK3res, LINK3resfail } from '../../protocols/nfs3/types.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import type { LinkResult } from '../../vfs/file-system.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toPostOpAttr, toWccData, unchangedWcc } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { newNameRefusal } from './names.ts'
import { sealing } from './target.ts'
import { onTwoTargets, refuseBoth } from './two-targets.ts'

/** NFSPROC3_LINK (RFC 1813 section 3.3.15). */
export function link(call: Nfs3Call<LINK3res>, { file, link: where }: LINK3args): Awaitable<LINK3res> {
  return onTwoTargets(call, file, where.dir, failOf, (object, directory) => {
    const refusal = object.served.writable ? newNameRefusal(where.name) : 'ROFS'
    if (refusal !== undefined) return refuseBoth(object, directory, refusal, failOf)
    const { fs, caller, node } = object
    return sealing(call, toRes, (seal) => fs.link(caller, node, directory.node, ownBytes(where.name), seal))
  })
}

function failOf(file: Attributes | undefined, directory: Attributes | undefined): LINK3resfail {
  return { file_attributes: toPostOpAttr(file), linkdir_wcc: unchangedWcc(directory) }
}

function toRes(result: LinkResult): LINK3res {
  const { attributes, wcc } = result.ok ? result.value : result.fail
  const both = { file_attributes: toPostOpAttr(attributes), linkdir_wcc: toWccData(wcc) }
  return result.ok ? succeed(both) : refuse(result.status, both)
}
