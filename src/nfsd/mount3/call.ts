import type { RpcCall } from '../../oncrpc/procedure.ts'
import type { ExportTable } from '../exports.ts'
import type { HandleCoder } from '../handle-coder.ts'
import type { MountList } from './mount-list.ts'

/** What the MOUNT program is made with. */
export interface Mount3Context {
  readonly exports: ExportTable
  readonly handles: HandleCoder
  readonly mounts: MountList
}

export type Mount3Call<Res> = RpcCall<Mount3Context, Res>
