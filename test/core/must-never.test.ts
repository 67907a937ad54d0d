import fc from 'fast-check'
import t from 'tap'
import { certifiedIndex } from '../../src/core/stats/certified-threshold.js'
import { GRID } from '../../src/core/decide/grid.js'
import { linkOf } from '../../src/core/learn/chain-link.js'
import { knownEvidence } from '../../src/core/evidence/gathered-evidence.js'
import { judge } from '../../src/core/learn/judge.js'
import { FIRST_UNITS } from '../../src/core/evidence/membership.js'
import { bundleOf, snapshotOfBundle } from '../../src/core/decide/bundle.js'
import { decide } from '../../src/core/decide/decide.js'
import { compileSnapshot } from '../../src/core/learn/compile-snapshot.js'
import type { Snapshot } from '../../src/core/decide/snapshot.js'
import type { LoggedOutcome } from '../../src/core/outcome/outcome.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { encodeState, reviveState } from '../../src/store/encoding/context-states.js'
import { holds, numRuns } from '../property.js'
import { mulberry32 } from '../random.js'
import { evidenceWith } from './stats/random-evidence.js'
import { PREDICTOR } from './decide/snapshot-of.js'
import { enrolledFold, FOLLOW_UP } from './learn/enrolled-fold.js'
import {
  CHAIN, FIRST, KEPT, LEAF, LOSSES_UNTIL_ALARM, LOST, memoryFold, type MemoryFold, outcomeOf, policyWith, SECOND, SURE_STEP,
} from './learn/memory-fold.js'
import { addPredictor } from './learn/predictor-fold.js'

// Events that must never happen, one test each.

const LAST = GRID.length - 1

/** The snapshot that a replica compiles from learned state. */
function snapshotFrom (fold: MemoryFold): Snapshot {
  const { configuration: { levels, defaults }, policies, pins } = fold.ledger
  const inputs = { levels, defaultPolicy: defaults, policies, pins, predictors: fold.predictors }
  const links = new Map([...fold.states].map(([key, state]) => [key, linkOf(inputs, key, state)]))
  return compileSnapshot({ stateId: 'test', version: 1, levels, salt: 'salt' }, links, fold.predictors)
}

const sureStep = { tokens: 40, confidence: 1, arm: 'treated' } as const

t.test('must never: the first failing threshold returned', async (t) => {
  const bar = Math.log(20)
  for (let passing = 0; passing <= GRID.length; passing++) {
    const lost = GRID.map((_, k) => k < passing ? 0 : 60)
    t.equal(certifiedIndex(evidenceWith(1000, lost, GRID.map(() => 0.5)), 0.02, bar), passing - 1, `${passing} pass`)
  }
  const fold = memoryFold()
  const loseFrom = (k: number) => outcomeOf({ steps: [{ tokens: 20, confidence: GRID[k]!, exact_match: 0 }, SURE_STEP] })
  fold.learn(loseFrom(12), 0, 30)
  fold.learn(KEPT, 0, 400)
  t.match(fold.state(), { rule: { index: 11, threshold: GRID[11] } })
  const snapshot = snapshotFrom(fold)
  t.equal(decide(snapshot, 'fresh', { ...sureStep, confidence: GRID[12]!, context: { model: 'q', task: 'gsm8k' } }).decision, 'continue')
  t.equal(decide(snapshot, 'fresh', { ...sureStep, confidence: GRID[11]!, context: { model: 'q', task: 'gsm8k' } }).decision, 'stop')
})

t.test('must never: fixed-n tests re-run under peeking (test/slow/core/peeking.test.ts simulates it): a certificate needs evidence at the bar', async (t) => {
  const fold = memoryFold()
  fold.learn(LOST)
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().rule.index, -1)
})

t.test('must never: outcomes of generations that were not enrolled as control, or not enrolled at all, in the evidence', async (t) => {
  const us = [0.001, 0.01, 0.019, 0.3, 0.39, 0.41, 0.5, 0.79, 0.9]
  const outcome: fc.Arbitrary<LoggedOutcome> = fc.record({
    u: fc.constantFrom(...us),
    arm: fc.constantFrom('control', 'control', 'treated', null),
    stopped: fc.constantFrom(false, false, false, true),
    full: fc.constantFrom({ exact_match: 1 as const }, { exact_match: 0 as const }, { agreement: 1 as const }, {}),
    steps: fc.constantFrom([SURE_STEP], [], null),
  }).map((fields) => ({ ...outcomeOf(), ...fields, hash: fields.u }))
  holds(t, fc.property(fc.uniqueArray(outcome, { selector: ({ u }) => u, maxLength: 9 }), fc.subarray(us), (outcomes, enrolled) => {
    const fold = enrolledFold()
    fold.enrol([], 0)
    fold.enrol(enrolled, 1, { share: 0.4 })
    for (const [i, one] of outcomes.entries()) fold.learn({ ...one, generation_id: `g${i}` }, 1000)
    fold.pass(5000, FOLLOW_UP + 2000)
    const { generations, full_tokens } = knownEvidence(fold.state().evidence)
    const isPresent = (u: number) => outcomes.some((one) => one.u === u && !one.stopped && one.arm !== 'treated' && one.steps?.length === 1)
    const control = enrolled.filter((u) => u < 0.4)
    // The others count as lost, and as nothing else.
    return generations === control.length && full_tokens === 100 * control.filter(isPresent).length
  }), 150)
})

t.test('must never: one outcome counted twice: once at each link and threshold, however many steps cross (repeats: test/store/contract.ts)', async (t) => {
  const fold = memoryFold()
  const many = outcomeOf({ steps: Array.from({ length: 50 }, (_, i) => ({ tokens: i, confidence: i / 49, exact_match: 0 as const })) })
  fold.learn(many)
  const { generations, lost, gained, unprobed } = knownEvidence(fold.state().evidence)
  t.equal(generations, 1)
  t.ok([...lost, ...gained, ...unprobed].every((count) => count <= 1))
})

t.test('must never: evidence kept over a change that opens an epoch', async (t) => {
  const changes: [cause: string, entries: LogEntry[], time: number][] = [
    ['label', [{ type: 'policy', key: '*', policy: { label: 'agreement' }, by: 'ops' }], 1],
    ['min_tokens', [{ type: 'policy', key: '*', policy: { min_tokens: 8 }, by: 'ops' }], 1],
    ['check_every_tokens', [{ type: 'policy', key: '*', policy: { check_every_tokens: 8 }, by: 'ops' }], 1],
    ['levels', [{ type: 'configuration', configuration: { levels: ['model', 'task', 'tenant'], max_contexts: 99, defaults: memoryFold().ledger.configuration.defaults } }], 1],
    ['reset', CHAIN.map((key) => ({ type: 'reset', key, by: 'ops', reason: 'test' })), 1],
    ['checkpoint', [{ type: 'checkpoint', key: '*', run: 'r', step: 1, by: 'trainer' }], 1],
    ['drift', Array<LogEntry>(LOSSES_UNTIL_ALARM).fill(LOST), 1],
    ['silence', [{ type: 'tick' }], 1e12],
  ]
  for (const [cause, entries, time] of changes) {
    const fold = memoryFold()
    fold.learn(KEPT, 0, FIRST)
    t.equal(fold.state().rule.index, LAST, 'certified')
    for (const entry of entries) fold.learn(entry, time)
    for (const [key, state] of fold.states) {
      t.equal(knownEvidence(state.evidence).generations, 0, `${cause}: no evidence left of ${key}`)
      t.equal(state.rule.index, -1, `${cause}: no threshold is left`)
    }
    for (const context of [{ model: 'q', task: 'gsm8k' }, undefined]) {
      t.equal(decide(snapshotFrom(fold), 'fresh', { ...sureStep, ...(context && { context }) }).decision, 'continue', `${cause}: nothing is stopped`)
    }
  }
})

t.test('must never: evidence of another score certifies, while the learner has not folded the change', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 4000)
  for (const patch of [{ score: 'p' }, { label: 'agreement' }, { min_tokens: 8 }, { check_every_tokens: 8 }] as const) {
    t.strictSame(judge(fold.state(), policyWith(patch), ['model', 'task'], fold.predictors), { index: -1, threshold: null, guarantee: null }, JSON.stringify(patch))
  }
})

t.test('must never: a pooled certificate called the child\'s', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT, 0, FIRST)
  const ask = (context: object) => decide(snapshotFrom(fold), 'fresh', { ...sureStep, context: { ...context } })
  const pooled = { decision: 'stop', scope: 'pool', context: 'model=q' } as const
  t.match(ask({ model: 'q', task: 'gsm8k' }), pooled, 'though all of the evidence is its own')
  t.match(ask({ model: 'q', task: 'unseen' }), { decision: 'continue', scope: 'none' }, 'a new member')
  t.match(ask({ model: 'unseen', task: 'x' }), { decision: 'continue', scope: 'none' }, 'another pool')
  fold.learn({ type: 'policy', key: '*', policy: { certify_at: null }, by: 'ops' })
  t.match(ask({ model: 'q', task: 'gsm8k' }), { decision: 'continue', scope: 'none' }, 'what the pool showed certifies no member')
})

t.test('must never: evidence of a pool from a member that the pool does not cover', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT, 0, FIRST)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 0, FIRST_UNITS)
  const evidence = () => fold.states.get('model=q')!.evidence.final.generations
  const before = evidence()
  fold.learn({ type: 'policy', key: LEAF, policy: { check_every_tokens: 512 }, by: 'ops' })
  const members = () => snapshotFrom(fold).root.children.get('q')!.children
  t.match(members().get('gsm8k')!.rule, { threshold: null, controlShare: 0, enrolledShare: 0 }, 'it continues, and enrols and probes nobody')
  fold.learn(KEPT, 0, 10)
  t.equal(evidence(), before)
  t.not(members().get('other')!.rule.threshold, null, 'other members are served')
})

t.test('must never: evidence of a pool from a member that has a pin of its own', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT, 0, FIRST)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.1, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  const { evidence: { final: evidence }, guards: { arms } } = fold.states.get('model=q')!
  fold.learn(KEPT, 0, 10)
  fold.learn({ ...KEPT, arm: 'treated', stopped: true }, 0, 10)
  t.match(fold.states.get('model=q'), { evidence: { final: evidence }, guards: { arms } }, 'neither control nor treated generations of it')
})

t.test('must never: the threshold of a pool for a member that has left it', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  const lossy = outcomeOf({ context: { model: 'q', task: 'lossy' }, steps: [{ ...SURE_STEP, exact_match: 0 }] })
  const LOSSY = 'model=q,task=lossy'
  fold.learn(KEPT, 0, 2 * FIRST)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'lossy' } }), 0, 2 * FIRST_UNITS)
  for (let i = 0; i < 20; i++) {
    fold.learn(lossy, i)
    fold.learn(KEPT, i, 70)
  }
  t.match(fold.changes.at(-1), { key: LOSSY, cause: 'left_pool', before: GRID[LAST], after: null }, 'the member alone: its own detector alarmed')
  const asked = (task: string, snapshot = snapshotFrom(fold)) => decide(snapshot, 'fresh', { ...sureStep, context: { model: 'q', task } })
  const stays = { decision: 'continue', threshold: null, scope: 'none', reason: 'no_threshold' } as const
  const check = (when: string) => {
    t.match(asked('lossy'), stays, when)
    t.match(asked('gsm8k'), { decision: 'stop', scope: 'pool' }, `${when}: the others are served`)
    t.match(asked('lossy', snapshotOfBundle(bundleOf(snapshotFrom(fold)))), stays, `${when}: in a bundle`)
  }
  check('it has left')
  const { rule } = snapshotFrom(fold).root.children.get('q')!.children.get('lossy')!
  t.match(rule, { controlShare: 0, enrolledShare: 0 }, 'it runs in full, and enrols nobody')
  const step = { tokens: 40, confidence: 1, generation_id: 'g', context: { model: 'q', task: 'lossy' } }
  t.match(decide(snapshotFrom(fold), 'fresh', step), { arm: 'treated', probe: false }, 'no probe is paid for, since none would count')
  t.match(decide(snapshotFrom(fold), 'fresh', { ...step, arm: 'control' }), { probe: true }, 'a generation that was enrolled before goes on')
  const { evidence: { final: evidence } } = fold.state('model=q')
  fold.learn(outcomeOf({ context: { model: 'q', task: 'lossy' } }), 99, 500)
  t.equal(fold.state('model=q').evidence.final, evidence, 'it is not evidence for the pool')
  check('however well it does later')
  for (const [key, state] of fold.states) fold.states.set(key, reviveState(JSON.parse(encodeState(state))))
  check('from the store')
  fold.learn({ type: 'reset', key: LOSSY, by: 'ops', reason: 'test' }, 100)
  check('after an epoch of its own')
  fold.learn({ type: 'policy', key: 'model=q', policy: { max_em_drop: 0.03 }, by: 'ops' }, 101)
  fold.learn({ type: 'policy', key: 'model=q', policy: null, by: 'ops' }, 102)
  check('after a change of the policy that keeps the evidence')
  fold.learn({ type: 'reset', key: 'model=q', below: false, by: 'ops', reason: 'test' }, 103)
  fold.learn(KEPT, 103, SECOND)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'lossy' } }), 104, FIRST_UNITS)
  t.match(asked('lossy'), { decision: 'stop', scope: 'pool' }, 'the next epoch of the pool brings it back')
})

t.test('must never: a predictor certified on its own training data', async (t) => {
  // It has memorised: for each generation it was trained on, a signal says whether stopping early loses it. For others it says nothing.
  const random = mulberry32(11)
  const predictor = {
    ...PREDICTOR,
    signals: [{ name: 'memory', mean: 0, scale: 1 }],
    contexts: { '*': { log_median: Math.log(100), weights: [0, 0, 0, 0, 1] } },
    trained: { generations: 1000, steps: 1000, groups: Array.from({ length: 1000 }, (_, i) => i / 1000) },
  }
  const generation = (u: number, isTrainedOn: boolean) => {
    const isLost = random() < 0.06 // three times what is tolerated
    const early = { tokens: 10, confidence: 0, exact_match: isLost ? 0 : 1, signals: { memory: isTrainedOn && isLost ? -8 : 8 } } as const
    return outcomeOf({ u, steps: [early, { tokens: 90, confidence: 1, exact_match: 1, signals: { memory: 0 } }] })
  }
  const play = (groups: readonly number[], isTrainedOn: boolean, fresh: boolean) => {
    const fold = memoryFold({ score: 'p', control_rate: 1 })
    fold.learn(outcomeOf({ u: 0.9999 }))
    addPredictor(fold, { ...predictor, trained: { ...predictor.trained, groups: fresh ? [] : predictor.trained.groups } })
    let ever = false
    for (const u of groups) {
      fold.learn(generation(u, isTrainedOn), 2)
      ever ||= fold.state().rule.threshold !== null
    }
    return { ever, units: fold.state().evidence.final.generations }
  }
  const again = play(predictor.trained.groups, true, false)
  t.same(again, { ever: false, units: 0 }, 'the same groups again, as new generations')
  t.ok(play(predictor.trained.groups, true, true).ever, 'counted as evidence they would certify it: it looks perfect there')
  const others = Array.from({ length: 2000 }, (_, i) => (i + 0.5) / 2000)
  t.same(play(others, false, false), { ever: false, units: 2000 }, 'on others it is seen through')
})

t.test('must never: evidence of one checkpoint counted in another\'s epoch', async (t) => {
  const entry = fc.oneof(
    { weight: 6, arbitrary: fc.record({ late: fc.boolean(), wait: fc.nat({ max: 3 }) }) },
    { weight: 1, arbitrary: fc.constant(null) })
  holds(t, fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
    const fold = memoryFold()
    let time = 0
    let step = 0
    const servedBy = new Map<string, number>()
    const waiting: string[] = []
    const label = (id: string) => fold.learn({ type: 'label', generation_id: id, em: 1 }, time)
    for (const [i, one] of entries.entries()) {
      if (one === null) {
        fold.learn({ type: 'checkpoint', key: 'model=q', run: 'r', step: ++step, by: 'trainer' }, time)
        continue
      }
      time += one.wait
      const generation_id = `g${i}`
      servedBy.set(generation_id, step)
      fold.learn(outcomeOf({ generation_id, ...(one.late && { full: {} }) }), time)
      if (one.late) waiting.push(generation_id)
      if (i % 3 === 0) for (const id of waiting.splice(0)) label(id)
      const own = [...servedBy.values()].filter((served) => served === step).length
      if (knownEvidence(fold.state().evidence).generations > own) return false
    }
    for (const id of waiting) label(id)
    const own = [...servedBy.values()].filter((served) => served === step).length
    return !fold.states.has(LEAF) || knownEvidence(fold.state().evidence).generations <= own
  }), numRuns(200, 500))

  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT, 0, 4000)
  fold.learn({ type: 'checkpoint', key: 'model=q', run: 'r', step: 1, by: 'trainer' }, 1)
  t.equal(decide(snapshotFrom(fold), 'fresh', { ...sureStep, context: { model: 'q', task: 'gsm8k' } }).decision, 'continue', 'a pool does not bring the certificate back')
})
