import t from 'tap'
import { crc32c, isRecordFile, maskedCrc, readRecords } from '../../../src/cli/event-files/tfrecord.js'
import { frameRecord } from './write-event.js'

const framed = Buffer.concat([frameRecord(Buffer.from('one')), frameRecord(Buffer.alloc(0)), frameRecord(Buffer.from('three'))])

t.test('records are read as written', async (t) => {
  t.same(readRecords('f', framed, 0), { records: [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')], consumed: framed.length, problem: null })
  t.ok(isRecordFile(framed))
  t.notOk(isRecordFile(Buffer.from('{"step": 1, "suite": "s"}')))
  t.notOk(isRecordFile(framed.subarray(0, 11)))
})

t.test('an incomplete record is left for the next read', async (t) => {
  for (let end = 0; end <= framed.length; end++) {
    const { records, consumed } = readRecords('f', framed.subarray(0, end), 0)
    t.equal(records.length, end < 19 ? 0 : end < 35 ? 1 : end < framed.length ? 2 : 3, `${end} bytes`)
    t.equal(consumed, [0, 19, 35, framed.length][records.length])
  }
})

t.test('a flipped bit is found and located', async (t) => {
  for (let at = 0; at < framed.length; at++) {
    const damaged = Buffer.from(framed)
    damaged[at]! ^= 0x10
    const { records, problem } = readRecords('f', damaged, 100)
    t.match(problem, { name: 'FileError', message: /f: the checksum of the (length|record) at byte 1\d\d does not match/ }, String(at))
    t.equal(records.length, at < 19 ? 0 : at < 35 ? 1 : 2, 'the records before it are read')
  }
})

t.test('CRC-32C matches RFC 3720, appendix B.4', async (t) => {
  t.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  t.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e)
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'the check value of its catalogue entry')
})

t.test('the masked CRC matches that of the first record of every event file: 24 bytes, a3 7f 4b 22', async (t) => {
  t.equal(maskedCrc(Buffer.from('1800000000000000', 'hex')), Buffer.from('a37f4b22', 'hex').readUInt32LE())
})
