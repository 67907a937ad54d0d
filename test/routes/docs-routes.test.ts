import t from 'tap'
import { build } from '../helper.js'
import { tokenList } from '../token-fixtures.js'

t.test('the API document needs no token, and Swagger UI can send one', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker' }) })
  t.match(await send('GET', '/docs'), { status: 200, body: /swagger-ui/ })
  t.match(await send('GET', '/docs/static/swagger-initializer.js'), { status: 200, body: /tryItOutEnabled/ })
  t.match(await send('GET', '/docs/static/swagger-ui-bundle.js'), { status: 200 })
  for (const url of ['/openapi.json', '/docs/json']) {
    t.match(await send('GET', url), { status: 200, body: { components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } } }, url)
  }
})

t.test('the page loads only its own files and may not be framed', async (t) => {
  const { send } = await build(t)
  for (const url of ['/docs', '/docs/static/swagger-initializer.js', '/docs/static/index.html', '/docs/json', '/docs/static/nowhere.js']) {
    t.match((await send('GET', url)).headers, {
      'content-security-policy': /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    }, url)
  }
  t.match((await send('GET', '/openapi.json')).headers, { 'x-content-type-options': 'nosniff' })
})
