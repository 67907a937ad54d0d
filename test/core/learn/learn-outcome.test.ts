import t from 'tap'
import { uniform } from '../../../src/core/assignment/arm.js'
import { evidenceOf, type ContextState } from '../../../src/core/judgement/context-state.js'
import { NO_ARMS } from '../../../src/core/certificate/compare-arms.js'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { LoggedOutcome } from '../../../src/core/grading/outcome.js'
import { CHAIN, FIRST, GAINED, KEPT, LEAF, LOST, memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './memory-fold.js'

const LAST = GRID.length - 1
const TREATED = outcomeOf({ arm: 'treated', u: 0.9 })

const generationsAt = (fold: MemoryFold, key = LEAF) => evidenceOf(fold.state(key)).generations

type Counter = { [F in keyof ContextState]: ContextState[F] extends number ? F : never }[keyof ContextState]

t.test('an outcome reaches every link of its chain, and makes the contexts it needs', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 1000)
  t.strictSame([...fold.states.keys()], CHAIN)
  t.equal(fold.ledger.contexts, 3)
  for (const key of CHAIN) {
    const first = { epoch: 1, epoch_cause: 'first_outcome', epoch_started_at: 1000 }
    t.match(fold.state(key), { ...first, generations: 1, labelled: 1, last_evidence_at: 1000, updated_at: 1000 }, key)
    t.equal(generationsAt(fold, key), 1, key)
  }
})

t.test('lost, kept and gained are counted', async (t) => {
  const fold = memoryFold()
  for (const outcome of [LOST, LOST, KEPT, GAINED]) fold.learn(outcome)
  t.match(evidenceOf(fold.state()), {
    generations: 4, full_tokens: 400, full_em: 3, lost: GRID.map(() => 2), gained: GRID.map(() => 1), tokens: GRID.map(() => 160),
  })
})

t.test('what is not evidence is counted by what kept it out, and changes no evidence', async (t) => {
  const cases: [name: string, outcome: LoggedOutcome, counter: Counter | null][] = [
    ['a treated generation, even one that ran to its end', outcomeOf({ arm: 'treated' }), null],
    ['a stopped generation, whatever its arm says', outcomeOf({ stopped: true }), null],
    ['no arm, and a draw that is not below the share', outcomeOf({ arm: null, u: 0.5 }), 'unknown_arm'],
    ['a later sample of a group', outcomeOf({ sample_index: 1 }), 'siblings'],
    ['a sample of a group that names no index', outcomeOf({ sample_index: -1 }), 'siblings'],
    ['no steps', outcomeOf({ steps: null }), 'unstepped'],
    ['no label', outcomeOf({ full: {} }), 'unlabelled'],
    ['a label of another kind', outcomeOf({ full: { agreement: 1 } }), 'unlabelled'],
  ]
  for (const [name, outcome, counter] of cases) {
    const fold = memoryFold({ control_rate: 0.3 })
    fold.learn(KEPT, 0, FIRST) // a threshold, so that the share is 0.3
    fold.learn(outcome)
    t.equal(generationsAt(fold), FIRST, name)
    t.equal(fold.state().generations, FIRST + 1, `${name}: it was reported`)
    for (const field of ['unknown_arm', 'siblings', 'unstepped', 'unlabelled', 'unsettled'] as const) {
      t.equal(fold.state()[field], field === counter ? 1 : 0, `${name}: ${field}`)
    }
  }
})

t.test('what is evidence', async (t) => {
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

t.test('arrivals before the epoch settled are no evidence', async (t) => {
  const fold = memoryFold({ settle_seconds: 60 })
  fold.learn(KEPT, 5000)
  t.equal(fold.state().settles_at, 65_000)
  fold.learn(KEPT, 64_999)
  t.equal(generationsAt(fold), 0)
  t.equal(fold.state().unsettled, 2)
  fold.learn(KEPT, 65_000)
  t.equal(generationsAt(fold), 1)
})

t.test('a rise of the control share makes the context settle again', async (t) => {
  const fold = memoryFold({ settle_seconds: 60, evidence_window: 2 * FIRST })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, FIRST)
  t.ok(fold.state().control_share < 0.2, 'certified')
  fold.learn(LOST, 70_000, 4)
  t.equal(fold.state().threshold_index, -1, 'the threshold is lost to losses, not to drift')
  t.match(fold.state(), { epoch: 1, control_share: 1, settles_at: 130_000 })
  const before = generationsAt(fold)
  fold.learn(KEPT, 129_999)
  t.equal(generationsAt(fold), before)
  fold.learn(KEPT, 130_000)
  t.equal(generationsAt(fold), before + 1)
})

t.test('a child on its parent\'s threshold settles again when the parent loses it, from its first outcome on', async (t) => {
  const fold = memoryFold({ settle_seconds: 60, fallback: 'parent' })
  const child = outcomeOf({ context: { model: 'q', task: 'other' }, u: 0.03 })
  const key = 'model=q,task=other'
  fold.learn(KEPT, 0)
  fold.learn(child, 0)
  fold.learn(KEPT, 60_000, FIRST) // the parents are certified with the first leaf
  fold.learn(child, 70_000)
  t.ok(fold.state(key).control_share < 1, 'the child runs at a share on its parent\'s threshold')
  const before = generationsAt(fold, key)
  for (const link of ['*', 'model=q']) fold.learn({ type: 'reset', key: link, by: 'ops', reason: 'test' }, 80_000)
  fold.learn(child, 80_001)
  t.equal(generationsAt(fold, key), before, 'the share rose to 1: this one arrived because it is short')
  t.match(fold.state(key), { control_share: 1, settles_at: 140_001, unsettled: 2 })
})

t.test('no arm told: control only if it would be so under the share before and the share now', async (t) => {
  const fold = memoryFold({ fallback: 'parent', control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  const quiet = outcomeOf({ context: { model: 'q', task: 'other' }, arm: null, u: 0.5 })
  fold.learn(quiet)
  t.equal(fold.state('model=q,task=other').unknown_arm, 1, 'a new child was decided at its parent\'s share, not at 1')
  for (const link of ['*', 'model=q']) fold.learn({ type: 'reset', key: link, by: 'ops', reason: 'test' })
  fold.learn(quiet)
  t.equal(fold.state('model=q,task=other').unknown_arm, 2, 'a generation from before the rise may have been treated')
  fold.learn(quiet)
  t.equal(fold.state('model=q,task=other').unknown_arm, 2)
})

t.test('above the leaf only generations below the floor of every share are evidence', async (t) => {
  const fold = memoryFold()
  let below = 0
  for (let i = 0; i < 2000; i++) {
    const u = uniform('salt', `g${i}`)
    if (u < 0.02) below++
    fold.learn(outcomeOf({ u }))
  }
  t.ok(below > 20)
  t.strictSame(CHAIN.map((key) => generationsAt(fold, key)), [below, below, 2000])
  t.strictSame(CHAIN.map((key) => fold.state(key).generations), [2000, 2000, 2000], 'all were reported')
  fold.learn(outcomeOf({ u: 0.02 }))
  t.equal(generationsAt(fold, '*'), below, 'the floor itself is not below it')
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

t.test('a threshold is certified once the evidence suffices, and follows it', async (t) => {
  const fold = memoryFold({ evidence_window: 4 * FIRST })
  fold.learn(KEPT, 0, FIRST - 1)
  t.equal(fold.state().threshold_index, -1)
  fold.learn(KEPT, 7)
  t.equal(fold.state().threshold_index, LAST)
  t.match(fold.changes.filter((change) => change.key === LEAF), [{ time: 7, cause: 'evidence', epoch: 1, before: null, after: GRID[LAST] }])
  t.match(fold.state(), { control_share: 0.1 / 0.6 * Math.sqrt(200 / (FIRST + 200)) }, 'the share falls to what the savings allow')
  fold.learn(LOST, 9)
  t.equal(fold.state().threshold_index, -1)
  t.match(fold.changes.filter((change) => change.key === LEAF).at(-1)!, { time: 9, cause: 'evidence', before: GRID[LAST], after: null })
})

t.test('drift takes the threshold back and opens an epoch that starts from zero', async (t) => {
  const fold = memoryFold({ settle_seconds: 60 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, 2000)
  let losses = 0
  while (fold.state().epoch === 1) { fold.learn(LOST, 70_000); losses++ }
  t.equal(losses, 16, 'lost in a row')
  t.match(fold.state(), {
    epoch: 2,
    epoch_cause: 'drift',
    is_recovering: true,
    threshold_index: -1,
    control_share: 1,
    generations: 0,
    labelled: 0,
    drift: NO_DRIFT,
    settles_at: 130_000,
  })
  t.equal(generationsAt(fold), 0, 'not even the outcome that raised the alarm')
  t.match(fold.changes.filter((change) => change.key === LEAF).at(-1)!, { cause: 'drift', epoch: 2, before: GRID[LAST], after: null })
})

t.test('drift is watched at the threshold in force before the outcome, carries over its moves and rests without one', async (t) => {
  const fold = memoryFold({ max_em_drop: 0.05 })
  fold.learn(LOST)
  t.strictSame(fold.state().drift, NO_DRIFT, 'no threshold')
  const safeOnly = outcomeOf({ steps: [{ tokens: 20, confidence: GRID[9]!, exact_match: 0 }, SURE_STEP] })
  fold.learn(KEPT, 0, 300)
  t.equal(fold.state().threshold_index, LAST)
  const rested = fold.state().drift
  fold.learn(safeOnly)
  t.ok(fold.state().drift.every((m, i) => m > rested[i]!), 'lost at the loose threshold that was in force')
  fold.learn(safeOnly, 0, 5)
  while (fold.state().threshold_index !== 8) fold.learn(safeOnly)
  const carried = fold.state().drift
  t.ok(carried[2]! > 10, 'the losses are remembered over the move')
  fold.learn(safeOnly)
  t.ok(fold.state().drift.every((m, i) => m < Math.max(carried[i]!, 1)), 'kept at the safe threshold now in force')
})

t.test('a child is watched at its parent\'s threshold while that is in force, and an alarm ends it', async (t) => {
  const fold = memoryFold({ fallback: 'parent' })
  fold.learn(KEPT, 0, 4000)
  const key = 'model=q,task=other'
  const lost = outcomeOf({ context: { model: 'q', task: 'other' }, u: 0.5, steps: [{ ...SURE_STEP, exact_match: 0 }] })
  for (let i = 0; i < 16; i++) fold.learn(lost, 1)
  t.match(fold.state(key), { epoch: 2, epoch_cause: 'drift', is_recovering: true, control_share: 1, threshold_index: -1 })
  t.match(fold.changes.at(-1)!, { key, cause: 'drift', before: null, after: null }, 'there is a record, though no threshold of its own moved')
  t.equal(fold.state('model=q').epoch, 1, 'the parent\'s evidence, of which the child is a small part, stands')
  fold.learn(lost, 1, 20)
  t.equal(fold.state(key).epoch, 2, 'it falls back no more, so there is nothing to watch')
})

t.test('a child that does not fall back is not watched at its parent\'s threshold', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 4000)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' }, u: 0.5, steps: [{ ...SURE_STEP, exact_match: 0 }] }), 0, 40)
  t.equal(fold.state('model=q,task=other').epoch, 1)
})

t.test('a child on its parent\'s pin is not watched at what the parent certified: a pin was never promised', async (t) => {
  const fold = memoryFold({ fallback: 'parent' })
  fold.learn(KEPT, 0, 4000)
  for (const key of ['*', 'model=q']) fold.learn({ type: 'pin', key, pin: { threshold: 0.99, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' }, u: 0.03, steps: [{ ...SURE_STEP, exact_match: 0 }] }), 0, 40)
  t.match(fold.state('model=q,task=other'), { epoch: 1, drift: NO_DRIFT })
})

t.test('the arms are compared only where a threshold was in force', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().arms.control.generations, 0, 'all ran under no threshold')
  fold.learn(KEPT, 0, 2)
  fold.learn(outcomeOf({ arm: 'treated', u: 0.9, stopped: true, tokens: 40, full: { exact_match: 0 } }), 0, 3)
  fold.learn(outcomeOf({ arm: 'treated', u: 0.9, tokens: 80, full: {} }))
  fold.learn(outcomeOf({ arm: null, u: 0.99 }))
  fold.learn(outcomeOf({ arm: 'treated', u: 0.01 }))
  fold.learn(outcomeOf({ arm: 'treated', u: 0.9, sample_index: 1 }))
  t.match(fold.state().arms, {
    control: { generations: 2, tokens: 200, labelled: 2, em: 2 },
    treated: { generations: 4, tokens: 200, labelled: 3, em: 0 },
  }, 'as drawn, the first sample of a group')
  t.equal(fold.state().treated, 6)
  fold.learn({ type: 'policy', key: LEAF, policy: { mode: 'shadow' }, by: 'ops' })
  t.strictSame(fold.state().arms, NO_ARMS, 'another mode compares anew')
  t.equal(generationsAt(fold), FIRST + 2, 'from the same evidence')
})

t.test('after a rise under a threshold in force the generations that were control before it go on to count, and to be watched', async (t) => {
  const fold = memoryFold({ settle_seconds: 60, control_rate: 0.1 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, 600)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.5 }, by: 'ops' }, 200_000)
  const { drift } = fold.state()
  fold.learn(outcomeOf({ ...LOST, u: 0.3 }), 259_999)
  t.equal(generationsAt(fold), 600, 'this one arrived because it is short')
  t.strictSame(fold.state().drift, drift)
  fold.learn(outcomeOf({ ...LOST, u: 0.09 }), 259_999)
  t.equal(generationsAt(fold), 600 + 1)
  t.ok(fold.state().drift[0]! > 1)
  fold.learn(outcomeOf({ u: 0.3 }), 260_000)
  t.equal(generationsAt(fold), 600 + 2)
})

t.test('generations begun before the share fell are no evidence, unless they are control after it as well; for a while none is compared', async (t) => {
  const fold = memoryFold({ settle_seconds: 60 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, FIRST)
  const { control_share: share, narrows_until } = fold.state()
  t.ok(share > 0.1 && share < 0.2)
  t.equal(narrows_until, 120_000, 'the fall has just come')
  fold.learn(outcomeOf({ u: 0.2 }), 119_999)
  t.match(fold.state(), { unsettled: 2, arms: { control: { generations: 0 } } }, 'control only because it began under a share of 1')
  fold.learn(outcomeOf({ u: 0.1 }), 119_999)
  t.match(fold.state(), { unsettled: 2, arms: NO_ARMS }, 'control under both: evidence, but not compared yet')
  fold.learn({ ...TREATED, u: 0.2 }, 119_999)
  t.match(fold.state(), { arms: { treated: { generations: 0 } } }, 'of those begun since, the short ones come first')
  fold.learn({ ...TREATED, u: 0.2 }, 120_000)
  t.match(fold.state(), { arms: { treated: { generations: 1 } } })
  fold.learn(outcomeOf({ u: 0.2 }), 120_000)
  t.equal(generationsAt(fold), FIRST + 2, 'later an echoed arm is what it says')
  t.strictSame(['*', 'model=q'].map((key) => generationsAt(fold, key)), [FIRST, FIRST], 'above the leaf the floor decides')
})

t.test('tokens saved are estimated from what the treated used', async (t) => {
  const saved = (outcome: LoggedOutcome, policy = {}, evidence = KEPT) => {
    const fold = memoryFold(policy)
    fold.learn(evidence, 0, FIRST)
    fold.learn(outcome)
    return fold.state().tokens_saved
  }
  t.ok(Math.abs(saved(outcomeOf({ arm: 'treated', stopped: true, tokens: 40 })) - 60) < 1e-9, '60 % saved: 40 would have been 100')
  t.equal(saved(KEPT), 0, 'control saves nothing')
  t.equal(saved(TREATED, { mode: 'shadow' }), 0, 'nor does shadow')
  const atOnce = outcomeOf({ steps: [{ ...SURE_STEP, tokens: 0 }] })
  t.equal(saved(outcomeOf({ arm: 'treated', stopped: true, tokens: 5 }), {}, atOnce), 0, 'a threshold that seems to save everything is no measure')
})

t.test('beyond MAX_CONTEXTS outcomes of new contexts reach only their existing parents', async (t) => {
  const fold = memoryFold({}, { max_contexts: 4 })
  fold.learn(KEPT)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'second' } }))
  t.equal(fold.ledger.contexts, 4)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' } }))
  t.equal(fold.ledger.refused, 1)
  t.notOk(fold.states.has('model=q,task=third'))
  t.equal(generationsAt(fold, 'model=q'), 3)
  fold.learn(outcomeOf({ context: { model: 'new', task: 'third' } }))
  t.equal(fold.ledger.refused, 2)
  t.strictSame([...fold.states.keys()], [...CHAIN, 'model=q,task=second'])
  t.equal(generationsAt(fold, '*'), 4)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' }, u: 0.5 }))
  t.equal(generationsAt(fold, 'model=q'), 3, 'and parents count them only below the floor')
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' }, arm: null, u: 0.5 }))
  fold.learn(outcomeOf({ context: { model: 'q', task: 'third' }, arm: null, u: 0.01 }))
  t.equal(generationsAt(fold, 'model=q'), 4, 'without an arm the floor decides')
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
