import t from 'tap'
import { readEvent, writeEvent, writeSessionStart, writeVersion } from '../../../src/cli/event-files/event.js'
import { bytesField, floatField, wholeField } from '../../../src/cli/event-files/protobuf.js'
import { frameRecord, readRecords } from '../../../src/cli/event-files/tfrecord.js'

t.test('the first record of an event file matches byte by byte', async (t) => {
  const version = writeVersion(1.5)
  t.equal(version.toString('hex'), '09000000000000f83f' + '1a0d' + Buffer.from('brain.Event:2').toString('hex'))
  t.equal(frameRecord(version).toString('hex', 0, 12), '1800000000000000a37f4b22', 'as every event file begins')
  t.same(readEvent(version), { wallTime: 1.5, step: 0, scalars: [] })
})

t.test('an event of scalars matches byte by byte: wall_time 1, step 2, summary 5 { value 1 { tag 1, simple_value 2 } }', async (t) => {
  const event = { wallTime: 1, step: 300, scalars: [{ tag: 'a/b', value: 0.5 }] }
  t.equal(writeEvent(event).toString('hex'), '09000000000000f03f' + '10ac02' + '2a0c' + '0a0a' + '0a03612f62' + '150000003f')
  t.same(readEvent(writeEvent(event)), event)
  t.same(readRecords('f', frameRecord(writeEvent(event)), 0).records, [writeEvent(event)])
})

t.test('the start of a session matches byte by byte: wall_time 1, session_log 7 { status 1: START }', async (t) => {
  t.equal(writeSessionStart(1).toString('hex'), '09000000000000f03f' + '3a02' + '0801')
  t.same(readEvent(writeSessionStart(1)), { wallTime: 1, step: 0, scalars: [] })
})

t.test('floats are read as the shortest decimal', async (t) => {
  for (const value of [0.7, 0.7123, 812.4, 1319, 1e-7, 0, 1, 16_777_216, 2100.25]) {
    t.same(readEvent(writeEvent({ wallTime: 0, step: 0, scalars: [{ tag: 't', value }] })).scalars, [{ tag: 't', value }])
  }
})

t.test('a scalar tensor of TensorFlow 2 is read, other tensors are not', async (t) => {
  const half = Buffer.from('0000003f', 'hex')
  const valueOf = (tensor: Buffer) => bytesField(1, Buffer.concat([bytesField(1, Buffer.from('t')), bytesField(9, Buffer.from('metadata')), bytesField(8, tensor)]))
  const read = (value: Buffer) => readEvent(bytesField(5, value)).scalars
  t.same(read(valueOf(Buffer.concat([wholeField(1, 1), bytesField(2, Buffer.alloc(0)), bytesField(4, half)]))), [{ tag: 't', value: 0.5 }])
  t.same(read(valueOf(Buffer.concat([wholeField(1, 1), bytesField(5, half)]))), [{ tag: 't', value: 0.5 }])
  t.same(read(valueOf(Buffer.concat([wholeField(1, 2), bytesField(4, Buffer.from('000000000000e03f', 'hex'))]))), [{ tag: 't', value: 0.5 }])
  t.same(read(valueOf(Buffer.concat([wholeField(1, 7), bytesField(8, Buffer.from('text'))]))), [], 'a text')
  t.same(read(bytesField(1, Buffer.concat([bytesField(1, Buffer.from('h')), bytesField(5, floatField(1, 1))]))), [], 'a histogram')
})
