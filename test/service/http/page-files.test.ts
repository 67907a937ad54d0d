import { gunzipSync } from 'node:zlib'
import t from 'tap'
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
