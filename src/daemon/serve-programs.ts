import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { ExportTable } from '../nfsd/exports.ts'
import type { HandleCoder } from '../nfsd/handle-coder.ts'
import { MountList } from '../nfsd/mount3/mount-list.ts'
import { mount3Program } from '../nfsd/mount3/program.ts'
import { nfs3Program } from '../nfsd/nfs3/program.ts'
import { DuplicateRequestCache } from '../oncrpc/duplicate-request-cache.ts'
import type { ProgramVersion } from '../oncrpc/procedure.ts'
import { type RpcObserver, RpcServer } from '../oncrpc/rpc-server.ts'
import { ServerLoad } from '../oncrpc/server-load.ts'

export interface ServeOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly observer: RpcObserver
  /** Replies of calls made before this process started, to be given again (IndexStore.receipts). */
  readonly receipts?: Iterable<Uint8Array>
}

/** An RPC server for these programs. */
export function serve(programs: readonly ProgramVersion[], options: ServeOptions): RpcServer {
  const { clock, logger, observer, receipts } = options
  const duplicates = new DuplicateRequestCache({
    clock,
    ...(receipts === undefined ? {} : { records: receipts }),
  })
  return new RpcServer({ programs, duplicates, load: new ServerLoad(), clock, logger, observer })
}

/** NFSv3 and MOUNT over these exports, for the proxy and for the image server alike. */
export function nfsPrograms(exports: ExportTable, handles: HandleCoder): ProgramVersion[] {
  const mounts = new MountList()
  return [nfs3Program({ exports, handles }), mount3Program({ exports, handles, mounts })]
}
