import t from 'tap'
import { contextWarnings } from '../../../src/core/judgement/context-warnings.js'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { LoggedOutcome } from '../../../src/core/grading/outcome.js'
import { enrolledFold, SLICE_MOST } from './enrolled-fold.js'
import { CHAIN, FIRST, GAINED, KEPT, LEAF, LOST, memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './memory-fold.js'

const LAST = GRID.length - 1
const TREATED = outcomeOf({ arm: 'treated', u: 0.9 })

const generationsAt = (fold: MemoryFold, key = LEAF) => evidenceOf(fold.state(key)).generations

t.test('an outcome reaches every link of its chain, and makes the contexts it needs', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 1000)
  t.strictSame([...fold.states.keys()], CHAIN)
  t.equal(fold.ledger.contexts, 3)
  t.strictSame(CHAIN.map((key) => generationsAt(fold, key)), [0, 0, 1], 'contexts that do not certify have no evidence')
  for (const key of CHAIN) {
    const first = { epoch: 1, epoch_cause: 'first_enrolment', epoch_started_at: 1000 }
    t.match(fold.state(key), { ...first, generations: 1, updated_at: 1000 }, key)
  }
})

t.test('lost, kept and gained are counted', async (t) => {
  const fold = memoryFold()
  for (const outcome of [LOST, LOST, KEPT, GAINED]) fold.learn(outcome)
  t.match(evidenceOf(fold.state()), {
    generations: 4, full_tokens: 400, full_em: 3, lost: GRID.map(() => 2), gained: GRID.map(() => 1), tokens: GRID.map(() => 160),
  })
})

t.test('outcomes that are no evidence', async (t) => {
  for (const [name, outcome] of [
    ['a treated generation, even one that ran to its end', outcomeOf({ arm: 'treated' })],
    ['a stopped generation, whatever its arm says', outcomeOf({ stopped: true })],
    ['no arm, and a draw that is not below the share', outcomeOf({ arm: null, u: 0.5 })],
    ['a cancelled generation', outcomeOf({ cancelled: true })],
  ] as const) {
    const fold = memoryFold({ control_rate: 0.3 })
    fold.learn(KEPT, 0, FIRST) // a threshold, so that the share is 0.3
    fold.learn(outcome)
    t.equal(generationsAt(fold), FIRST, name)
    t.equal(fold.state().generations, FIRST + 1, `${name}: it was reported`)
  }
})

t.test('control outcomes with their steps are evidence', async (t) => {
  for (const [name, outcome] of [
    ['the first sample of a group', outcomeOf({ sample_index: 0 })],
    ['no arm, and a draw below the share', outcomeOf({ arm: null, u: 0.29 })],
    ['an echoed arm, whatever the draw', outcomeOf({ u: 0.99 })],
    ['never asked: no steps at all', outcomeOf({ steps: [], tokens: 63 })],
  ] as const) {
    const fold = memoryFold({ control_rate: 0.3 })
    fold.learn(KEPT, 0, FIRST)
    fold.learn(outcome)
    t.equal(generationsAt(fold), FIRST + 1, name)
    t.equal(evidenceOf(fold.state()).lost[0], 0, name)
  }
})

t.test('steps that are missing are evidence at the worst case, and so is an empty list from a generation that must have been asked', async (t) => {
  const isLost = (outcome: Partial<LoggedOutcome>, policy = {}) => {
    const fold = memoryFold(policy)
    fold.learn(outcomeOf({ steps: [], ...outcome }))
    t.equal(generationsAt(fold), 1, JSON.stringify(outcome))
    return evidenceOf(fold.state()).lost[0] === 1
  }
  t.ok(isLost({ tokens: 10, steps_complete: false }))
  t.notOk(isLost({ tokens: 63 }), 'one step at 32 tokens may have been missed by a hair')
  t.ok(isLost({ tokens: 64 }), 'two can not')
  t.notOk(isLost({ tokens: 127 }, { min_tokens: 90 }), 'from min_tokens 90 on the first is at 96')
  t.ok(isLost({ tokens: 128 }, { min_tokens: 90 }), 'and the second at 128')
})

t.test('steps mean what the policy\'s label says', async (t) => {
  const both = outcomeOf({ full: { exact_match: 0, agreement: 1 }, steps: [{ ...SURE_STEP, exact_match: 0, agreement: 0 }] })
  const byExactMatch = memoryFold()
  const byAgreement = memoryFold({ label: 'agreement' })
  byExactMatch.learn(both)
  byAgreement.learn(both)
  t.equal(evidenceOf(byExactMatch.state()).lost[0], 0)
  t.equal(evidenceOf(byAgreement.state()).lost[0], 1)
  byAgreement.learn(outcomeOf({ full: { agreement: 1 }, steps: [SURE_STEP] }))
  t.equal(evidenceOf(byAgreement.state()).unprobed[0], 1, 'a probe graded by another label is no probe')
})

t.test('two half-windows: the older one goes when the newer is full', async (t) => {
  const fold = memoryFold({ evidence_window: 10 })
  const halves = () => fold.state().halves.map((half) => [half.generations, half.lost[0]])
  fold.learn(LOST, 0, 4)
  t.strictSame(halves(), [[4, 4], [0, 0]])
  fold.learn(LOST)
  t.strictSame(halves(), [[0, 0], [5, 5]], 'full: it steps back')
  fold.learn(KEPT, 0, 4)
  t.strictSame(halves(), [[4, 0], [5, 5]])
  t.equal(generationsAt(fold), 9)
  fold.learn(KEPT)
  t.strictSame(halves(), [[0, 0], [5, 0]], 'the past no longer speaks')
})

t.test('a threshold is certified once the evidence suffices', async (t) => {
  const fold = memoryFold({ evidence_window: 4 * FIRST })
  fold.learn(KEPT, 0, FIRST - 1)
  t.equal(fold.state().threshold_index, -1)
  fold.learn(KEPT, 7)
  t.equal(fold.state().threshold_index, LAST)
  t.match(fold.changes.filter((change) => change.key === LEAF), [{ time: 7, cause: 'evidence', epoch: 1, before: null, after: GRID[LAST] }])
  t.match(fold.state(), { control_share: 0.02 }, 'the share falls to the floor, since every threshold saves the same')
  fold.learn(LOST, 9)
  t.equal(fold.state().threshold_index, LAST, 'what was certified stays until drift, breach, a reset or the turn of its half-window')
})

t.test('drift takes the threshold back and opens an epoch that starts from zero', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, 2000)
  let losses = 0
  while (fold.state().epoch === 1) { fold.learn(LOST, 70_000); losses++ }
  t.equal(losses, 16, 'lost in a row')
  t.match(fold.state(), {
    epoch: 2,
    epoch_cause: 'drift',
    threshold_index: -1,
    control_share: 1,
    generations: 0,
    drift: NO_DRIFT,
  })
  t.equal(generationsAt(fold), 0, 'not even the outcome that raised the alarm')
  t.match(fold.changes.filter((change) => change.key === LEAF).at(-1)!, { cause: 'drift', epoch: 2, before: GRID[LAST], after: null })
})

t.test('drift rests without a threshold', async (t) => {
  const fold = memoryFold()
  fold.learn(LOST)
  t.strictSame(fold.state().drift, NO_DRIFT)
})

t.test('tokens saved are estimated from what the treated used', async (t) => {
  const saved = (outcome: LoggedOutcome, policy = {}, evidence = KEPT) => {
    const fold = memoryFold(policy)
    fold.learn(evidence, 0, FIRST)
    fold.learn(outcome)
    return fold.state().tokens_saved_gross
  }
  t.ok(Math.abs(saved(outcomeOf({ arm: 'treated', stopped: true, tokens: 40 })) - 60) < 1e-9, '60 % saved: 40 would have been 100')
  t.equal(saved(KEPT), 0, 'control saves nothing')
  t.equal(saved(TREATED, { mode: 'shadow' }), 0, 'shadow mode saves nothing')
  const atOnce = outcomeOf({ steps: [{ ...SURE_STEP, tokens: 0 }] })
  t.equal(saved(outcomeOf({ arm: 'treated', stopped: true, tokens: 5 }), {}, atOnce), 0, 'a threshold that seems to save everything is no measure')
})

t.test('savings are net of the probes of both arms', async (t) => {
  const probing = (tokens: number) => ({ steps: [{ ...SURE_STEP, asked_tokens: tokens }], probe_tokens: tokens, asked_tokens: tokens })
  const fold = memoryFold()
  fold.learn(outcomeOf(probing(20)), 0, FIRST)
  const { guarantee, probe_tokens: ofControl } = fold.state()
  t.match(guarantee, { tokens_saved_ratio: 0.4, tokens_saved_gross_ratio: 0.6 }, '20 of 100 tokens are spent on asking')
  t.equal(ofControl, 20 * FIRST)
  fold.learn(outcomeOf({ arm: 'treated', stopped: true, tokens: 40, probe_tokens: 20, probe_prefill_tokens: 7 }))
  t.match(fold.state(), { probe_tokens: 20 * (FIRST + 1), probe_prefill_tokens: 7 })
  t.ok(Math.abs(fold.state().tokens_saved_gross - 60) < 1e-9, 'the estimate is that of the tokens generated')
})

t.test('a context whose probes cost more than stopping saves stops nothing, and says so', async (t) => {
  const fold = memoryFold()
  const probing = { steps: [{ ...SURE_STEP, asked_tokens: 61 }], probe_tokens: 61, asked_tokens: 61 }
  fold.learn(outcomeOf(probing), 0, FIRST)
  t.match(fold.state(), { certified: LAST, threshold_index: -1 })
  t.strictSame(contextWarnings(fold.state()), ['no_net_savings'])
  fold.learn(KEPT, 0, FIRST)
  t.match(fold.state(), { threshold_index: LAST }, 'half of the generations asked nothing')
  t.strictSame(contextWarnings(fold.state()), [])
})

t.test('beyond MAX_CONTEXTS outcomes of new contexts reach only their existing parents', async (t) => {
  const fold = memoryFold({}, { max_contexts: 4 })
  fold.learn(KEPT)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'second' } }))
  t.equal(fold.ledger.contexts, 4)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' } }))
  t.equal(fold.ledger.refused, 1)
  t.notOk(fold.states.has('model=q,task=third'))
  t.equal(fold.state('model=q').generations, 3)
  fold.learn(outcomeOf({ context: { model: 'new', task: 'third' } }))
  t.equal(fold.ledger.refused, 2)
  t.strictSame([...fold.states.keys()], [...CHAIN, 'model=q,task=second'])
  t.equal(fold.state('*').generations, 4)
})

t.test('evidence that was silent for too long is not taken up again by the next outcome', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(KEPT, 100_999)
  t.equal(fold.state().epoch, 1)
  fold.learn(KEPT, 200_998)
  t.equal(fold.state().epoch, 1, 'just in time')
  fold.learn(KEPT, 300_998)
  t.match(fold.state(), { epoch: 2, epoch_cause: 'evidence_stale', threshold_index: -1 })
  t.equal(generationsAt(fold), 1, 'the outcome is the first of the new epoch')
})

t.test('an enrolled generation is accounted for by its outcome, in whatever order outcomes come', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2, 0.3], 0)
  fold.report(0.3, 1000)
  fold.report(0.1, 2000, { steps: [{ ...SURE_STEP, exact_match: 0 }] })
  fold.report(0.2, 3000)
  fold.pass(4000, SLICE_MOST)
  t.match(evidenceOf(fold.state()), { generations: 3, lost: GRID.map(() => 1) })
  t.match(fold.state(), { follow_up: { enrolled: 3, accounted: 3 }, fed_by: undefined })
})

t.test('rule 1: an outcome of a generation that was never enrolled is no evidence', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.9, 1000)
  fold.pass(2000, 13_000)
  t.match(fold.state(), { follow_up: { enrolled: 1, unenrolled: 1 } })
  t.equal(fold.pending.size, 0)
})

t.test('a treated outcome whose entry does not come is not counted as unenrolled', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.8, 100)
  fold.report(0.9, 100, { arm: 'treated' })
  fold.pass(1000, 14_000)
  t.match(fold.state(), { follow_up: { enrolled: 1, unenrolled: 1 } })
})

t.test('rule 7: with a label_rate, outcomes beyond that share of the draws wait for no entry', async (t) => {
  const fold = enrolledFold({ label_rate: 0.5 })
  fold.enrol([0.1], 0)
  fold.report(0.4, 1000)
  fold.report(0.6, 1000)
  t.strictSame([...fold.pending.values()].map(({ outcome }) => outcome.u), [0.4])
  fold.pass(2000, 14_000)
  t.match(fold.state(), { follow_up: { unenrolled: 1 } }, 'nobody expects the second one to be enrolled')
})

t.test('an outcome that a burst left out is not counted as unenrolled, whether it comes before or after its list', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.7, 100)
  fold.enrol([0.2], 200, { cutoff: 0.6 })
  for (const u of [0.3, 0.8]) fold.report(u, 1000)
  fold.pass(2000, 14_000)
  t.match(fold.state(), { follow_up: { enrolled: 2, unenrolled: 1 } }, 'only 0.3 should have been on a list')
})
