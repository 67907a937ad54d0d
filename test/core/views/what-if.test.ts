import t from 'tap'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { commandEffects } from '../../../src/core/views/command-effect.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { ANSWERABLE_FIELDS, UNANSWERABLE_FIELDS, whatIf } from '../../../src/core/views/what-if.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf, policyWith, SURE_STEP, type MemoryFold } from '../learn/memory-fold.js'
import { addPredictor, BY_SIGNAL, early, FIRST_CHALLENGER } from '../learn/trial-fold.js'

const levels = ['model', 'task']

t.test('a what-if query judges the same evidence for another guarantee, at the bar that would really apply', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const now = whatIf(fold.state(), policyWith(), levels, new Map())
  t.match(now, { post_hoc: false, threshold: 0.11920292202211755, tokens_saved_ratio: 0.6, generations: FIRST })
  for (const wish of [{ max_em_drop: 0.01 }, { max_em_drop: 0.03 }, { max_em_drop: 0.1 }, { error_level: 0.2 }, { error_level: 0.01 }]) {
    const answer = whatIf(fold.state(), policyWith(wish), levels, new Map())
    const real = memoryFold()
    real.learn(KEPT, 0, FIRST)
    real.learn({ type: 'policy', key: LEAF, policy: wish, by: 'test' } as never)
    t.ok(answer.post_hoc)
    t.equal(answer.threshold === null, real.state().threshold_index === -1, `${JSON.stringify(wish)}: ${answer.threshold}`)
    if (answer.threshold !== null) continue
    real.learn(KEPT, 0, answer.generations_to_next_certificate! - 1)
    t.equal(real.state().threshold_index, -1, 'one generation fewer is not enough')
    real.learn(KEPT, 0, 1)
    t.not(real.state().threshold_index, -1, `after ${answer.generations_to_next_certificate} more it is`)
  }
})

/** Asks what if, then lets the policy say so. */
function askedAndDone (fold: MemoryFold, defaults: PolicyPatch, wish: PolicyPatch) {
  const answer = whatIf(fold.state(), policyWith({ ...defaults, ...wish }), levels, fold.predictors)
  fold.learn({ type: 'policy', key: LEAF, policy: wish, by: 'test' } as never)
  return { answer, real: fold.state() }
}

t.test('without predictors, the raw confidence is judged at the whole level, as requested after looking', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(early(), 1)
  addPredictor(fold, BY_SIGNAL)
  fold.learn(early(), 2, FIRST_CHALLENGER + 10)
  t.equal(fold.state().serving, BY_SIGNAL.name, 'the predictor serves')
  const { answer, real } = askedAndDone(fold, { predictor: 'auto' }, { predictor: 'off' })
  t.match(answer, { predictor: 'off', score: 'confidence', post_hoc: true })
  t.equal(real.serving, null)
  t.equal(answer.threshold, real.threshold)
})

/** Loose thresholds stop it earlier, and wrongly. */
const HASTY = outcomeOf({ steps: [{ tokens: 10, confidence: 0.5, exact_match: 0 }, SURE_STEP] })

/** One in 150 is lost at loose thresholds; in turns, or it would be a drift. */
function oftenHasty (): MemoryFold {
  const fold = memoryFold()
  for (let i = 0; i < 20; i++) {
    fold.learn(KEPT, 0, 150)
    fold.learn(HASTY)
  }
  return fold
}

t.test('with prices, the certified threshold with the highest utility is chosen', async (t) => {
  const fold = oftenHasty()
  const before = whatIf(fold.state(), policyWith(), levels, new Map())
  t.match(before, { expected_utility: null, em_per_token_percent: null, unfavourable_from: null, value_of_em: null })
  t.ok(before.em_drop! > 0, 'the loosest threshold loses EM')
  const { answer, real } = askedAndDone(fold, {}, { value_of_em: 1, price_per_1k_tokens: 0.1 })
  t.ok(answer.threshold! > before.threshold!, 'a safer threshold is chosen')
  t.equal(answer.threshold, real.threshold)
  t.match(answer, { post_hoc: false, em_drop: 0, value_of_em: 1, price_per_1k_tokens: 0.1 })
  t.ok(Math.abs(answer.expected_utility! - 0.1 * 100 * answer.tokens_saved_ratio / 1000) < 1e-12, 'no EM is lost, so the utility is that of the tokens')
  t.equal(answer.unfavourable_from?.threshold, answer.threshold, 'beyond it tokens cost more EM than the prices allow')
})

t.test('a price per percent of tokens sets the turning point and leaves the threshold unchanged', async (t) => {
  const fold = oftenHasty()
  const ask = (allowed: number) => whatIf(fold.state(), policyWith({ em_per_token_percent: allowed }), levels, new Map())
  t.equal(ask(0.0001).threshold, ask(0.5).threshold)
  t.match(ask(0.0001), { em_per_token_percent: 0.0001, unfavourable_from: { rest: { estimate: Number } } })
  t.equal(ask(0.5).unfavourable_from, null)
})

t.test('before the first slice ends, a reported outcome makes another request post hoc, in a dry run and in what-if alike', async (t) => {
  const opened = openEpoch(undefined, 'first_enrolment', policyWith(), levels, { time: 0, name: '0-1' })
  for (const reported of [0, 1]) {
    const state = { ...opened, follow_up: { ...opened.follow_up, reported } }
    const inputs = { levels, defaultPolicy: policyWith(), policies: new Map(), pins: new Map(), predictors: new Map() }
    const loaded = { ...inputs, states: new Map([[LEAF, state]]) }
    const [dry] = commandEffects(loaded, { type: 'policy', key: LEAF, policy: { max_em_drop: 0.05 }, by: 'test' }, [LEAF], 0)
    const answer = whatIf(state, policyWith({ max_em_drop: 0.05 }), levels, new Map())
    t.equal(answer.post_hoc, reported > 0)
    t.equal(answer.post_hoc, dry!.post_hoc)
    t.equal(answer.generations_to_next_certificate, reported > 0 ? 148 : 73)
  }
})

t.test('every policy field can either be queried or is refused with a reason', async (t) => {
  t.same([...ANSWERABLE_FIELDS, ...Object.keys(UNANSWERABLE_FIELDS)].sort(), Object.keys(DEFAULT_POLICY).sort())
})
