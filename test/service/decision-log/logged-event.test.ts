import t from 'tap'
import { decodeEvent } from '../../../src/service/decision-log/logged-event.js'

const label = { event: 'label', at: 1, em: 1 }

t.test('a damaged event is left out', async (t) => {
  t.strictSame(decodeEvent(JSON.stringify(label)), label)
  for (const bad of ['', '{', 'null', '{"event":"label"}', JSON.stringify({ ...label, at: 1e99 }), JSON.stringify({ ...label, event: 'other' })]) t.equal(decodeEvent(bad), null, bad)
})
