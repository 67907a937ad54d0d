import t from 'tap'
import { parseRoute, routeTo } from '../../src/page/route.js'

t.test('a view and a name survive the address', async (t) => {
  for (const [view, name] of [['context', 'model=q,task=50%25 off/net'], ['training', 'grpo 7b'], ['changes', undefined], ['fleet', undefined]] as const) {
    t.same(parseRoute(routeTo(view, name)), { view, name: name ?? null })
  }
})

t.test('an unknown address shows the fleet', async (t) => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#main']) t.same(parseRoute(hash), { view: 'fleet', name: null })
  t.same(parseRoute('#/context/%E0%A4%A'), { view: 'context', name: '%E0%A4%A' })
})
