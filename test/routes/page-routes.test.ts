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

t.test('the page needs no token, loads only its own files and may not be framed', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker' }) })
  for (const url of ['/', '/ui', '/ui/page.js', '/ui/page.css', '/ui/icon.svg']) {
    t.match(await send('GET', url), {
      status: 200,
      headers: { 'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self';.*frame-ancestors 'none'/, 'x-frame-options': 'DENY', 'cache-control': 'no-cache' },
    }, url)
  }
  const { body } = await send('GET', '/')
  t.notMatch(body, /(?:src|href)="(?:https?:|\/)/, 'links are relative, so that the page works below a path')
  t.notMatch(body, /<script>|style=/, 'nothing is inline')
  t.match(await send('GET', '/v1/fleet'), { status: 401 }, 'figures need a token')
})

t.test('a file that the browser has is not sent again, and others are compressed', async (t) => {
  const { app, send } = await build(t)
  const { headers } = await send('GET', '/ui/page.js', undefined, { 'accept-encoding': 'gzip, br' })
  t.match(headers, { 'content-encoding': 'gzip', vary: 'accept-encoding', 'content-type': 'text/javascript; charset=utf-8' })
  t.match(await app.inject({ url: '/ui/page.js', headers: { 'if-none-match': headers.etag } }), { statusCode: 304, body: '' })
  t.notOk(Object.keys((await send('GET', '/openapi.json')).body.paths).some((path) => path.startsWith('/ui') || path === '/'), 'the document is about the API')
})
