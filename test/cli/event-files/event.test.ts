import { BinaryWriter } from '@bufbuild/protobuf/wire'
import t from 'tap'
import { readEvent } from '../../../src/cli/event-files/event.js'
import { readRecords } from '../../../src/cli/event-files/tfrecord.js'
import { frameRecord, writeEvent, writeSessionStart, writeVersion } from './write-event.js'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

t.test('the first record of an event file matches byte by byte', async (t) => {
  const version = writeVersion(1.5)
  t.equal(hex(version), '09000000000000f83f' + '1a0d' + Buffer.from('brain.Event:2').toString('hex'))
  t.equal(frameRecord(version).toString('hex', 0, 12), '1800000000000000a37f4b22', 'as every event file begins')
  t.same(readEvent(version), { wallTime: 1.5, step: 0, scalars: [] })
})

t.test('an event of scalars matches byte by byte: wall_time 1, step 2, summary 5 { value 1 { tag 1, simple_value 2 } }', async (t) => {
  const event = { wallTime: 1, step: 300, scalars: [{ tag: 'a/b', value: 0.5 }] }
  t.equal(hex(writeEvent(event)), '09000000000000f03f' + '10ac02' + '2a0c' + '0a0a' + '0a03612f62' + '150000003f')
  t.same(readEvent(writeEvent(event)), event)
  t.same(readRecords('f', frameRecord(writeEvent(event)), 0).records, [Buffer.from(writeEvent(event))])
})

t.test('the start of a session matches byte by byte: wall_time 1, session_log 7 { status 1: START }', async (t) => {
  t.equal(hex(writeSessionStart(1)), '09000000000000f03f' + '3a02' + '0801')
  t.same(readEvent(writeSessionStart(1)), { wallTime: 1, step: 0, scalars: [] })
})

t.test('floats are read as the shortest decimal', async (t) => {
  for (const value of [0.7, 0.7123, 812.4, 1319, 1e-7, 0, 1, 16_777_216, 2100.25]) {
    t.same(readEvent(writeEvent({ wallTime: 0, step: 0, scalars: [{ tag: 't', value }] })).scalars, [{ tag: 't', value }])
  }
})

/** A field of bytes, or of a varint. */
const field = (number: number, value: Uint8Array | number): Buffer => {
  const writer = new BinaryWriter()
  return Buffer.from(typeof value === 'number' ? writer.tag(number, 0).uint32(value).finish() : writer.tag(number, 2).bytes(value).finish())
}

t.test('a scalar tensor of TensorFlow 2 is read, other tensors are not', async (t) => {
  const [half, halfDouble] = [Buffer.from('0000003f', 'hex'), Buffer.from('000000000000e03f', 'hex')]
  const read = (value: Buffer) => readEvent(field(5, value)).scalars
  const tensor = (...fields: Buffer[]) =>
    read(field(1, Buffer.concat([field(1, Buffer.from('t')), field(9, Buffer.from('metadata')), field(8, Buffer.concat(fields))])))
  t.same(tensor(field(1, 1), field(2, Buffer.alloc(0)), field(4, half)), [{ tag: 't', value: 0.5 }])
  t.same(tensor(field(1, 1), field(5, half)), [{ tag: 't', value: 0.5 }], 'a packed list of floats')
  t.same(tensor(field(1, 1), Buffer.from([0x2d, ...half])), [{ tag: 't', value: 0.5 }], 'a list that is not packed')
  t.same(tensor(field(1, 2), field(4, halfDouble)), [{ tag: 't', value: 0.5 }])
  t.same(tensor(field(1, 2), field(6, halfDouble)), [{ tag: 't', value: 0.5 }], 'a packed list of doubles')
  t.same(tensor(field(1, 2), Buffer.from([0x31, ...halfDouble])), [{ tag: 't', value: 0.5 }], 'a list that is not packed')
  t.same(tensor(field(1, 7), field(8, Buffer.from('text'))), [], 'a text')
  t.same(tensor(field(1, 1), field(5, Buffer.concat([half, half]))), [], 'two numbers')
  t.same(read(field(1, Buffer.concat([field(1, Buffer.from('h')), field(5, Buffer.from('150000803f', 'hex'))]))), [], 'a histogram')
})

t.test('steps may be negative or beyond 32 bits', async (t) => {
  for (const step of [-1, 2 ** 52 + 1]) t.equal(readEvent(writeEvent({ wallTime: 0, step, scalars: [] })).step, step)
})

t.test('malformed messages are refused', async (t) => {
  const event = writeEvent({ wallTime: 1, step: 300, scalars: [{ tag: 'a/b', value: 0.5 }] })
  t.throws(() => readEvent(event.subarray(0, event.length - 1)), RangeError, 'a field that is longer than its message')
  t.throws(() => readEvent(event.subarray(0, 5)), RangeError)
  t.throws(() => readEvent(Buffer.alloc(11, 0xff)), 'a varint without an end')
  t.throws(() => readEvent(Buffer.from('0f', 'hex')), /wire type 7/)
})
