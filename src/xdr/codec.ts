import { AssertionError } from '../base/assert.ts'
import { XdrError } from './errors.ts'
import { XdrReader } from './reader.ts'
import { XdrWriter } from './writer.ts'

/**
 * An XDR type (RFC 4506): how its values are written and read. Decoding throws XdrError and nothing else; encoding a
 * value that the type does not allow is a bug (AssertionError). Decoded bytes are views into the reader's bytes.
 */
export interface XdrCodec<T> {
  encode(writer: XdrWriter, value: T): void
  decode(reader: XdrReader): T
}

/** The TypeScript type of an XDR type: `type READ3args = XdrValue<typeof READ3args>`. */
export type XdrValue<Codec> = Codec extends XdrCodec<infer T> ? T : never

export const uint32: XdrCodec<number> = {
  encode: (writer, value) => writer.uint32(value),
  decode: (reader) => reader.uint32(),
}

export const int32: XdrCodec<number> = {
  encode: (writer, value) => writer.int32(value),
  decode: (reader) => reader.int32(),
}

/** unsigned hyper as an identity: exact, no arithmetic. */
export const uint64: XdrCodec<bigint> = {
  encode: (writer, value) => writer.uint64(value),
  decode: (reader) => reader.uint64(),
}

/**
 * unsigned hyper as a quantity. Exact up to 2^53 - 1. A greater one decodes to some number greater than
 * Number.MAX_SAFE_INTEGER: compare before use (and answer FBIG or INVAL).
 */
export const quantity64: XdrCodec<number> = {
  encode: (writer, value) => writer.quantity64(value),
  decode: (reader) => reader.quantity64(),
}

export const bool: XdrCodec<boolean> = {
  encode: (writer, value) => writer.bool(value),
  decode: (reader) => reader.bool(),
}

/** Named `nothing` because `void` is a word of the language. */
export const nothing: XdrCodec<undefined> = {
  encode: () => undefined,
  decode: () => undefined,
}

/** opaque<maxBytes>. The limit is checked before anything else happens. */
export function opaque(maxBytes: number): XdrCodec<Uint8Array> {
  return {
    encode(writer, value) {
      if (value.length > maxBytes)
        throw new AssertionError(`opaque of ${value.length} bytes, at most ${maxBytes}`)
      writer.opaque(value)
    },
    decode: (reader) => reader.opaque(maxBytes),
  }
}

/** string<maxBytes>, as bytes: names are bytes, not text. */
export const string = opaque

/** opaque<maxBytes> of file data: a large value is not copied but borrowed until it has been sent. */
export function fileData(maxBytes: number): XdrCodec<Uint8Array> {
  return {
    encode(writer, value) {
      if (value.length > maxBytes)
        throw new AssertionError(`data of ${value.length} bytes, at most ${maxBytes}`)
      writer.data(value)
    },
    decode: (reader) => reader.opaque(maxBytes),
  }
}

/** opaque[lengthBytes]. */
export function fixedOpaque(lengthBytes: number): XdrCodec<Uint8Array> {
  return {
    encode(writer, value) {
      if (value.length !== lengthBytes)
        throw new AssertionError(`${value.length} bytes for opaque[${lengthBytes}]`)
      writer.fixedOpaque(value)
    },
    decode: (reader) => reader.fixedOpaque(lengthBytes),
  }
}

/** enum: names for numbers. A number without a name does not decode. */
export function enumeration<const Numbers extends Readonly<Record<string, number>>>(
  numbers: Numbers,
): XdrCodec<keyof Numbers & string> {
  const names = new Map<number, keyof Numbers & string>()
  for (const name of Object.keys(numbers)) names.set(numbers[name]!, name)
  return {
    encode(writer, value) {
      writer.int32(numbers[value]!)
    },
    decode(reader) {
      const number = reader.int32()
      const name = names.get(number)
      if (name === undefined) throw new XdrError(`enum of unknown value ${number}`, reader.position - 4)
      return name
    },
  }
}

/** struct: the fields go on the wire in the order in which they are written in the definition. */
export function struct<T extends object>(
  fields: {
    readonly [K in keyof T]: XdrCodec<T[K]>
  },
): XdrCodec<Readonly<T>> {
  const names = Object.keys(fields) as (keyof T)[]
  const codecs = names.map((name) => fields[name]) as XdrCodec<T[keyof T]>[]
  return {
    encode(writer, value) {
      for (let index = 0; index < names.length; index += 1)
        codecs[index]!.encode(writer, value[names[index]!])
    },
    decode(reader) {
      const value = {} as T
      for (let index = 0; index < names.length; index += 1) {
        value[names[index]!] = codecs[index]!.decode(reader)
      }
      return value
    },
  }
}

/** T *optional (and every union of a bool with nothing in its FALSE arm, which is the same on the wire). */
export function optional<T>(codec: XdrCodec<T>): XdrCodec<T | undefined> {
  return {
    encode(writer, value) {
      if (value === undefined) {
        writer.uint32(0)
        return
      }
      writer.uint32(1)
      codec.encode(writer, value)
    },
    decode: (reader) => (reader.bool() ? codec.decode(reader) : undefined),
  }
}

/**
 * union switch (discriminant tag): each arm is a struct; its fields and the tag make one object. Arms that carry
 * nothing are `struct({})`.
 */
export function union<Tag extends string, Arms extends Readonly<Record<string, XdrCodec<object>>>>(
  tag: Tag,
  discriminant: XdrCodec<keyof Arms & string>,
  arms: Arms,
): XdrCodec<UnionValue<Tag, Arms>> {
  type Value = UnionValue<Tag, Arms>
  return {
    encode(writer, value) {
      const arm = (value as Readonly<Record<Tag, keyof Arms & string>>)[tag]
      discriminant.encode(writer, arm)
      arms[arm]!.encode(writer, value)
    },
    decode(reader) {
      const arm = discriminant.decode(reader)
      return { [tag]: arm, ...arms[arm]!.decode(reader) } as Value
    },
  }
}

type UnionValue<Tag extends string, Arms> = {
  [Arm in keyof Arms & string]: { readonly [T in Tag]: Arm } & XdrValue<Arms[Arm]>
}[keyof Arms & string] &
  object

/** T<maxCount>. */
export function array<T>(codec: XdrCodec<T>, maxCount: number): XdrCodec<readonly T[]> {
  return {
    encode(writer, values) {
      if (values.length > maxCount) throw new AssertionError(`array of ${values.length}, at most ${maxCount}`)
      writer.uint32(values.length)
      for (const value of values) codec.encode(writer, value)
    },
    decode(reader) {
      const count = reader.uint32()
      if (count > maxCount) throw new XdrError(`array of ${count}, at most ${maxCount}`, reader.position - 4)
      const values: T[] = []
      for (let index = 0; index < count; index += 1) values.push(codec.decode(reader))
      return values
    },
  }
}

/** A linked list (struct with `T *next` last): TRUE before every element, FALSE after the last. */
export function linkedList<T>(codec: XdrCodec<T>): XdrCodec<readonly T[]> {
  return {
    encode(writer, values) {
      for (const value of values) {
        writer.uint32(1)
        codec.encode(writer, value)
      }
      writer.uint32(0)
    },
    decode(reader) {
      const values: T[] = []
      while (reader.bool()) values.push(codec.decode(reader))
      return values
    },
  }
}

/** The value as bytes that own their memory. */
export function encodeXdr<T>(codec: XdrCodec<T>, value: T): Uint8Array {
  const writer = new XdrWriter(256)
  codec.encode(writer, value)
  return writer.toBytes()
}

/** The value of exactly these bytes: XdrError when some are missing or left over. */
export function decodeXdr<T>(codec: XdrCodec<T>, bytes: Uint8Array): T {
  const reader = new XdrReader(bytes)
  const value = codec.decode(reader)
  reader.finish()
  return value
}
