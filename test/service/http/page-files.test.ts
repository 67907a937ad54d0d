import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { build } from '../../helper.js'
import { PAGE_FILES, PAGE_HEADERS, readPageFile } from '../../../src/service/http/page-files.js'

t.test('every file of the page is built, and compresses to the same', async (t) => {
  for (const { name } of PAGE_FILES) {
    const { body, gzipped, etag } = readPageFile(name)
    t.ok(body.length > 100, name)
    t.ok(gunzipSync(gzipped).equals(body))
    t.equal(readPageFile(name).etag, etag)
  }
})

t.test('the page stays small', async (t) => {
  t.ok(readPageFile('page.js').gzipped.length < 64 * 1024, 'including its libraries')
})

t.test('pages may not be framed, and send no referrer', async (t) => {
  t.match(PAGE_HEADERS, { 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' })
})

t.test('of many requests for pages at once, two are answered in each turn of the event loop, and too many are refused', async (t) => {
  const { app } = await build(t)
  for (const url of ['/openapi.json', '/docs/json', '/', '/ui/page.js']) {
    await app.inject(url) // reads the file
    let turn = 0
    const count = () => { turn++; counting = setImmediate(count) }
    let counting = setImmediate(count)
    const replies = await Promise.all(Array.from({ length: 400 }, async () => {
      const { statusCode } = await app.inject(url)
      return { statusCode, turn }
    }))
    clearImmediate(counting)
    const sent = replies.filter(({ statusCode }) => statusCode === 200)
    t.same(new Set(replies.map(({ statusCode }) => statusCode)), new Set([200, 503]), url)
    const turns = new Set(sent.map(({ turn }) => turn))
    t.ok(turns.size >= sent.length / 3, `${sent.length} pages in ${turns.size} turns`)
  }
})
