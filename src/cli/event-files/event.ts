import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** A value of a training run at a step, under the tag that names it. */
interface Scalar { readonly tag: string, readonly value: number }

export interface ScalarEvent {
  /** s since 1970. */
  readonly wallTime: number
  readonly step: number
  readonly scalars: readonly Scalar[]
}

const { Varint, Bit64, LengthDelimited, Bit32 } = WireType

/** The tag that identifies a field on the wire: its number and its wire type. */
const tagOf = (number: number, wireType: WireType): number => (number << 3) | wireType

// Fields of tensorboard/compat/proto: event.proto, summary.proto, tensor.proto.
const EVENT = {
  wallTime: tagOf(1, Bit64),
  step: tagOf(2, Varint),
  summary: tagOf(5, LengthDelimited),
}
const SUMMARY_VALUE = tagOf(1, LengthDelimited)
const VALUE = { tag: tagOf(1, LengthDelimited), simpleValue: tagOf(2, Bit32), tensor: tagOf(8, LengthDelimited) }
const TENSOR = {
  dtype: tagOf(1, Varint),
  content: tagOf(4, LengthDelimited),
  float: tagOf(5, Bit32),
  floats: tagOf(5, LengthDelimited),
  double: tagOf(6, Bit64),
  doubles: tagOf(6, LengthDelimited),
}
const [DT_FLOAT, DT_DOUBLE] = [1, 2]

/** Reads the fields of a message that have a reader, and skips the others. @throws Error for malformed bytes or a field of another type */
function readFields (message: Uint8Array, readers: Readonly<Record<number, (reader: BinaryReader) => void>>): void {
  const reader = new BinaryReader(message)
  const known = new Set(Object.keys(readers).map((tag) => Number(tag) >>> 3))
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const read = readers[tagOf(number, wireType)]
    if (read !== undefined) read(reader)
    else if (!known.has(number)) reader.skip(wireType, number)
    else throw new TypeError(`field ${number} has the wire type ${wireType}`)
  }
}

/** The scalars of an event, as `simple_value` (PyTorch, TensorFlow 1) or as a tensor (TensorFlow 2). Everything else is ignored. */
export function readEvent (record: Uint8Array): ScalarEvent {
  let [wallTime, step] = [0, 0]
  const scalars: Scalar[] = []
  readFields(record, {
    [EVENT.wallTime]: (reader) => { wallTime = reader.double() },
    [EVENT.step]: (reader) => { step = Number(reader.int64()) },
    [EVENT.summary]: (reader) => {
      readFields(reader.bytes(), { [SUMMARY_VALUE]: (summary) => { scalars.push(...readValue(summary.bytes())) } })
    },
  })
  return { wallTime, step, scalars }
}

function readValue (message: Uint8Array): Scalar[] {
  let tag = ''
  let value: number | null = null
  readFields(message, {
    [VALUE.tag]: (reader) => { tag = reader.string() },
    [VALUE.simpleValue]: (reader) => { value = shortestFloat(reader.float()) },
    [VALUE.tensor]: (reader) => { value = readTensor(reader.bytes()) },
  })
  return value === null ? [] : [{ tag, value }]
}

/** A tensor of one number: as raw content, or as a list, packed or not. */
function readTensor (message: Uint8Array): number | null {
  let dtype = 0
  let bytes: Uint8Array = new Uint8Array()
  const takeBytes = (reader: BinaryReader) => { bytes = reader.bytes() }
  readFields(message, {
    [TENSOR.dtype]: (reader) => { dtype = reader.uint32() },
    [TENSOR.content]: takeBytes,
    [TENSOR.floats]: takeBytes,
    [TENSOR.doubles]: takeBytes,
    [TENSOR.float]: (reader) => { bytes = reader.skip(Bit32) },
    [TENSOR.double]: (reader) => { bytes = reader.skip(Bit64) },
  })
  if (dtype === DT_FLOAT && bytes.length === 4) return shortestFloat(new BinaryReader(bytes).float())
  return dtype === DT_DOUBLE && bytes.length === 8 ? new BinaryReader(bytes).double() : null
}

/** The shortest decimal that this float represents: 0.7, not 0.699999988079071. */
export function shortestFloat (float: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(float.toPrecision(digits))
    if (Math.fround(candidate) === float) return candidate
  }
  return float
}
