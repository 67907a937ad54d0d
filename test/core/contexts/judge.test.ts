import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { allTested } from '../../../src/core/certificate/tested-evidence.js'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { servedDifference } from '../../../src/core/certificate/fidelity.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { evidenceTermsOf } from '../../../src/core/contexts/context-state.js'
import { barOf, isPostHoc } from '../../../src/core/contexts/scored-evidence.js'
import { freezeGuarantee, isCurrent, judge, judgeAfresh } from '../../../src/core/contexts/judge.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { writeState } from '../../../src/core/reducer/fold.js'
import type { LogEntry } from '../../../src/core/reducer/log-entry.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { holds } from '../../property.js'
import { EMPTY_GRID, evidenceWith } from '../certificate/random-evidence.js'
import { GUARANTEE, PREDICTOR } from '../decide/snapshot-of.js'
import { FIRST, GAINED, KEPT, LEAF, losslessGenerations, LOST, memoryFold, outcomeOf, policyWith, SURE_STEP } from '../reducer/memory-fold.js'

const levels = ['model', 'task']
const NONE = new Map()
const OPEN = { evidence: NO_EVIDENCE, unaccounted: 0 }

const stateOf = (kept: number, ...others: LogEntry[]) => stateUnder({}, kept, ...others)

function stateUnder (policy: PolicyPatch, kept: number, ...others: LogEntry[]) {
  const fold = memoryFold(policy)
  fold.learn(KEPT, 0, kept)
  for (const other of others) fold.learn(other)
  return fold.state()
}

t.test('a context is certified once its evidence reaches 1/error_level', async (t) => {
  t.equal(judge(stateOf(FIRST - 1), policyWith(), levels, NONE).index, -1)
  t.equal(judge(stateOf(FIRST), policyWith(), levels, NONE).index, GRID.length - 1)
  t.strictSame(judge(undefined, policyWith(), levels, NONE), { index: -1, threshold: null, guarantee: null })
})

t.test('the guarantee states the evidence behind it', async (t) => {
  const state = stateOf(796, LOST, LOST, LOST, GAINED)
  const { guarantee } = judgeAfresh(state, policyWith(), levels, NONE)
  t.strictSame(guarantee, {
    max_em_drop: 0.02,
    error_level: 0.05,
    post_hoc: false,
    label: 'exact_match',
    about: 'exact match',
    as_judged: false,
    follow_up_ratio: 1,
    cancelled_ratio: 0,
    on_arrival: false,
    scope: 'context',
    generations: 800,
    em_drop: 0.0025,
    stops: 0,
    fidelity: null,
    served_em_drop: null,
    served_em_drop_high: null,
    total_em_drop_bound: null,
    breach: 'fidelity',
    tokens_saved_ratio: 0.6,
    tokens_saved_gross_ratio: 0.6,
    epoch: 1,
    since_step: null,
  })
  t.equal(judgeAfresh(stateOf(FIRST), policyWith(), levels, NONE).threshold, GRID.at(-1))
})

t.test('the guarantee bounds full runs against served answers by the sum of both bounds, where stops show their probes', async (t) => {
  const state = stateOf(FIRST)
  const fidelity = { ...state.fidelity, generations: 1000, stops: 1000, equal: 990, lost: 10 }
  const { high } = servedDifference(fidelity, 0.05)!
  const { guarantee } = judgeAfresh({ ...state, fidelity }, policyWith(), levels, NONE)
  t.match(guarantee, { stops: 1000, fidelity: 0.99, served_em_drop: 0.01, served_em_drop_high: high, total_em_drop_bound: 0.02 + high })
  const gaining = { ...fidelity, equal: 0, lost: 0, gained: 1000 }
  t.equal(judgeAfresh({ ...state, fidelity: gaining }, policyWith(), levels, NONE).guarantee!.total_em_drop_bound, 0.02, 'gains do not raise the bound of the other part')
})

t.test('a hold after a breach leaves nothing certified, also under a policy that is not folded yet', async (t) => {
  const state = { ...stateOf(FIRST), hold: { breaches: 1, until: 5, is_over: false } }
  for (const policy of [policyWith(), policyWith({ max_em_drop: 0.05 })]) t.equal(judgeAfresh(state, policy, levels, NONE).index, -1)
})

t.test('losses at a loose threshold do not affect safer ones', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf({ steps: [{ tokens: 20, confidence: GRID[12]!, exact_match: 0 }, SURE_STEP] }), 0, 40)
  fold.learn(KEPT, 0, 300)
  t.equal(judge(fold.state(), policyWith(), levels, NONE).index, 11)
})

t.test('a guarantee requested after the first evidence must reach 30/error_level', async (t) => {
  const state = stateOf(FIRST)
  const looser = policyWith({ max_em_drop: 0.03 })
  t.ok(isPostHoc(state, looser))
  t.ok(isPostHoc(state, policyWith({ error_level: 0.1 })))
  t.notOk(isPostHoc(state, policyWith({ mode: 'shadow' })))
  t.equal(barOf(state, looser), Math.log(600))
  t.equal(barOf(state, policyWith()), Math.log(20))

  const needed = losslessGenerations(0.03, 0.05 / 30)
  t.ok(needed > FIRST && losslessGenerations(0.03, 0.05) < FIRST, 'stated in time, the looser wish would be met by now')
  t.equal(judge(stateOf(needed - 1), looser, levels, NONE).index, -1)
  t.match(judge(stateOf(needed), looser, levels, NONE), { index: GRID.length - 1, guarantee: { post_hoc: true, max_em_drop: 0.03 } })
  t.match(judge(stateOf(needed), policyWith(), levels, NONE), { guarantee: { post_hoc: false } }, 'the first wish still stands')
})

t.test('evidence gathered under another meaning certifies nothing', async (t) => {
  const state = stateOf(1000)
  for (const change of [{ label: 'agreement' }, { evidence_span_seconds: 60 }, { min_tokens: 1 }, { check_every_tokens: 64 }] as const) {
    t.equal(judge(state, policyWith(change), levels, NONE).index, -1, JSON.stringify(change))
    t.notOk(isCurrent(state, policyWith(change), levels, NONE))
  }
  t.equal(judge(state, policyWith(), ['task', 'model'], NONE).index, -1, 'other levels')
  t.equal(judge({ ...state, meaning: { ...state.meaning, score: 'predictor' } }, policyWith(), levels, NONE).index, -1, 'another score')
  t.ok(judge(state, policyWith(), levels, NONE).index > -1)
})

t.test('the learner\'s judgement holds until a policy or predictor changes that it has not folded', async (t) => {
  const state = stateOf(1000)
  const looser = { ...state, threshold_index: 3, threshold: GRID[3]! } // as if it had reasons
  t.match(judge(looser, policyWith({ mode: 'shadow' }), levels, NONE), { index: 3, threshold: GRID[3] })
  t.match(judge(looser, policyWith({ max_em_drop: 0.05 }), levels, NONE), { index: GRID.length - 1 })
  t.match(judge({ ...looser, judged_by: undefined }, policyWith(), levels, NONE), { index: GRID.length - 1 }, 'of before terms were kept')
  const meaning = evidenceTermsOf(policyWith({ score: 'p' }), levels, new Map([['p', PREDICTOR]]))
  const scored = { ...looser, meaning }
  t.match(judge(scored, policyWith({ score: 'p' }), levels, new Map([['p', PREDICTOR]])), { index: 3 })
  t.match(judge(scored, policyWith({ score: 'p' }), levels, NONE), { index: -1 }, 'the predictor is gone')
})

t.test('the guarantee is frozen until its terms change, or its evidence or the stops grow by a tenth', async (t) => {
  const now = (change: Partial<typeof GUARANTEE>) => ({ ...GUARANTEE, em_drop: 0.01, ...change })
  const isFrozen = (change: Partial<typeof GUARANTEE>) => freezeGuarantee(GUARANTEE, now(change)) === GUARANTEE
  t.ok(isFrozen({ generations: 300 }))
  t.ok(isFrozen({ generations: 329 }))
  t.notOk(isFrozen({ generations: 330 }))
  t.notOk(isFrozen({ generations: 299 }))
  t.notOk(isFrozen({ stops: 1 }), 'the first stop')
  t.notOk(isFrozen({ breach: 'unobservable' }))
  for (const change of [{ max_em_drop: 0.03 }, { error_level: 0.1 }, { post_hoc: true }, { epoch: 2 }, { since_step: 4 }]) {
    t.notOk(isFrozen(change), JSON.stringify(change))
  }
  t.equal(freezeGuarantee(GUARANTEE, null), null)
  t.equal(freezeGuarantee(null, GUARANTEE), GUARANTEE)
})

t.test('replicas show the learner\'s guarantee unless a policy not folded yet changes its terms', async (t) => {
  const fold = memoryFold()
  for (const generations of [950, 50]) fold.learn(KEPT, 0, generations)
  const state = fold.state()
  const { generations } = state.guarantee!
  t.ok(generations < 1000 && 1.1 * generations > 1000, `of ${generations} generations, not a tenth ago`)
  t.equal(judge(state, policyWith(), levels, NONE).guarantee, state.guarantee)
  t.match(judge(state, policyWith({ max_em_drop: 0.03 }), levels, NONE).guarantee, { max_em_drop: 0.03, post_hoc: true, generations: 1000 })
})

/** Losses and gains that grow with the savings, as those of a scorer do, with some noise. */
const counted = fc.record({
  generations: fc.integer({ min: 200, max: 3000 }),
  lost: fc.array(fc.nat({ max: 3 }), { minLength: 30, maxLength: 30 }),
  gained: fc.array(fc.nat({ max: 2 }), { minLength: 30, maxLength: 30 }),
  saved: fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 30, maxLength: 30 }),
}).map(({ generations, lost, gained, saved }) => {
  const summed = (steps: readonly number[]) => steps.map((_, k) => steps.slice(0, k + 1).reduce((a, b) => a + b))
  return evidenceWith(generations, summed(lost), saved.toSorted((a, b) => a - b).map((share) => share / 1000), summed(gained))
})

const LEARNED = (() => {
  const fold = memoryFold()
  fold.learn(KEPT)
  return fold
})()

t.test('replicas have the learner\'s threshold, whichever one was in force', async (t) => {
  let moved = 0
  holds(t, fc.property(counted, fc.integer({ min: -1, max: 29 }), (evidence, inForce) => {
    const fold = memoryFold()
    const policy = policyWith({ max_em_drop: 0.05 })
    const { max_em_drop, error_level } = policy
    const requested = { max_em_drop, error_level }
    const before = { threshold_index: inForce, threshold: GRID[inForce] ?? null }
    fold.set(LEAF, { ...LEARNED.state(), requested, evidence, tested: allTested(evidence), ...before })
    writeState(fold, LEAF, fold.get(LEAF)!, { policy, time: 1, cause: 'evidence', mayMove: true })
    const learned = reviveState(JSON.parse(encodeState(fold.get(LEAF)!)))
    const { threshold_index: index, threshold, guarantee } = learned
    assert.deepEqual(judge(learned, policy, levels, NONE), { index, threshold, guarantee })
    if (index !== inForce) moved++
  }), Number(process.env.DRAWN_STATES ?? 2000))
  t.ok(moved > 100, `${moved} moved`)
})

t.test('a context whose probes cost more tokens than stopping saves never stops', async (t) => {
  const policy = policyWith()
  const probing = (tokens: number) => {
    const evidence = { ...evidenceWith(1000, EMPTY_GRID, GRID.map(() => 0.6), EMPTY_GRID), probe_tokens: GRID.map(() => 1000 * tokens) }
    return { ...stateOf(FIRST), evidence, open: OPEN }
  }
  t.equal(judgeAfresh(probing(599), policy, levels, NONE).index, GRID.length - 1, '600 of 1,000 tokens are saved, and 599 spent on probes')
  t.equal(judgeAfresh(probing(601), policy, levels, NONE).index, -1)
})
