import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { servedDifference } from '../../../src/core/guards/fidelity.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { barOf, isPostHoc, requestOf } from '../../../src/core/stats/error-budget.js'
import { evidenceTermsOf } from '../../../src/core/learn/epoch.js'
import { freezeGuarantee } from '../../../src/core/learn/guarantee.js'
import { isCurrent, judge, judgeAfresh } from '../../../src/core/learn/judge.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { writeState } from '../../../src/core/learn/write-state.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { holds, numRuns } from '../../property.js'
import { EMPTY_GRID, evidenceWith } from '../stats/random-evidence.js'
import { GUARANTEE, PREDICTOR } from '../decide/snapshot-of.js'
import { FIRST, GAINED, KEPT, LEAF, losslessGenerations, LOST, memoryFold, outcomeOf, policyWith, SURE_STEP } from './memory-fold.js'
import { changed } from '../../changed-state.js'

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
    total_error_level: 0.05,
    post_hoc: false,
    about: 'exact match',
    as_judged: false,
    since: state.epoch.started_at,
    until: state.evidence.last_at,
    units: 800,
    cancelled_ratio: 0,
    total_em_drop_bound: null,
    since_step: null,
  })
  t.equal(judgeAfresh(stateOf(FIRST), policyWith(), levels, NONE).threshold, GRID.at(-1))
})

t.test('the guarantee bounds full runs against served answers by the sum of both bounds, where stops show their probes', async (t) => {
  const state = stateOf(FIRST)
  const fidelity = { ...state.guards.fidelity, generations: 1000, stops: 1000, equal: 990, lost: 10 }
  const { high } = servedDifference(fidelity, 0.05)!
  const { guarantee } = judgeAfresh(changed(state, { guards: { fidelity } }), policyWith(), levels, NONE)
  t.match(guarantee, { total_em_drop_bound: 0.02 + high })
  const gaining = { ...fidelity, equal: 0, lost: 0, gained: 1000 }
  t.equal(judgeAfresh(changed(state, { guards: { fidelity: gaining } }), policyWith(), levels, NONE).guarantee!.total_em_drop_bound, 0.02, 'gains do not raise the bound of the other part')
})

t.test('a hold after a breach leaves nothing certified, also under a policy that is not folded yet', async (t) => {
  const state = changed(stateOf(FIRST), { guards: { hold: { breaches: 1, until: 5, is_over: false } } })
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
  t.ok(isPostHoc(state.epoch, looser))
  t.ok(isPostHoc(state.epoch, policyWith({ error_level: 0.1 })))
  t.notOk(isPostHoc(state.epoch, policyWith({ mode: 'shadow' })))
  t.equal(barOf(state.epoch, looser), Math.log(600))
  t.equal(barOf(state.epoch, policyWith()), Math.log(20))

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
  t.equal(judge(changed(state, { epoch: { meaning: { ...state.epoch.meaning, score: 'predictor' } } }), policyWith(), levels, NONE).index, -1, 'another score')
  t.ok(judge(state, policyWith(), levels, NONE).index > -1)
})

t.test('the learner\'s judgement holds until a policy or predictor changes that it has not folded', async (t) => {
  const state = stateOf(1000)
  const looser = changed(state, { rule: { index: 3, threshold: GRID[3]! } }) // as if it had reasons
  t.match(judge(looser, policyWith({ mode: 'shadow' }), levels, NONE), { index: 3, threshold: GRID[3] })
  t.match(judge(looser, policyWith({ max_em_drop: 0.05 }), levels, NONE), { index: GRID.length - 1 })
  t.match(judge(changed(looser, { rule: { judged_by: undefined } }), policyWith(), levels, NONE), { index: GRID.length - 1 }, 'from before terms were kept')
  const meaning = evidenceTermsOf(policyWith({ score: 'p' }), levels, new Map([['p', PREDICTOR]]))
  const scored = changed(looser, { epoch: { meaning } })
  t.match(judge(scored, policyWith({ score: 'p' }), levels, new Map([['p', PREDICTOR]])), { index: 3 })
  t.match(judge(scored, policyWith({ score: 'p' }), levels, NONE), { index: -1 }, 'the predictor is gone')
})

t.test('the guarantee is frozen until its terms change, its evidence grows by a tenth, or the loss of serving moves by a tenth', async (t) => {
  const now = (change: Partial<typeof GUARANTEE>) => ({ ...GUARANTEE, until: GUARANTEE.until + 1, ...change })
  const isFrozen = (change: Partial<typeof GUARANTEE>) => freezeGuarantee(GUARANTEE, now(change)) === GUARANTEE
  t.ok(isFrozen({ units: 300 }))
  t.ok(isFrozen({ units: 329 }))
  t.notOk(isFrozen({ units: 330 }))
  t.notOk(isFrozen({ units: 299 }))
  t.notOk(isFrozen({ total_em_drop_bound: 0.5 }), 'the first stop')
  const bounded = { ...GUARANTEE, total_em_drop_bound: 0.12 }
  for (const [bound, frozen] of [[0.12, true], [0.111, true], [0.129, true], [0.1, false], [0.14, false], [null, false]] as const) {
    t.equal(freezeGuarantee(bounded, now({ total_em_drop_bound: bound })) === bounded, frozen, String(bound))
  }
  for (const change of [{ max_em_drop: 0.03 }, { error_level: 0.1 }, { post_hoc: true }, { since: 2 }, { since_step: 4 }]) {
    t.notOk(isFrozen(change), JSON.stringify(change))
  }
  t.equal(freezeGuarantee(GUARANTEE, null), null)
  t.equal(freezeGuarantee(null, GUARANTEE), GUARANTEE)
})

t.test('replicas show the learner\'s guarantee unless a policy not folded yet changes its terms', async (t) => {
  const fold = memoryFold()
  for (const generations of [950, 50]) fold.learn(KEPT, 0, generations)
  const state = fold.state()
  const { units } = state.rule.guarantee!
  t.ok(units < 1000 && 1.1 * units > 1000, `of ${units} generations, not a tenth ago`)
  t.equal(judge(state, policyWith(), levels, NONE).guarantee, state.rule.guarantee)
  t.match(judge(state, policyWith({ max_em_drop: 0.03 }), levels, NONE).guarantee, { max_em_drop: 0.03, post_hoc: true, units: 1000 })
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
    const before = { index: inForce, threshold: GRID[inForce] ?? null }
    fold.set(LEAF, changed(LEARNED.state(), { epoch: { requested: requestOf(policy) }, evidence: { final: evidence }, rule: before }))
    writeState(fold, LEAF, fold.get(LEAF)!, { policy, time: 1, cause: 'evidence', mayMove: true })
    const learned = reviveState(JSON.parse(encodeState(fold.get(LEAF)!)))
    const { rule: { index, threshold, guarantee } } = learned
    assert.deepEqual(judge(learned, policy, levels, NONE), { index, threshold, guarantee })
    if (index !== inForce) moved++
  }), numRuns(700, 2000))
  t.ok(moved > 100, `${moved} moved`)
})

t.test('a context whose probes cost more tokens than stopping saves never stops', async (t) => {
  const policy = policyWith()
  const probing = (tokens: number) => {
    const evidence = { ...evidenceWith(1000, EMPTY_GRID, GRID.map(() => 0.6), EMPTY_GRID), probe_tokens: GRID.map(() => 1000 * tokens) }
    return changed(stateOf(FIRST), { evidence: { final: evidence, open: OPEN } })
  }
  t.equal(judgeAfresh(probing(599), policy, levels, NONE).index, GRID.length - 1, '600 of 1,000 tokens are saved, and 599 spent on probes')
  t.equal(judgeAfresh(probing(601), policy, levels, NONE).index, -1)
})
