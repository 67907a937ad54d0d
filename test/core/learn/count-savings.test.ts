import t from 'tap'
import { NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { hoursOf } from '../../../src/core/stats/savings-history.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { certifiedFold } from './enrolled-fold.js'
import { CHAIN, FIRST, KEPT, LEAF, memoryFold, outcomeOf, SLICE, SURE_STEP } from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early } from './predictor-fold.js'
import { changed } from '../../changed-state.js'

const RATE = 0.25 // one control generation stands for three treated ones
const STOPPED = outcomeOf({ arm: 'treated', u: 0.9, stopped: true, tokens: 55, answer_tokens: 10, steps: null })

/** A fold with a certificate for the loosest threshold; its generations cross at 40 of 100 tokens. */
function stoppingFold (policy: PolicyPatch = {}) {
  const fold = memoryFold({ control_rate: RATE, ...policy })
  fold.learn(KEPT, 0, FIRST)
  return fold
}

t.test('a treated generation counts with the tokens that it used after its crossing', async (t) => {
  for (const [name, changes, tokens] of [
    ['its answer, if it does not report the probe', {}, 10],
    ['everything after the prefix that was probed', { stopped_probe: { tokens: 32 } }, 23],
    ['none, if it was not stopped', { stopped: false, tokens: 100 }, 0],
  ] as const) {
    const fold = stoppingFold()
    fold.learn({ ...STOPPED, ...changes })
    for (const key of CHAIN) t.match(fold.state(key).savings.sums.treated, { generations: 1, tokens }, `${name}: ${key}`)
  }
})

t.test('a treated generation that was not asked to its end, since nothing was in force when it began, does not count', async (t) => {
  const fold = stoppingFold()
  const ran = { ...STOPPED, stopped: false, tokens: 100 }
  for (const steps_asked of [0, 1]) fold.learn({ ...ran, steps_asked })
  t.equal(fold.state().savings.sums.treated.generations, 0)
  t.equal(fold.state().guards.fidelity.generations, 0)
  fold.learn({ ...ran, steps_asked: 3 })
  fold.learn({ ...ran, tokens: 40, steps_asked: 1 }) // it ended before its second check
  t.equal(fold.state().savings.sums.treated.generations, 2)
  t.equal(fold.state().guards.fidelity.generations, 2)
})

t.test('the root keeps the savings of the fleet by hour, over all epochs', async (t) => {
  const [hour, day] = [3_600_000, 86_400_000]
  const fold = stoppingFold()
  const crossing = outcomeOf({ steps: [SURE_STEP], tokens: 100, u: 0.1 })
  fold.learn(STOPPED, hour, 30)
  fold.learn(crossing, hour, 10)
  fold.learn(outcomeOf({ probe_tokens: 20 }), day + SLICE)
  const { savings: { history } } = fold.state('*')
  // 30 treated generations, full runs of 60 tokens after the crossing, 10 of which the answers used: 30 x 60 - 300.
  t.match(history!.hours.at(-1), { at: hour, tokens_saved: 1500, tokens: 30 * 55 + 10 * 100 })
  t.match(hoursOf(history!, fold.state('*').savings).at(-1), { at: day, tokens_saved: -20 })
  t.notOk(CHAIN.filter((key) => key !== '*').some((key) => fold.state(key).savings.history !== undefined))
})

t.test('net savings are taken day by day', async (t) => {
  const day = 86_400_000
  const fold = memoryFold()
  fold.learn(outcomeOf({ probe_tokens: 5 }), 1000, 10)
  t.equal(fold.state().savings.day.net, null)
  fold.learn(outcomeOf({ probe_tokens: 5 }), 1000 + day + SLICE)
  t.match(fold.state(), { savings: { day: { net: -55, since: 1000 + day }, probe_tokens: 55 } })
  fold.learn(outcomeOf({ probe_tokens: 1 }), 1000 + 2 * day + SLICE)
  t.equal(fold.state().savings.day.net, -1)
  t.same(fold.state().savings.sums, NO_SAVINGS)
})

t.test('the net savings of a day are unknown if a threshold was in force whose stops are not counted', async (t) => {
  const day = 86_400_000
  for (const mode of ['shadow', 'enforce'] as const) {
    const fold = memoryFold({ mode })
    fold.learn(outcomeOf({ probe_tokens: 5 }), 1000)
    const pin = { threshold: 0.9, reason: 'test', by: 'ops', expires_at: 2000 }
    fold.learn({ type: 'pin', key: LEAF, pin, by: 'ops', reason: 'test' }, 1000)
    fold.learn(STOPPED, 1500)
    fold.learn(outcomeOf({ probe_tokens: 5 }), 1000 + day + SLICE)
    t.equal(fold.state().savings.day.net, null, mode)
    fold.learn(outcomeOf({ probe_tokens: 5 }), 1000 + 2 * day + SLICE)
    t.equal(fold.state().savings.day.net, -5, `${mode}, the day after`)
  }
})

t.test('a control generation counts with its tokens after the crossing, and its weight', async (t) => {
  const fold = stoppingFold()
  t.equal(fold.state().savings.sums, NO_SAVINGS, 'those drawn at a share of 1 stand for nobody')
  fold.learn(KEPT)
  for (const key of CHAIN) t.match(fold.state(key).savings.sums.control, { samples: 3, tokens: 3 * 60 }, key)
  fold.learn(outcomeOf({ steps: [{ ...SURE_STEP, confidence: 0.1 }] }))
  t.match(fold.state().savings.sums.control, { samples: 6, tokens: 3 * 60 }, 'it never crossed')
})

t.test('shadow, cancelled, incomplete and pinned generations add no savings', async (t) => {
  for (const [name, policy, outcome] of [
    ['treated in shadow mode', { mode: 'shadow' }, STOPPED],
    ['control in shadow mode', { mode: 'shadow' }, KEPT],
    ['a cancelled treated generation', {}, outcomeOf({ arm: 'treated', u: 0.9, cancelled: true, steps: null })],
    ['a cancelled control generation', {}, outcomeOf({ cancelled: true })],
    ['a control generation with missing steps', {}, outcomeOf({ steps_complete: false })],
    ['a control generation without steps', {}, outcomeOf({ steps: null })],
    ['a control generation drawn at a larger share', {}, outcomeOf({ u: 0.6 })],
  ] as const) {
    const fold = stoppingFold(policy)
    fold.learn(outcome)
    t.same(fold.state().savings.sums, NO_SAVINGS, name)
  }
  const pinned = stoppingFold()
  pinned.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.9, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' })
  for (const outcome of [STOPPED, KEPT]) pinned.learn(outcome)
  t.same(pinned.state().savings.sums, NO_SAVINGS, 'under a pin')
})

t.test('an enrolled group counts at the share at which it was drawn, with its samples as one unit', async (t) => {
  const fold = certifiedFold({ control_rate: RATE })
  const { time } = fold
  fold.enrol([0.1], time)
  fold.set(LEAF, changed(fold.state(), { rule: { control_share: 0.02 } }))
  for (const [i, tokens] of [100, 60].entries()) {
    fold.report(0.1, time + 1000, { generation_id: `sample-${i}`, sample_index: i, samples: 2, tokens, arm: 'control' })
  }
  t.match(fold.state().savings.sums.control, {
    samples: 6, tokens: 3 * 80, weighted: { nn: 3 * 4, nt: 3 * 160, tt: 3 * 80 ** 2 }, squared: { tt: 9 * 80 ** 2 },
  })
  fold.report(0.1, time + 1000, { generation_id: 'again', sample_index: 1, samples: 2, arm: 'control' })
  t.equal(fold.state().savings.sums.control.samples, 6, 'a retried sample counts once')
})

t.test('where a part of the generations is enrolled, each control one stands for more treated ones', async (t) => {
  const fold = certifiedFold({ control_rate: RATE })
  fold.learn({ type: 'policy', key: LEAF, policy: { label_rate: 0.2 }, by: 'ops' }, fold.time)
  fold.enrol([0.1], fold.time)
  fold.report(0.1, fold.time + 1000, { arm: 'control' })
  for (const key of CHAIN) t.match(fold.state(key).savings.sums.control, { samples: 15, tokens: 15 * 60 }, key)
})

t.test('savings go on when the epoch ends', async (t) => {
  const fold = stoppingFold()
  fold.learn(STOPPED)
  const { savings: { sums: savings } } = fold.state()
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'r' })
  t.match(fold.state(), { epoch: { number: 2 }, savings: { sums: savings } })
})

t.test('where a predictor is the score, it decides where a control generation crosses', async (t) => {
  const fold = memoryFold({ control_rate: RATE, score: 'p' })
  addPredictor(fold, { ...BY_SIGNAL, trained: { ...BY_SIGNAL.trained, groups: [0.02] } })
  fold.learn(early(), 2, FIRST)
  t.not(fold.state().rule.threshold, null)
  const { samples, tokens } = fold.state().savings.sums.control
  fold.learn(early(), 2)
  t.match(fold.state().savings.sums.control, { samples: samples + 3, tokens: tokens + 3 * 90 })
  fold.learn(early({ u: 0.02 }), 2)
  t.equal(fold.state().savings.sums.control.samples, samples + 3, 'it was trained on that one')
})
