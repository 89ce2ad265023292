import { encodeCredential, readReply, readReplyXid, writeCall } from '../../src/oncrpc/message.ts'
import type { ProcedureSpec } from '../../src/oncrpc/procedure.ts'
import { MOUNT3_PROCEDURES, MOUNT3_PROGRAM, MOUNT3_VERSION } from '../../src/protocols/mount3/procedures.ts'
import { NFS3_PROCEDURES, NFS3_PROGRAM, NFS3_VERSION } from '../../src/protocols/nfs3/procedures.ts'
import type { Caller } from '../../src/vfs/file-system.ts'
import { XdrReader } from '../../src/xdr/reader.ts'
import { XdrWriter } from '../../src/xdr/writer.ts'
import { RpcSocket } from './rpc-socket.ts'

export type Nfs3Name = keyof typeof NFS3_PROCEDURES
type Args<Name extends Nfs3Name> =
  (typeof NFS3_PROCEDURES)[Name] extends ProcedureSpec<infer A, infer _> ? A : never
export type Nfs3Res<Name extends Nfs3Name> =
  (typeof NFS3_PROCEDURES)[Name] extends ProcedureSpec<infer _, infer R> ? R : never

/** The bytes of one NFSv3 call: sent again they are the same call, to the last bit. */
export function nfs3Call<Name extends Nfs3Name>(
  xid: number,
  caller: Caller,
  name: Name,
  args: Args<Name>,
): Uint8Array {
  const spec = NFS3_PROCEDURES[name] as unknown as ProcedureSpec<Args<Name>, Nfs3Res<Name>>
  return rpcCall(xid, caller, { program: NFS3_PROGRAM, version: NFS3_VERSION }, spec, args)
}

/** The result in a reply; `lengthBytes`: of the encoded result. */
export function nfs3Result<Name extends Nfs3Name>(
  name: Name,
  reply: Uint8Array,
): { readonly result: Nfs3Res<Name>; readonly lengthBytes: number } {
  const spec = NFS3_PROCEDURES[name] as unknown as ProcedureSpec<Args<Name>, Nfs3Res<Name>>
  const reader = resultOf(reply)
  const start = reader.position
  const result = spec.res.decode(reader)
  reader.finish()
  return { result, lengthBytes: reply.length - start }
}

/** MNT of an export, by the port that serves both programs; the root's handle. */
export async function mount(port: number, path: string, caller: Caller): Promise<Uint8Array> {
  const socket = await RpcSocket.open(port)
  try {
    const spec = MOUNT3_PROCEDURES.MNT
    const target = { program: MOUNT3_PROGRAM, version: MOUNT3_VERSION }
    const reply = await socket.call(rpcCall(1, caller, target, spec, Buffer.from(path)))
    const result = spec.res.decode(resultOf(reply))
    if (!result.ok) throw new Error(`MNT ${path}: ${result.status}`)
    return new Uint8Array(result.value.fhandle)
  } finally {
    socket.close()
  }
}

function rpcCall<A, R>(
  xid: number,
  caller: Caller,
  target: { readonly program: number; readonly version: number },
  spec: ProcedureSpec<A, R>,
  args: A,
): Uint8Array {
  const { uid, gid, gids } = caller
  const credential = new XdrWriter(256)
  encodeCredential(credential, { flavor: 'sys', uid, gid, gids, machineName: Buffer.from('model') })
  const message = new XdrWriter(256)
  writeCall(message, xid, { ...target, procedure: spec.number }, credential.toBytes())
  spec.args.encode(message, args)
  return message.toBytes()
}

function resultOf(reply: Uint8Array): XdrReader {
  const reader = new XdrReader(reply)
  if (readReplyXid(reader) === undefined) throw new Error('not a reply')
  const refusal = readReply(reader)
  if (refusal !== undefined) throw new Error(`RPC refused: ${JSON.stringify(refusal)}`)
  return reader
}
