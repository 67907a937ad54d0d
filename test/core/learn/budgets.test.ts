import t from 'tap'
import { BUDGETS } from '../../../src/core/decide/grid.js'
import { fidelityRatio } from '../../../src/core/guards/fidelity.js'
import { isBlind } from '../../../src/core/guards/sight.js'
import { scoredEvidence } from '../../../src/core/learn/scored-evidence.js'
import { thresholdInForce } from '../../../src/core/learn/threshold-in-force.js'
import { barOf } from '../../../src/core/stats/error-budget.js'
import { memoryFold, outcomeOf, LEAF, policyWith } from './memory-fold.js'

// Evidence, certificate and guards under the score "tokens".

const OF_BUDGETS = { score: 'tokens' } as const
const LENGTH = 1000
const RIGHT_FROM = 200

/** A full run of 1000 tokens whose probed answer is right from 200 tokens on, or with `lost` only at the end. */
function control (lost = false) {
  const steps = [...BUDGETS].reverse().filter((count) => count <= LENGTH).map((tokens, i) =>
    ({ tokens, confidence: null, exact_match: tokens >= RIGHT_FROM && !lost ? 1 as const : 0 as const, asked_tokens: 12 * (i + 1) }))
  return outcomeOf({ tokens: LENGTH, steps, asked_tokens: 12 * steps.length, probe_tokens: 12 * steps.length })
}

const treated = (overrides: object = {}) => outcomeOf({ arm: 'treated', steps: null, steps_asked: 1, tokens: 300, budget_tokens: 256, u: 0.9, ...overrides })

function certified (patch = {}) {
  const fold = memoryFold({ ...OF_BUDGETS, ...patch })
  fold.learn(control(), 0, 600)
  return fold
}

t.test('the smallest budget that loses nothing is certified, at no cost of probes', async (t) => {
  const fold = certified()
  const { threshold } = thresholdInForce(fold, LEAF, 0)
  t.equal(threshold, 203, 'the smallest budget of 200 tokens or more')
  t.equal(scoredEvidence(fold.state(), policyWith(OF_BUDGETS), fold.predictors).grid, BUDGETS)
  const lossy = memoryFold(OF_BUDGETS)
  for (let i = 0; i < 10; i++) { lossy.learn(control(), 1000 * i, 90); lossy.learn(control(true), 1000 * i, 10) }
  t.ok((thresholdInForce(lossy, LEAF, 0).threshold ?? Infinity) > LENGTH, 'no budget that loses a tenth of the answers')
})

t.test('only stops that are drawn for a probe are compared', async (t) => {
  const fold = certified()
  for (let i = 0; i < 300; i++) fold.learn(treated({ generation_id: `t${i}`, stopped: true, hash: 0.05 + i / 1000 }), 2000 + i)
  t.notOk(isBlind(fold.state().guards.sight), 'stops without a probe are no blindness')
  t.match(fold.state().guards, { fidelity: { generations: 0, stops: 0 }, stops: { probed: 0, other: 0, unprobed: 300, refused: 0 } })

  const probe = { tokens: 256, agreement: 1 as const, exact_match: 1 as const }
  fold.learn(treated({ generation_id: 'd', stopped: true, hash: 0.01, stopped_probe: probe }), 3000)
  fold.learn(treated({ generation_id: 'e', hash: 0.01, tokens: 90 }), 3001)
  t.match(fold.state().guards, { fidelity: { generations: 2, stops: 1 }, stops: { probed: 1 } })
  t.equal(fidelityRatio(fold.state().guards.fidelity), 1)

  for (let i = 0; i < 64; i++) fold.learn(treated({ generation_id: `u${i}`, stopped: true, hash: 0.02 }), 4000 + i)
  t.ok(isBlind(fold.state().guards.sight), 'drawn stops that come without their probe are')
})

t.test('a native ending that answers worse than the probes is a breach', async (t) => {
  const fold = certified()
  let n = 0
  const probe = { tokens: 256, agreement: 0 as const, exact_match: 1 as const }
  while (fold.state().guards.breaches === 0 && n < 500) {
    fold.learn(treated({ generation_id: `t${n}`, stopped: true, hash: 0.01, stopped_probe: probe, full: { exact_match: n % 4 === 0 ? 0 : 1 } }), 2000 + n)
    n++
  }
  t.ok(n < 500, `found after ${n} drawn stops that lose a quarter`)
  t.equal(thresholdInForce(fold, LEAF, 0).threshold, null)
})

t.test('savings count every treated generation, since it says which budget it had', async (t) => {
  const fold = certified()
  const before = fold.state().savings
  fold.learn(treated({ stopped: true, hash: 0.5 }), 2000)
  t.not(JSON.stringify(fold.state().savings), JSON.stringify(before))
})

t.test('a loop ends at every threshold, so the certificate counts what ending it costs', async (t) => {
  const looping = outcomeOf({ tokens: 1000, steps: [{ tokens: 600, confidence: null, repeats: true, exact_match: 0 }] })
  const fold = memoryFold()
  fold.learn(looping, 0, 300)
  t.equal(thresholdInForce(fold, LEAF, 0).threshold, null, 'ending them loses every answer')
  const harmless = memoryFold()
  harmless.learn(outcomeOf({ ...looping, full: { exact_match: 0 } }), 0, 400)
  t.not(thresholdInForce(harmless, LEAF, 0).threshold, null)
})

t.test('a bound that is changed later is tested at the level of 37 budgets', async (t) => {
  const fold = certified()
  t.equal(barOf(fold.state().epoch, policyWith({ ...OF_BUDGETS, max_em_drop: 0.05 })), Math.log(37 * 20))
})
