import { FieldReader, FieldWriter } from './fields.ts'

export interface ViewRecord {
  readonly name: string
  readonly createdAtSeconds: number
  /** What clients see as fsid: random, so that two proxies never share one. */
  readonly fsid: bigint
  /** `rowfs view rm` began: it is finished at the next start if it did not end. */
  readonly removing: boolean
}

export function encodeViewRecord(view: ViewRecord): Buffer {
  const out = new FieldWriter(64)
    .u8(view.removing ? 1 : 0)
    .number(view.createdAtSeconds)
    .u64(view.fsid)
  return out.bytes(Buffer.from(view.name, 'utf8')).finish()
}

export function decodeViewRecord(payload: Uint8Array, object: string): ViewRecord {
  const from = new FieldReader(payload, object)
  const removing = from.u8() === 1
  const createdAtSeconds = from.number()
  const fsid = from.u64()
  return { removing, createdAtSeconds, fsid, name: Buffer.from(from.bytes()).toString('utf8') }
}
