import t from 'tap'
import { NullablePinSchema, PinSchema } from '../../openapi/pin-schemas.js'
import { itemValidator } from '../../openapi/validation.js'

t.test('a pin needs a reason, and its threshold is a fraction or null', async (t) => {
  const problem = itemValidator(PinSchema)
  t.equal(problem({ threshold: null, reason: 'incident 42', expires_in_seconds: 3600 }), null)
  t.match(problem({ threshold: 0.5 }), { path: '/reason' })
  t.match(problem({ threshold: 1.5, reason: 'r' }), { path: '/threshold' })
})

t.test('a context without a pin shows null', async (t) => {
  t.equal(itemValidator(NullablePinSchema)(null), null)
})
