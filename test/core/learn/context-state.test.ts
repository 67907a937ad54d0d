import t from 'tap'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { NO_DRIFT } from '../../../src/core/guards/drift.js'
import { FIRST_DISTANCE } from '../../../src/core/learn/check-distance.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { type ContextState, openEpoch, requestGuarantee } from '../../../src/core/learn/context-state.js'
import { type EvidenceTerms, evidenceTermsOf, haveSameEvidenceTerms } from '../../../src/core/learn/epoch.js'
import type { EpochCause } from '../../../src/core/stats/error-budget.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { countForName, type CountsByName } from '../../../src/core/evidence/counts-by-name.js'
import { addTreated, NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import type { LivePredictors } from '../../../src/core/scores/predictor-version.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { CHAIN, FIRST, KEPT, LOST, memoryFold, outcomeOf, policyWith } from './memory-fold.js'
import { changed } from '../../changed-state.js'

const levels = ['model', 'task']
const OPENING = { time: 0, name: '0-1' }

/** A context with something in every field. */
function livedIn (): ContextState {
  const fold = memoryFold()
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(LOST, 2000)
  return fold.state()
}

t.test('an epoch starts from zero', async (t) => {
  const before = livedIn()
  const after = openEpoch(before, { cause: 'reset', policy: policyWith(), levels, time: 5000, name: '5000-7' })
  t.equal(after.epoch.number, before.epoch.number + 1)
  t.equal(after.epoch.cause, 'reset')
  t.equal(after.epoch.started_at, 5000)
  t.equal(after.epoch.name, '5000-7', 'named by the entry that opened it, since counters repeat after a failover')
  t.match(after, { evidence: { open: { unaccounted: 0 }, certified: -1, log_evidence: null }, reports: { follow_up: NO_FOLLOW_UP } })
  t.equal(after.evidence.final, NO_EVIDENCE)
  t.strictSame(after.guards.drift, NO_DRIFT)
  t.equal(after.rule.index, -1)
  t.equal(after.rule.control_share, FIRST_SHARE, 'without a threshold traffic is unknown')
  t.equal(after.reports.generations, 0)
  for (const arm of ['control', 'treated'] as const) t.equal(after.guards.arms[arm].generations, 0, arm)
  t.equal(after.evidence.last_at, null)
  t.equal(openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith(), levels, ...OPENING }).epoch.number, 1)
})

t.test('only the sums of tokens saved continue over epochs', async (t) => {
  const savings = addTreated(NO_SAVINGS, 1234)
  t.equal(openEpoch(changed(livedIn(), { savings: { sums: savings } }), { cause: 'drift', policy: policyWith(), levels, ...OPENING }).savings.sums, savings)
})

t.test('the distance of checks continues, unless probes may take other tokens', async (t) => {
  const distance = { tokens: 128, generations: 4, checks: 40, probe_tokens: 640 }
  const before = changed(livedIn(), { probes: { distance } })
  const after = (cause: EpochCause) => openEpoch(before, { cause, policy: policyWith(), levels, ...OPENING }).probes.distance
  t.same(after('drift'), distance)
  for (const cause of ['reset', 'probe_form'] as const) t.equal(after(cause), FIRST_DISTANCE, cause)
})

t.test('evidence includes the reported units of open slices, but not the unreported ones', async (t) => {
  const state = livedIn()
  const open = { evidence: { ...NO_EVIDENCE, generations: 3 }, unaccounted: 5 }
  t.equal(knownEvidence(changed(state, { evidence: { open } }).evidence).generations, FIRST + 1 + 3)
})

t.test('each token has its own count up to the limit, the others share one', async (t) => {
  t.equal(countForName(undefined, undefined), undefined)
  let fedBy: CountsByName | undefined
  for (const by of ['a', 'constructor', 'a', undefined]) fedBy = countForName(fedBy, by)
  t.same(fedBy, { a: 2, constructor: 1 })
  for (let i = 0; i < 100; i++) fedBy = countForName(fedBy, `token-${i}`)
  fedBy = countForName(fedBy, 'a')
  t.equal(Object.keys(fedBy!).length, 33)
  t.match(fedBy, { a: 3, constructor: 1, 'token-29': 1, '*': 70 })
})

t.test('only control outcomes are counted by token, in the link that certifies, and an epoch starts from zero', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  t.equal(fold.state().reports.fed_by, undefined)
  fold.learn(outcomeOf({ by: 'a' }), 0, 2)
  fold.learn(outcomeOf({ by: 'a', arm: 'treated' }))
  fold.learn(outcomeOf({ by: 'b', u: 0.5 }))
  t.same(CHAIN.map((key) => fold.state(key).reports.fed_by), [undefined, undefined, { a: 2, b: 1 }])
  fold.learn({ type: 'reset', key: CHAIN[2]!, by: 'ops', reason: 'test' })
  t.equal(fold.state().reports.fed_by, undefined)
})

t.test('evidence means the same only under the same score, label, min_tokens, cadence and levels', async (t) => {
  const meaning = evidenceTermsOf(policyWith(), levels)
  t.strictSame(meaning, { score: 'confidence', score_fingerprint: null, label: 'exact_match', judge_miss_rate: null, judge_gain_share: 0, evidence_span_seconds: 1, min_tokens: 0, check_every_tokens: 32, check_growth: 0, levels: 'model,task' })
  t.ok(haveSameEvidenceTerms(meaning, evidenceTermsOf(policyWith({ max_em_drop: 0.1, error_level: 0.1, mode: 'off' }), levels)))
  const others: { [F in keyof EvidenceTerms]: unknown } = { score: 'predictor', score_fingerprint: 'abc', label: 'agreement', judge_miss_rate: 0.1, judge_gain_share: 0.5, evidence_span_seconds: 600, min_tokens: 1, check_every_tokens: 33, check_growth: 0.1, levels: 'task,model' }
  for (const [field, value] of Object.entries(others)) {
    t.notOk(haveSameEvidenceTerms(meaning, { ...meaning, [field]: value } as EvidenceTerms), field)
  }
  t.notOk(haveSameEvidenceTerms(meaning, evidenceTermsOf(policyWith(), ['task', 'model'])), 'the order of the levels is part of it')
})

const openedState = openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith(), levels: ['model', 'task'], time: 0, name: '0-1' })
const other = policyWith({ max_em_drop: 0.05 })

t.test('a request replaces the first one only before anything was reported', async (t) => {
  t.match(requestGuarantee(openedState, other).epoch.requested, { max_em_drop: 0.05 })
  for (const fate of ['reported', 'accounted', 'missing']) {
    const state = changed(openedState, { reports: { follow_up: { ...openedState.reports.follow_up, [fate]: 1 } } })
    t.match(requestGuarantee(state, other).epoch.requested, { max_em_drop: 0.02 }, fate)
  }
  const enrolling = changed(openedState, { evidence: { open: { evidence: NO_EVIDENCE, unaccounted: 1 } } })
  t.match(requestGuarantee(enrolling, other).epoch.requested, { max_em_drop: 0.02 })
})

t.test('an epoch has the grid of its score, and none where the predictor that its policy names is gone', async (t) => {
  const opened = (predictors?: LivePredictors) => openEpoch(undefined, { cause: 'reset', policy: policyWith({ score: 'p' }), levels, time: 0, name: '1-0', ...(predictors && { predictors }) })
  const live = new Map([['p', { ...PREDICTOR, grid: [0.9, 0.8] }]])
  t.match(opened(live), { evidence: { final: { lost: { length: 2 } } }, epoch: { meaning: { score: 'p', score_fingerprint: String } } })
  t.match(opened(), { evidence: { final: { lost: { length: 0 } } }, epoch: { meaning: { score: 'p', score_fingerprint: null } } })
  t.match(opened(new Map([['p', { ...PREDICTOR, label: 'agreement' as const }]])), { evidence: { final: { lost: { length: 0 } } } }, 'it is for another label')
})
