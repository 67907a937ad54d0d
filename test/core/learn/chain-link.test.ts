import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { chainLink, linkOf, linksOf } from '../../../src/core/learn/chain-link.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { judge, NO_JUDGEMENT } from '../../../src/core/learn/judge.js'
import type { Pin } from '../../../src/core/policy/pin.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { CHAIN, FIRST, GAINED, KEPT, LEAF, memoryFold, policyWith } from './memory-fold.js'
import { changed } from '../../changed-state.js'

t.test('a link sums up a state and its judgement', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn({ ...GAINED, steps: [] }, 0)
  const judgement = { scorer: null, index: 4, threshold: GRID[4]!, guarantee: null }
  const link = chainLink('k', policyWith(), undefined, fold.state(), judgement)
  t.match(link, { key: 'k', index: 4, generations: FIRST + 1, guarantee: null })
  t.match(chainLink('k', policyWith(), undefined, undefined, NO_JUDGEMENT), { generations: 0 })
})

t.test('a link is made of the state, the policy and the pin of its context', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const { levels, defaults } = fold.ledger.configuration
  const pin = { threshold: 0.9, reason: 'r', by: 'ops', expires_at: null }
  const inputs = {
    levels, defaultPolicy: defaults, policies: new Map([['*', { mode: 'shadow' as const }]]), pins: new Map([[LEAF, pin]]), predictors: fold.predictors,
  }
  const link = linkOf(inputs, LEAF, fold.state())
  t.match(link, { key: LEAF, pin, policy: { mode: 'shadow' }, generations: FIRST, learnedControlShare: fold.state().rule.control_share })
  t.same({ ...link, ...judge(fold.state(), link.policy, levels, fold.predictors) }, link)
  t.same(linksOf({ ...inputs, states: fold.states }, LEAF).map(({ key }) => key), CHAIN)
  t.match(linkOf(inputs, 'model=new'), { pin: undefined, generations: 0, ...NO_JUDGEMENT, learnedControlShare: undefined }, 'no outcome yet')
})

t.test('labels are asked for up to the threshold in force, and for all thresholds under a pin, and with predictors', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  const label_losses = { reported: 100, lost: GRID.map((_, k) => k < 10 ? 0 : 90), gained: GRID.map(() => 0) }
  const hopeless = changed(fold.state(), { labels: { sources: { judge: 90 }, losses: label_losses } })
  const reach = (state: ContextState, policy: PolicyPatch = {}, pin?: Pin) => chainLink('k', policyWith(policy), pin, state, NO_JUDGEMENT).labelReach
  t.equal(reach(hopeless), 9)
  t.equal(reach(changed(hopeless, { rule: { index: 11 } })), 11, 'drift is watched there')
  const all = GRID.length - 1
  t.equal(reach(hopeless, {}, { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }), all)
  t.equal(reach(hopeless, { score: 'p' }), all)
  t.equal(reach(changed(hopeless, { labels: { sources: undefined } })), all, 'labels without a grader cost nothing')
  t.equal(reach(fold.state()), all, 'every outcome came with its grade')
})

t.test('a pin for a predictor that is gone is linked as never stop', async (t) => {
  const pin = { threshold: 0.9, scorer: 'gone', reason: 'r', by: 'ops', expires_at: null }
  const inputs = { levels: ['model'], defaultPolicy: {}, policies: new Map(), pins: new Map([['*', pin]]), predictors: new Map() }
  t.match(linkOf(inputs, '*').pin, { threshold: null, reason: 'r' })
})
