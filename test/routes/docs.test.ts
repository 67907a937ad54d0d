import t from 'tap'
import { build } from '../helper.js'
import { tokenList } from '../token-fixtures.js'

t.test('the contract is open, and Swagger UI can send a token', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker' }) })
  t.match(await send('GET', '/docs'), { status: 200, body: /swagger-ui/ })
  t.match(await send('GET', '/docs/static/swagger-initializer.js'), { status: 200, body: /tryItOutEnabled/ })
  t.match(await send('GET', '/docs/static/swagger-ui-bundle.js'), { status: 200 })
  for (const url of ['/openapi.json', '/docs/json']) {
    t.match(await send('GET', url), { status: 200, body: { components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } } }, url)
  }
})
