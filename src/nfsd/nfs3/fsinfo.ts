import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { FSINFO3args, FSINFO3res } from '../../protocols/nfs3/types.ts'
import { FSF3_CANSETTIME, FSF3_HOMOGENEOUS, FSF3_LINK, FSF3_SYMLINK } from '../../protocols/nfs3/types.ts'
import { MAX_FILE_SIZE_BYTES } from '../../vfs/attributes.ts'
import { refuse, succeed } from '../../vfs/result.ts'
import { toFattr3 } from './attributes.ts'
import type { Nfs3Call } from './call.ts'
import { dataMaxBytes } from './limits.ts'
import { onTarget } from './target.ts'

/** Reads and writes that are multiples of a block and begin at one need no fill. */
const BLOCK_BYTES = 4096
/** A listing page that is worth a round trip and does not make others wait. */
const LISTING_PREFERRED_BYTES = 64 * 1024
/** Times are kept to the nanosecond. */
const TIME_DELTA = { seconds: 0, nanoseconds: 1 }
const PROPERTIES = FSF3_LINK | FSF3_SYMLINK | FSF3_HOMOGENEOUS | FSF3_CANSETTIME
const NO_ATTRIBUTES = { obj_attributes: undefined }

/** NFSPROC3_FSINFO (RFC 1813 section 3.3.19). Over UDP calls are smaller. */
export function fsinfo(call: Nfs3Call<FSINFO3res>, args: FSINFO3args): Awaitable<FSINFO3res> {
  return onTarget(call, args.fsroot, NO_ATTRIBUTES, ({ fs, caller, node }) =>
    whenReady(fs.getattr(caller, node), (result): FSINFO3res => {
      if (!result.ok) return refuse(result.status, NO_ATTRIBUTES)
      const maxBytes = dataMaxBytes(call.transport)
      return succeed({
        obj_attributes: toFattr3(result.value),
        rtmax: maxBytes,
        rtpref: maxBytes,
        rtmult: BLOCK_BYTES,
        wtmax: maxBytes,
        wtpref: maxBytes,
        wtmult: BLOCK_BYTES,
        dtpref: Math.min(maxBytes, LISTING_PREFERRED_BYTES),
        maxfilesize: MAX_FILE_SIZE_BYTES,
        time_delta: TIME_DELTA,
        properties: PROPERTIES,
      })
    }),
  )
}
