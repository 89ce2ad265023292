import { FieldReader, FieldWriter } from './fields.ts'

export interface ViewRecord {
  readonly name: string
  readonly createdAtSeconds: number
}

export function encodeViewRecord(view: ViewRecord): Buffer {
  return new FieldWriter(64).number(view.createdAtSeconds).bytes(Buffer.from(view.name, 'utf8')).finish()
}

export function decodeViewRecord(payload: Uint8Array, object: string): ViewRecord {
  const from = new FieldReader(payload, object)
  const createdAtSeconds = from.number()
  return { createdAtSeconds, name: Buffer.from(from.bytes()).toString('utf8') }
}
