import t from 'tap'
import { PAGE_HEADERS } from '../../src/http/page-headers.js'

t.test('pages may not be framed, and send no referrer', async (t) => {
  t.match(PAGE_HEADERS, { 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' })
})
