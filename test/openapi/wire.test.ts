import t from 'tap'
import { isoTime, pinToWire } from '../../openapi/wire.js'

t.test('times are ISO 8601 in UTC', async (t) => {
  const pin = { threshold: 0.9, reason: 'why', by: 'ops' }
  t.equal(isoTime(0), '1970-01-01T00:00:00.000Z')
  t.strictSame(pinToWire({ ...pin, expires_at: 1000 }), { ...pin, expires_at: '1970-01-01T00:00:01.000Z' })
  t.strictSame(pinToWire({ ...pin, expires_at: null }), { ...pin, expires_at: null })
  t.equal(pinToWire(null), null)
})
