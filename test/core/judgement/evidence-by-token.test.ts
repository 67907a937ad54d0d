import t from 'tap'
import { countForToken, type EvidenceByToken } from '../../../src/core/judgement/evidence-by-token.js'
import { CHAIN, KEPT, memoryFold, outcomeOf } from '../learn/memory-fold.js'

t.test('each token has its own count up to the limit, the others share one', async (t) => {
  t.equal(countForToken(undefined, undefined), undefined)
  let fedBy: EvidenceByToken | undefined
  for (const by of ['a', 'constructor', 'a', undefined]) fedBy = countForToken(fedBy, by)
  t.same(fedBy, { a: 2, constructor: 1 })
  for (let i = 0; i < 100; i++) fedBy = countForToken(fedBy, `token-${i}`)
  fedBy = countForToken(fedBy, 'a')
  t.equal(Object.keys(fedBy!).length, 33)
  t.match(fedBy, { a: 3, constructor: 1, 'token-29': 1, '*': 70 })
})

t.test('only control outcomes are counted by token, in the link that certifies, and an epoch starts from zero', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  t.equal(fold.state().fed_by, undefined)
  fold.learn(outcomeOf({ by: 'a' }), 0, 2)
  fold.learn(outcomeOf({ by: 'a', arm: 'treated' }))
  fold.learn(outcomeOf({ by: 'b', u: 0.5 }))
  t.same(CHAIN.map((key) => fold.state(key).fed_by), [undefined, undefined, { a: 2, b: 1 }])
  fold.learn({ type: 'reset', key: CHAIN[2]!, by: 'ops', reason: 'test' })
  t.equal(fold.state().fed_by, undefined)
})
