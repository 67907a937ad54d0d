import t from 'tap'
import { crc32c, maskedCrc } from '../../../src/cli/event-files/masked-crc.js'

t.test('CRC-32C matches RFC 3720, appendix B.4', async (t) => {
  t.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  t.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e)
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'the check value of its catalogue entry')
})

t.test('the masked CRC matches that of the first record of every event file: 24 bytes, a3 7f 4b 22', async (t) => {
  t.equal(maskedCrc(Buffer.from('1800000000000000', 'hex')), Buffer.from('a37f4b22', 'hex').readUInt32LE())
})
