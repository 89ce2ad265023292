import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { READ3args, READ3res } from '../../protocols/nfs3/types.ts'
import { MAX_FILE_SIZE_BYTES } from '../../vfs/attributes.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3, toPostOpAttr } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import { onTarget } from './target.ts'

const NO_ATTRIBUTES = { file_attributes: undefined }

/**
 * NFSPROC3_READ (RFC 1813 section 3.3.6). Asking for more than rtmax gets rtmax: fewer bytes than asked without eof
 * is a good answer. No file reaches MAX_FILE_SIZE_BYTES, so an offset beyond reads as one at it: nothing, and eof.
 */
export function read(call: Nfs3Call<READ3res>, args: READ3args): Awaitable<READ3res> {
  return onTarget(call, args.file, NO_ATTRIBUTES, ({ fs, caller, node }) => {
    const offsetBytes = Math.min(args.offset, MAX_FILE_SIZE_BYTES)
    const into = call.dataBuffer(Math.min(args.count, dataMaxBytes(call.transport)))
    return whenReady(fs.read(caller, node, offsetBytes, into), (result): READ3res => {
      if (!result.ok) return refuse(result.status, { file_attributes: toPostOpAttr(result.fail.attributes) })
      const { countBytes, eof, attributes } = result.value
      return succeed({
        file_attributes: toFattr3(attributes),
        count: countBytes,
        eof,
        data: countBytes === into.length ? into : into.subarray(0, countBytes),
      })
    })
  })
}
