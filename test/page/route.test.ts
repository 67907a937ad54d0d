import t from 'tap'
import { parseRoute, routeTo } from '../../src/page/route.js'

t.test('a view and a name survive the address', async (t) => {
  for (const [view, name] of [['context', 'model=q,task=50%25 off/net'], ['training', 'grpo 7b'], ['changes', undefined], ['fleet', undefined]] as const) {
    t.match(parseRoute(routeTo(view, name)), { view, name: name ?? null })
  }
})

t.test('an unknown address shows the fleet', async (t) => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#main']) t.match(parseRoute(hash), { view: 'fleet', name: null })
  t.match(parseRoute('#/context/%E0%A4%A'), { view: 'context', name: '%E0%A4%A' })
})

t.test('what follows a question mark is no part of the name', async (t) => {
  const { view, name, query } = parseRoute('#/context/model%3Dq?search=a%20b&status=drifted')
  t.same([view, name, query.get('search'), query.get('status')], ['context', 'model=q', 'a b', 'drifted'])
  t.equal(parseRoute('#/?search=x').query.get('search'), 'x')
})
