import { bytesField, doubleField, fieldsOf, floatField, wholeField } from './protobuf.js'

/** A number of a training run at a step. */
export interface Scalar { readonly tag: string, readonly value: number }

export interface ScalarEvent {
  /** s since 1970. */
  readonly wallTime: number
  readonly step: number
  readonly scalars: readonly Scalar[]
}

// Field numbers of tensorboard/compat/proto: event.proto, summary.proto, tensor.proto.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 }
const SESSION_STATUS = 1
const SESSION_START = 1
const SUMMARY_VALUE = 1
const VALUE = { tag: 1, simpleValue: 2, tensor: 8 }
const TENSOR = { dtype: 1, content: 4, floats: 5, doubles: 6 }
const [DT_FLOAT, DT_DOUBLE] = [1n, 2n]

/** The scalars of an event, as `simple_value` (PyTorch, TensorFlow 1) or as a tensor (TensorFlow 2). Everything else is ignored. */
export function readEvent (record: Buffer): ScalarEvent {
  let [wallTime, step] = [0, 0]
  const scalars: Scalar[] = []
  for (const { number, value } of fieldsOf(record)) {
    if (number === EVENT.wallTime) wallTime = (value as Buffer).readDoubleLE()
    if (number === EVENT.step) step = Number(BigInt.asIntN(64, value as bigint))
    if (number !== EVENT.summary) continue
    for (const field of fieldsOf(value as Buffer)) if (field.number === SUMMARY_VALUE) scalars.push(...readValue(field.value as Buffer))
  }
  return { wallTime, step, scalars }
}

function readValue (message: Buffer): Scalar[] {
  let tag = ''
  let value: number | null = null
  for (const field of fieldsOf(message)) {
    if (field.number === VALUE.tag) tag = (field.value as Buffer).toString()
    if (field.number === VALUE.simpleValue) value = shortestFloat((field.value as Buffer).readFloatLE())
    if (field.number === VALUE.tensor) value = readTensor(field.value as Buffer)
  }
  return value === null ? [] : [{ tag, value }]
}

function readTensor (message: Buffer): number | null {
  let dtype = 0n
  let bytes: Buffer = Buffer.alloc(0)
  for (const { number, value } of fieldsOf(message)) {
    if (number === TENSOR.dtype) dtype = value as bigint
    if ((number === TENSOR.content || number === TENSOR.floats || number === TENSOR.doubles) && typeof value !== 'bigint') bytes = value
  }
  if (dtype === DT_FLOAT && bytes.length === 4) return shortestFloat(bytes.readFloatLE())
  return dtype === DT_DOUBLE && bytes.length === 8 ? bytes.readDoubleLE() : null
}

/** The shortest decimal that this float represents: 0.7, not 0.699999988079071. */
export function shortestFloat (float: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(float.toPrecision(digits))
    if (Math.fround(candidate) === float) return candidate
  }
  return float
}

/** The first event of a file. */
export function writeVersion (wallTime: number): Buffer {
  return Buffer.concat([doubleField(EVENT.wallTime, wallTime), bytesField(EVENT.fileVersion, Buffer.from('brain.Event:2'))])
}

/** The start of a training at step 0: TensorBoard drops what it has read of the run in earlier files. */
export function writeSessionStart (wallTime: number): Buffer {
  return Buffer.concat([doubleField(EVENT.wallTime, wallTime), bytesField(EVENT.sessionLog, wholeField(SESSION_STATUS, SESSION_START))])
}

export function writeEvent ({ wallTime, step, scalars }: ScalarEvent): Buffer {
  const values = scalars.map(({ tag, value }) => {
    const fields = [bytesField(VALUE.tag, Buffer.from(tag)), floatField(VALUE.simpleValue, value)]
    return bytesField(SUMMARY_VALUE, Buffer.concat(fields))
  })
  const summary = bytesField(EVENT.summary, Buffer.concat(values))
  return Buffer.concat([doubleField(EVENT.wallTime, wallTime), wholeField(EVENT.step, step), summary])
}
