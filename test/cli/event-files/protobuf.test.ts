import t from 'tap'
import { bytesField, doubleField, fieldsOf, floatField, wholeField } from '../../../src/cli/event-files/protobuf.js'

t.test('bytes match the encoding guide of Protocol Buffers', async (t) => {
  t.equal(wholeField(1, 150).toString('hex'), '089601')
  t.equal(bytesField(2, Buffer.from('testing')).toString('hex'), '120774657374696e67')
  t.equal(floatField(2, 1).toString('hex'), '150000803f')
  t.equal(doubleField(1, 1).toString('hex'), '09000000000000f03f')
})

t.test('fields survive a round trip, and truncated messages are refused', async (t) => {
  const message = Buffer.concat([wholeField(2, 2 ** 52 + 1), bytesField(17, Buffer.from('x')), doubleField(1, 0.1), floatField(3, 0.5)])
  t.match([...fieldsOf(message)], [{ number: 2, wire: 0, value: 2n ** 52n + 1n }, { number: 17, wire: 2, value: Buffer.from('x') }, { number: 1, wire: 1 }, { number: 3, wire: 5 }])
  t.same([...fieldsOf(Buffer.alloc(0))], [])
  t.throws(() => [...fieldsOf(message.subarray(0, message.length - 1))], RangeError)
  t.throws(() => [...fieldsOf(Buffer.from('0b', 'hex'))], /wire type 3/)
  t.throws(() => [...fieldsOf(Buffer.alloc(11, 0xff))], /no end/)
})
