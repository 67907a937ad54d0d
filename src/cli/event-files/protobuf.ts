/** A field of a message: a varint as a number, everything else as its bytes. */
export interface Field { readonly number: number, readonly wire: number, readonly value: bigint | Buffer }

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5]

/** The fields of a message, in order (protobuf.dev/programming-guides/encoding). @throws RangeError for malformed bytes */
export function * fieldsOf (message: Buffer): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message.readUInt8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new RangeError('a varint has no end')
  }
  const take = (length: number): Buffer => {
    if (at + length > message.length) throw new RangeError('a field is longer than its message')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const key = Number(varint())
    const [number, wire] = [key >>> 3, key & 7]
    if (wire === VARINT) yield { number, wire, value: varint() }
    else if (wire === BYTES) yield { number, wire, value: take(Number(varint())) }
    else if (wire === FIXED64 || wire === FIXED32) yield { number, wire, value: take(wire === FIXED64 ? 8 : 4) }
    else throw new RangeError(`wire type ${wire} is not supported`)
  }
}

function varintOf (value: number): Buffer {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 + 0x80)
  return Buffer.from([...bytes, value])
}

const keyOf = (number: number, wire: number): Buffer => varintOf(number * 8 + wire)

/** Fields, encoded. */
export const wholeField = (number: number, value: number): Buffer => Buffer.concat([keyOf(number, VARINT), varintOf(value)])
export const bytesField = (number: number, bytes: Buffer): Buffer => Buffer.concat([keyOf(number, BYTES), varintOf(bytes.length), bytes])

export function doubleField (number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([keyOf(number, FIXED64), bytes])
}

export function floatField (number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([keyOf(number, FIXED32), bytes])
}
