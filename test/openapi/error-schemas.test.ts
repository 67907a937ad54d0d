import t from 'tap'
import { ErrorSchema } from '../../openapi/error-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { build } from '../helper.js'

t.test('every kind of error has the same shape', async (t) => {
  const { send } = await build(t)
  for (const [method, url, body] of [
    ['POST', '/v1/decisions', {}], ['POST', '/v1/decisions', { tokens: 1, confidence: 1, context: { x: 'y' } }], ['GET', '/v1/contexts/x'], ['GET', '/nowhere'], ['GET', '/v1/contexts?limit=x'],
  ] as const) {
    const reply = await send(method, url, body)
    t.ok(reply.status >= 400 && reply.status < 500, url)
    t.equal(itemValidator(ErrorSchema)(reply.body), null, url)
  }
})
