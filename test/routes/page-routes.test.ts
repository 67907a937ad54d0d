import t from 'tap'
import { build } from '../helper.js'
import { tokenList } from '../token-fixtures.js'

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
