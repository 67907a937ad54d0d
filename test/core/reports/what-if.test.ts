import t from 'tap'
import { readRecordedRun } from '../../../src/cli/traces/read-traces.js'
import { atCadence, type RecordedRun } from '../../../src/cli/traces/recorded-run.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { commandEffects } from '../../../src/core/reports/command-effect.js'
import { ANSWERABLE_FIELDS, cadenceProblem, replayTraces, UNANSWERABLE_FIELDS, whatIf } from '../../../src/core/reports/what-if.js'
import { traceSlot } from '../../../src/core/learn/pending-outcomes.js'
import { tracesText } from '../../test-data.js'
import {
  FIRST, KEPT, LEAF, losslessGenerations, type MemoryFold, memoryFold, outcomeOf, policyWith, SURE_STEP,
} from '../learn/memory-fold.js'
import { changed } from '../../changed-state.js'

const LEVELS = ['model', 'task']

/**
 * Reports runs that were asked at a cadence, each probe costing two tokens.
 * @param before policy under which one generation came before them
 */
function asked (runs: readonly RecordedRun[], policy: PolicyPatch, before: PolicyPatch = policy): MemoryFold {
  const fold = memoryFold(before)
  if (before !== policy) {
    fold.learn(KEPT)
    fold.learn({ type: 'policy', key: LEAF, policy, by: 'ops' })
  }
  const { check_every_tokens: every, check_growth: checkGrowth, min_tokens: minTokens } = policyWith(policy)
  const checkEveryTokens = Number(every)
  for (const run of runs) {
    const { steps, probeTokens } = atCadence(run, { cadence: { checkEveryTokens, checkGrowth, minTokens }, probeTokens: 2 })
    fold.learn(outcomeOf({
      generation_id: run.outcome.generation_id,
      tokens: run.tokens,
      full: { exact_match: run.em },
      asked_tokens: probeTokens,
      steps: steps.map(({ tokens, confidence, em, probeTokens }) => ({ tokens, confidence, exact_match: em, asked_tokens: probeTokens })),
    }), 1)
  }
  return fold
}

/** Real generations of which each has a slot of its own, so that all of their traces are kept. */
function readRuns (text: string): RecordedRun[] {
  const taken = new Set<number | null>([null])
  return text.trim().split('\n').map((line, i) => readRecordedRun(`line ${i}`, line)).filter(({ outcome }) => {
    const slot = traceSlot(outcome.generation_id, taken.size, 3)
    return taken.size <= 150 && !taken.has(slot) && taken.add(slot)
  })
}

t.test('another cadence is answered as a run at that cadence would be', async (t) => {
  const runs = readRuns(tracesText('reasoner'))
  t.equal(runs.length, 150)
  const present = { check_every_tokens: 4 }
  const recorded = asked(runs, present)
  const traces = [...recorded.traces.values()]
  t.equal(traces.length, runs.length)
  for (const [check_every_tokens, check_growth] of [[8, 0], [16, 0.5], [4, 1]] as const) {
    const other = { check_every_tokens, check_growth }
    const real = asked(runs, other, present)
    const policy = policyWith(other)
    const replayed = replayTraces(recorded.state(), policy, LEVELS, traces)
    t.same(knownEvidence(replayed.asked.evidence), knownEvidence(real.state().evidence), JSON.stringify(other))
    const { cadence, ...answer } = whatIf(recorded.state(), policy, LEVELS, new Map(), traces)
    const { cadence: _, ...atThatCadence } = whatIf(real.state(), policy, LEVELS, new Map())
    t.same(answer, atThatCadence)
    const spent = cadence!.asked.probe_tokens * runs.length
    t.equal(cadence!.asked.tokens_saved_ratio, -spent / knownEvidence(real.state().evidence).full_tokens, 'nothing is in force')
  }
})

t.test('E9: another cadence opens an epoch with a part of the level; the present one does not', async (t) => {
  const recorded = asked(readRuns(tracesText('reasoner')).slice(0, 50), { check_every_tokens: 4 })
  const traces = [...recorded.traces.values()]
  const next = (check_every_tokens: number, state = recorded.state()) =>
    whatIf(state, policyWith({ check_every_tokens }), LEVELS, new Map(), traces).generations_to_next_certificate
  t.equal(next(4), whatIf(recorded.state(), policyWith({ check_every_tokens: 4 }), LEVELS, new Map()).generations_to_next_certificate)
  t.ok(next(8)! > next(4)!)
  const looks = { count: 1, at: 0, level: 0, uncertified: 0 }
  const late = changed(recorded.state(), { epoch: { looks }, reports: { updated_at: 1000 * DEFAULT_POLICY.max_evidence_age_seconds } })
  t.equal(next(8, late), next(8), 'earlier ones count for one evidence age')
})

t.test('both cadences are compared at the threshold in force', async (t) => {
  const fold = memoryFold({ check_every_tokens: 10 })
  const steps = [0.2, 1, 1, 1].map((confidence, i) =>
    ({ tokens: 10 * (i + 1), confidence, exact_match: confidence === 1 ? 1 as const : 0 as const, asked_tokens: i + 1 }))
  const outcome = outcomeOf({ steps, asked_tokens: 4 })
  for (let i = 0; i < 200; i++) fold.learn({ ...outcome, generation_id: `g${i}` }, 1)
  t.not(fold.state().rule.threshold, null)
  const policy = policyWith({ check_every_tokens: 20, check_growth: 1 })
  const { comparison } = replayTraces(fold.state(), policy, LEVELS, [...fold.traces.values()])
  t.equal(comparison.threshold, fold.state().rule.threshold)
  t.same(comparison.recorded, {
    check_every_tokens: 10,
    check_growth: 0,
    em_drop: 0,
    tokens_saved_ratio: 0.78,
    tokens_saved_gross_ratio: 0.8,
    probe_tokens: 2,
    checks: 2,
  })
  t.same(comparison.asked, {
    check_every_tokens: 20,
    check_growth: 1,
    em_drop: 0,
    tokens_saved_ratio: 0.79,
    tokens_saved_gross_ratio: 0.8,
    probe_tokens: 1,
    checks: 1,
  })
})

t.test('traces of other epochs are no answer', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf(), 1)
  const others = [...fold.traces.values()].map((trace) => ({ ...trace, epoch: '0-7' }))
  const answer = whatIf(fold.state(), policyWith({ check_every_tokens: 64 }), LEVELS, new Map(), others)
  t.match(answer, { generations: 0, threshold: null })
  t.match(answer.cadence, { recorded: { tokens_saved_ratio: 0, checks: 0 }, asked: { probe_tokens: 0 } })
  t.equal(fold.state(LEAF).reports.generations, 1)
})

t.test('a finer cadence cannot be answered', async (t) => {
  const recorded = { check_every_tokens: 16, check_growth: 0.1, min_tokens: 0 }
  t.equal(cadenceProblem(recorded, recorded), null)
  t.equal(cadenceProblem(recorded, { ...recorded, check_every_tokens: 24, check_growth: 0.2 }), null)
  t.match(cadenceProblem(recorded, { ...recorded, check_every_tokens: 8 }), { path: '/check_every_tokens', message: /at least 16/ })
  t.match(cadenceProblem(recorded, { ...recorded, check_growth: 0 }), { path: '/check_growth', message: /at least 0.1/ })
})

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
    t.equal(answer.threshold === null, real.state().rule.index === -1, `${JSON.stringify(wish)}: ${answer.threshold}`)
    if (answer.threshold !== null) continue
    real.learn(KEPT, 0, answer.generations_to_next_certificate! - 1)
    t.equal(real.state().rule.index, -1, 'one generation fewer is not enough')
    real.learn(KEPT, 0, 1)
    t.not(real.state().rule.index, -1, `after ${answer.generations_to_next_certificate} more it is`)
  }
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

t.test('unfavourable_from is the threshold from which the predicted drop exceeds the bound asked about', async (t) => {
  const fold = oftenHasty()
  const ask = (bound: number) => whatIf(fold.state(), policyWith({ max_em_drop: bound }), levels, new Map()).unfavourable_from
  t.match(ask(0.001), { threshold: Number, em_drop_predicted: Number })
  t.ok(ask(0.001)!.em_drop_predicted > 0.001)
  t.equal(ask(0.5), null)
})

t.test('before the first slice ends, a reported outcome makes another request post hoc, both in a dry run and in a what-if query', async (t) => {
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith(), levels, time: 0, name: '0-1' })
  for (const reported of [0, 1]) {
    const state = changed(opened, { reports: { follow_up: { ...opened.reports.follow_up, reported } } })
    const inputs = { levels, defaultPolicy: policyWith(), policies: new Map(), pins: new Map(), predictors: new Map() }
    const loaded = { ...inputs, states: new Map([[LEAF, state]]) }
    const [dry] = commandEffects(loaded, { type: 'policy', key: LEAF, policy: { max_em_drop: 0.05 }, by: 'test' }, [LEAF], 0)
    const answer = whatIf(state, policyWith({ max_em_drop: 0.05 }), levels, new Map())
    t.equal(answer.post_hoc, reported > 0)
    t.equal(answer.post_hoc, dry!.post_hoc)
    t.equal(answer.generations_to_next_certificate, reported > 0 ? losslessGenerations(0.05, 0.05 / 30) : losslessGenerations(0.05, 0.05))
  }
})

t.test('every policy field can either be queried or is refused with a reason', async (t) => {
  t.same([...ANSWERABLE_FIELDS, ...Object.keys(UNANSWERABLE_FIELDS)].sort(), Object.keys(DEFAULT_POLICY).sort())
})
