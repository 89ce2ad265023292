import type { RpcCall } from '../../oncrpc/procedure.ts'
import type { ExportTable } from '../exports.ts'
import type { HandleCoder } from '../handle-coder.ts'

/** What the NFSv3 program is made with. */
export interface Nfs3Context {
  readonly exports: ExportTable
  readonly handles: HandleCoder
}

export type Nfs3Call<Res> = RpcCall<Nfs3Context, Res>
