import t from 'tap'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import { addLost, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { FIRST_DISTANCE } from '../../../src/core/contexts/check-distance.js'
import {
  type ContextState, copyState, type EpochCause, evidenceOf, type EvidenceTerms, evidenceTermsOf,
  haveSameEvidenceTerms, lookShare, openEpoch, requestGuarantee, totalLookShare,
} from '../../../src/core/contexts/context-state.js'
import { countForName, type CountsByName } from '../../../src/core/contexts/counts-by-name.js'
import { addTreated, NO_SAVINGS } from '../../../src/core/contexts/savings.js'
import { NO_FOLLOW_UP } from '../../../src/core/contexts/follow-up-counts.js'
import { addUnlabelled } from '../../../src/core/contexts/label-losses.js'
import { addToMembership } from '../../../src/core/contexts/membership.js'
import { startHistory } from '../../../src/core/contexts/savings-history.js'
import { certificationTerms, DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import type { LivePredictors } from '../../../src/core/predictor/predictor-version.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { CHAIN, FIRST, KEPT, LOST, memoryFold, outcomeOf, policyWith } from '../reducer/memory-fold.js'
import { memberUnit } from './member-unit.js'

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
  const after = openEpoch(before, 'reset', policyWith(), levels, { time: 5000, name: '5000-7' })
  t.equal(after.epoch, before.epoch + 1)
  t.equal(after.epoch_cause, 'reset')
  t.equal(after.epoch_started_at, 5000)
  t.equal(after.epoch_name, '5000-7', 'named by the entry that opened it, since counters repeat after a failover')
  t.match(after, { open: { unaccounted: 0 }, certified: -1, log_evidence: null, follow_up: NO_FOLLOW_UP })
  t.equal(after.evidence, NO_EVIDENCE)
  t.strictSame(after.drift, NO_DRIFT)
  t.equal(after.threshold_index, -1)
  t.equal(after.control_share, 1, 'without a threshold all are control')
  t.equal(after.generations, 0)
  for (const arm of ['control', 'treated'] as const) t.equal(after.arms[arm].generations, 0, arm)
  t.equal(after.last_evidence_at, null)
  t.equal(openEpoch(undefined, 'first_enrolment', policyWith(), levels, OPENING).epoch, 1)
})

t.test('only the sums of tokens saved continue over epochs', async (t) => {
  const savings = addTreated(NO_SAVINGS, 1234)
  t.equal(openEpoch({ ...livedIn(), savings }, 'drift', policyWith(), levels, OPENING).savings, savings)
})

t.test('the distance of checks continues, unless probes may take other tokens', async (t) => {
  const check_distance = { tokens: 128, generations: 4, checks: 40, probe_tokens: 640 }
  const after = (cause: EpochCause) => openEpoch({ ...livedIn(), check_distance }, cause, policyWith(), levels, OPENING).check_distance
  t.same(after('drift'), check_distance)
  for (const cause of ['reset', 'probe_form'] as const) t.equal(after(cause), FIRST_DISTANCE, cause)
})

t.test('evidence includes the reported units of open slices, but not the unreported ones', async (t) => {
  const state = livedIn()
  const open = { evidence: addLost(NO_EVIDENCE, 3), unaccounted: 5 }
  t.equal(evidenceOf({ ...state, open }).generations, FIRST + 1 + 3)
})

const opened = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['model'], { time: 1000, name: '1000-1' })
const state: Required<ContextState> = { ...opened, judged_by: certificationTerms(DEFAULT_POLICY), label_sources: { math: 1 }, label_losses: addUnlabelled(undefined), fed_by: { alice: 2 }, checkpoint: { run: 'r', step: 7, expected: null }, membership: addToMembership(undefined, memberUnit()), savings_history: startHistory(opened, 1000) }

t.test('a copy has every field, in the same order', async (t) => {
  t.equal(JSON.stringify(copyState(state, {})), JSON.stringify(state))
  t.equal(JSON.stringify(copyState(opened, {})), JSON.stringify(opened), 'those that are absent are not written')
})

t.test('a copy has the changes, and the original does not', async (t) => {
  const before = JSON.stringify(state)
  const next = copyState(state, { generations: 5, fed_by: undefined })
  t.strictSame(next, { ...state, generations: 5, fed_by: undefined })
  t.equal(JSON.stringify(state), before)
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
  t.equal(fold.state().fed_by, undefined)
  fold.learn(outcomeOf({ by: 'a' }), 0, 2)
  fold.learn(outcomeOf({ by: 'a', arm: 'treated' }))
  fold.learn(outcomeOf({ by: 'b', u: 0.5 }))
  t.same(CHAIN.map((key) => fold.state(key).fed_by), [undefined, undefined, { a: 2, b: 1 }])
  fold.learn({ type: 'reset', key: CHAIN[2]!, by: 'ops', reason: 'test' })
  t.equal(fold.state().fed_by, undefined)
})

t.test('evidence means the same only under the same score, label, min_tokens, cadence and levels', async (t) => {
  const meaning = evidenceTermsOf(policyWith(), levels)
  t.strictSame(meaning, { score: 'confidence', score_fingerprint: null, label: 'exact_match', judge_miss_rate: null, judge_gain_share: 0, is_enrolled: true, evidence_span_seconds: 0, min_tokens: 0, check_every_tokens: 32, check_growth: 0, levels: 'model,task' })
  t.ok(haveSameEvidenceTerms(meaning, evidenceTermsOf(policyWith({ max_em_drop: 0.1, error_level: 0.1, mode: 'off' }), levels)))
  const others: { [F in keyof EvidenceTerms]: unknown } = { score: 'predictor', score_fingerprint: 'abc', label: 'agreement', judge_miss_rate: 0.1, judge_gain_share: 0.5, is_enrolled: false, evidence_span_seconds: 600, min_tokens: 1, check_every_tokens: 33, check_growth: 0.1, levels: 'task,model' }
  for (const [field, value] of Object.entries(others)) {
    t.notOk(haveSameEvidenceTerms(meaning, { ...meaning, [field]: value } as EvidenceTerms), field)
  }
  t.notOk(haveSameEvidenceTerms(meaning, evidenceTermsOf(policyWith(), ['task', 'model'])), 'the order of the levels is part of it')
})

t.test('where outcomes count on arrival, the span has no meaning', async (t) => {
  const of = (follow_up_seconds: number, evidence_span_seconds: number) =>
    evidenceTermsOf(policyWith({ follow_up_seconds, evidence_span_seconds }), levels).evidence_span_seconds
  t.strictSame([of(0, 0), of(0, 600), of(60, 600)], [0, 0, 600])
})

const AGE = 1000 * policyWith().max_evidence_age_seconds

type Opening = readonly [cause: EpochCause, time: number, reported?: number]

/** The epochs that such causes open, each with reports, at a time of the log. */
function epochsOf (...openings: readonly Opening[]): ContextState[] {
  let last: ContextState | undefined
  return openings.map(([cause, time, reported = 1]) => {
    const opened = openEpoch(last, cause, policyWith(), levels, { time, name: `${time}-1` })
    last = { ...opened, follow_up: { ...opened.follow_up, reported } }
    return last
  })
}

const shares = (epochs: readonly ContextState[]) => epochs.map(({ looks }) => lookShare(looks))

t.test('rule 15: epochs that people open share the level: the k-th after the first has 1 / (k (k + 1)) of it', async (t) => {
  const epochs = epochsOf(['first_enrolment', 0], ['policy', 1], ['configuration', 2], ['reset', 3])
  t.strictSame(shares(epochs), [1, 1 / 2, 1 / 6, 1 / 12])
  let total = 0
  for (const { looks } of epochs) {
    total += lookShare(looks)
    t.ok(Math.abs(totalLookShare(looks) - total) < 1e-12)
  }
  t.ok(totalLookShare({ count: 1e6, at: 0 }) < 2)
})

t.test('rule 15: other epochs have the share of the one before', async (t) => {
  t.strictSame(shares(epochsOf(['first_enrolment', 0], ['checkpoint', 1], ['drift', 2], ['breach', 3], ['evidence_stale', 4])), [1, 1, 1, 1, 1])
  t.strictSame(shares(epochsOf(['first_enrolment', 0], ['policy', 1], ['checkpoint', 2], ['reset', 3], ['drift', 4])), [1, 1 / 2, 1 / 2, 1 / 6, 1 / 6])
})

t.test('rule 15: an epoch without any report was no look', async (t) => {
  t.strictSame(shares(epochsOf(['first_enrolment', 0, 0], ['policy', 1, 0], ['policy', 2, 1], ['policy', 3, 0], ['reset', 4])), [1, 1, 1, 1 / 2, 1 / 2])
  t.strictSame(shares(epochsOf(['first_enrolment', 0], ['checkpoint', 1, 0], ['policy', 2])), [1, 1, 1], 'the policy takes the place of the checkpoint')
})

t.test('rule 15: the number of looks falls by one in each evidence age', async (t) => {
  const looks = (...openings: readonly Opening[]) => epochsOf(...openings).map(({ looks: { count } }) => count)
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', 2], ['drift', AGE + 1], ['drift', AGE + 2], ['drift', 2 * AGE + 2]), [0, 1, 2, 2, 1, 0])
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', AGE], ['policy', 3 * AGE]), [0, 1, 2, 1], 'also where it rises again')
  t.strictSame(looks(['first_enrolment', 0], ['policy', 1], ['policy', 2], ['drift', 1.5 * AGE], ['drift', 2 * AGE + 1], ['drift', 2 * AGE + 2]), [0, 1, 2, 1, 1, 0],
    'what has passed of an age is not lost')
  t.strictSame(looks(['first_enrolment', 0], ['policy', 10], ['drift', 1]), [0, 1, 1], 'times that go back')
})

const openedState = openEpoch(undefined, 'first_enrolment', policyWith(), ['model', 'task'], { time: 0, name: '0-1' })
const other = policyWith({ max_em_drop: 0.05 })

t.test('a request replaces the first one only before anything was reported', async (t) => {
  t.match(requestGuarantee(openedState, other).requested, { max_em_drop: 0.05 })
  for (const fate of ['reported', 'accounted', 'missing']) {
    const state = { ...openedState, follow_up: { ...openedState.follow_up, [fate]: 1 } }
    t.match(requestGuarantee(state, other).requested, { max_em_drop: 0.02 }, fate)
  }
  t.match(requestGuarantee({ ...openedState, open: { evidence: NO_EVIDENCE, unaccounted: 1 } }, other).requested, { max_em_drop: 0.02 })
})

t.test('an epoch has the grid of its score, and none where the predictor that its policy names is gone', async (t) => {
  const opened = (predictors?: LivePredictors) => openEpoch(undefined, 'reset', policyWith({ score: 'p' }), levels, { time: 0, name: '1-0', ...(predictors && { predictors }) })
  const live = new Map([['p', { ...PREDICTOR, grid: [0.9, 0.8] }]])
  t.match(opened(live), { evidence: { lost: { length: 2 } }, meaning: { score: 'p', score_fingerprint: String } })
  t.match(opened(), { evidence: { lost: { length: 0 } }, meaning: { score: 'p', score_fingerprint: null } })
  t.match(opened(new Map([['p', { ...PREDICTOR, label: 'agreement' as const }]])), { evidence: { lost: { length: 0 } } }, 'it is for another label')
})
