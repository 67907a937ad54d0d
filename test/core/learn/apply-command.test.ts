import t from 'tap'
import { tokensSavedRatio } from '../../../src/core/stats/evidence.js'
import { NO_DRIFT } from '../../../src/core/guards/drift.js'
import { NO_FIDELITY } from '../../../src/core/guards/fidelity.js'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { contextWarnings } from '../../../src/core/learn/context-warnings.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { judge } from '../../../src/core/learn/judge.js'
import type { Pin } from '../../../src/core/policy/pin.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { inStep } from '../../../src/core/learn/apply-pin.js'
import { SERVICE } from '../../../src/core/learn/apply-reset.js'
import { TRAINER } from '../../../src/core/learn/apply-predictor.js'
import { policyOf } from '../../../src/core/learn/ledger.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { enrolledFold, FOLLOW_UP } from './enrolled-fold.js'
import {
  CHAIN, FIRST, KEPT, LEAF, losslessGenerations, LOST, memoryFold, type MemoryFold, outcomeOf, withUnaccounted,
} from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early, LATE_STEP, retirePredictor } from './predictor-fold.js'
import { changed } from '../../changed-state.js'

const LAST = GRID.length - 1

/** A fold whose chain is certified, at time 0. */
function certified (defaults: PolicyPatch = {}): MemoryFold {
  const fold = memoryFold(defaults)
  fold.learn(KEPT, 0, FIRST)
  return fold
}

function setPolicy (fold: MemoryFold, policy: PolicyPatch | null, key = '*', time = 1000): void {
  fold.learn({ type: 'policy', key, policy, by: 'ops' }, time)
}

const judged = (fold: MemoryFold, key = LEAF) =>
  judge(fold.state(key), policyOf(fold.ledger, key), fold.ledger.configuration.levels, fold.predictors)

t.test('a change of label, min_tokens, check_every_tokens or check_growth opens an epoch that starts from zero', async (t) => {
  for (const policy of [{ label: 'agreement' }, { min_tokens: 1 }, { check_every_tokens: 64 }, { check_growth: 0.1 }] as const) {
    const fold = certified()
    setPolicy(fold, policy)
    for (const key of CHAIN) {
      const control_share = key === LEAF ? 1 : FIRST_SHARE // the traffic of the leaf is known
      t.match(fold.state(key), { epoch: { number: 2, cause: 'policy', started_at: 1000 }, reports: { generations: 0, follow_up: NO_FOLLOW_UP }, rule: { index: -1, control_share }, guards: { drift: NO_DRIFT } }, `${JSON.stringify(policy)} ${key}`)
      t.equal(knownEvidence(fold.state(key).evidence).generations, 0)
    }
    t.match(fold.changes.findLast(({ key }) => key === LEAF), { cause: 'policy', before: GRID[LAST], after: null, epoch: 2 })
    setPolicy(fold, null, '*', 2000)
    t.equal(fold.state().epoch.number, 3, 'changing back is a change too: earlier evidence is gone')
    t.equal(knownEvidence(fold.state().evidence).generations, 0)
  }
})

t.test('any other change keeps the epoch and its evidence', async (t) => {
  for (const policy of [
    { max_em_drop: 0.03 }, { error_level: 0.1 }, { control_rate: 0.5 }, { mode: 'shadow' }, { mode: 'off' },
    { label_rate: 0.5 }, { max_evidence_age_seconds: 9 },
  ] as const) {
    const fold = certified()
    setPolicy(fold, policy)
    t.equal(fold.state().epoch.number, 1, JSON.stringify(policy))
    t.equal(knownEvidence(fold.state().evidence).generations, FIRST)
  }
})

t.test('a policy reaches the contexts below its key, and no others', async (t) => {
  const fold = certified()
  fold.learn(outcomeOf({ context: { model: 'qq', task: 'gsm8k' } }))
  setPolicy(fold, { min_tokens: 5 }, 'model=q')
  t.strictSame([...fold.states].map(([key, state]) => [key, state.epoch.number]),
    [['*', 1], ['model=q', 2], [LEAF, 2], ['model=qq', 1], ['model=qq,task=gsm8k', 1]])
})

t.test('a guarantee requested after the first evidence keeps that evidence, but its bar is 30/error_level and it is marked post hoc', async (t) => {
  for (const policy of [{ max_em_drop: 0.03 }, { error_level: 0.1 }]) {
    const fold = certified()
    setPolicy(fold, policy)
    t.equal(fold.state().rule.index, -1, 'the evidence reaches the bar of a guarantee requested in time, but not thirty times that bar')
    const { max_em_drop, error_level } = policyOf(fold.ledger, LEAF)
    const needed = losslessGenerations(max_em_drop, error_level / 30)
    fold.learn(KEPT, 1000, needed - FIRST - 1)
    t.equal(fold.state().rule.index, -1)
    fold.learn(KEPT, 1000)
    t.equal(fold.state().rule.index, LAST)
    t.match(judged(fold).guarantee, { post_hoc: true, ...policy, units: needed })
    t.equal(fold.state().epoch.number, 1)
  }
})

t.test('the guarantee requested first is not post hoc when it is requested again; nor is the present one in a new epoch', async (t) => {
  const fold = certified()
  setPolicy(fold, { max_em_drop: 0.03 })
  setPolicy(fold, null)
  t.match(judged(fold).guarantee, { post_hoc: false })
  t.equal(fold.state().rule.index, LAST)
  setPolicy(fold, { max_em_drop: 0.03 })
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'start over' }, 2000)
  fold.learn(KEPT, 2000, losslessGenerations(0.03, 0.05 / 2)) // the second epoch that people open has half of the level
  t.match(judged(fold).guarantee, { post_hoc: false, max_em_drop: 0.03 })
  t.equal(fold.state().epoch.number, 2)
})

t.test('a guarantee that changes before any evidence is not post hoc', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf({ arm: 'treated' }))
  setPolicy(fold, { max_em_drop: 0.05 })
  fold.learn(KEPT, 2000, losslessGenerations(0.05, 0.05))
  t.match(judged(fold).guarantee, { post_hoc: false, max_em_drop: 0.05 })
})

t.test('another max_em_drop restarts the detectors of drift and breach, another error_level does not', async (t) => {
  const fold = certified()
  fold.learn(KEPT, 0, 300)
  fold.learn(LOST, 0, 2)
  const stop = { arm: 'treated', u: 0.999, stopped: true, steps: null, stopped_probe: { tokens: 40, exact_match: 1 }, full: { exact_match: 0 } } as const
  fold.learn(outcomeOf(stop), 0, 3)
  const { guards: { drift, fidelity, arms } } = fold.state()
  t.ok(drift[0]! > 1 && fidelity.detector[0]! > 1)
  setPolicy(fold, { error_level: 0.06 })
  t.match(fold.state(), { guards: { drift, fidelity, arms } })
  setPolicy(fold, { max_em_drop: 0.03, error_level: 0.06 })
  t.strictSame(fold.state().guards.drift, NO_DRIFT)
  t.strictSame(fold.state().guards.fidelity, { ...fidelity, detector: NO_FIDELITY.detector }, 'what was counted stays')
  t.strictSame(fold.state().guards.arms, arms)
})

t.test('another max_em_drop restarts the detectors of members, too', async (t) => {
  const fold = certified({ certify_at: 'model' })
  fold.learn(KEPT, 0, 300)
  fold.learn(LOST, 0, 2)
  fold.learn(LOST) // the detector watches slices that have ended
  const { drift } = fold.state().membership!
  t.ok(drift[0]! > 1)
  setPolicy(fold, { error_level: 0.06 })
  t.strictSame(fold.state().membership!.drift, drift)
  setPolicy(fold, { max_em_drop: 0.03, error_level: 0.06 })
  t.match(fold.state().membership, { drift: NO_DRIFT, evidence: { generations: FIRST + 303 } })
})

t.test('another control rate moves the share at once', async (t) => {
  const fold = certified({ control_rate: 0.1 })
  t.equal(fold.state().rule.control_share, 0.1)
  setPolicy(fold, { control_rate: 0.05 }, '*', 10_000)
  t.equal(fold.state().rule.control_share, 0.05)
  setPolicy(fold, { control_rate: 0.5 }, '*', 20_000)
  t.equal(fold.state().rule.control_share, 0.5)
})

t.test('a pin moves the share, and nothing of the evidence', async (t) => {
  const fold = certified()
  const before = fold.state()
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: null, reason: 'incident', by: 'ops', expires_at: null }, by: 'ops', reason: 'incident' }, 1000)
  t.strictSame(fold.state(), changed(before, { rule: { control_share: 1 } }))
  fold.learn({ type: 'pin', key: LEAF, pin: null, by: 'ops', reason: 'over' }, 2000)
  t.equal(fold.state().rule.control_share, before.rule.control_share)
  t.equal(fold.ledger.pins.size, 0)
})

t.test('the history names who gave a command and why, even where no threshold moves', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  const noted = (entry: LogEntry) => {
    fold.changes.length = 0
    fold.learn(entry, 9)
    return fold.changes
  }
  const pin = (threshold: number | null) => ({ threshold, reason: 'incident', by: 'ops', expires_at: null })
  const change = { time: 9, key: LEAF, epoch: 1, by: 'ops' }
  t.strictSame(noted({ type: 'pin', key: LEAF, pin: pin(0.9), by: 'ops', reason: 'incident' }), [{ ...change, cause: 'pin', before: null, after: 0.9, reason: 'incident' }])
  t.strictSame(noted({ type: 'pin', key: LEAF, pin: pin(0.8), by: 'ops', reason: 'worse' }), [{ ...change, cause: 'pin', before: 0.9, after: 0.8, reason: 'worse' }])
  t.strictSame(noted({ type: 'pin', key: LEAF, pin: null, by: 'ops', reason: 'over' }), [{ ...change, cause: 'pin', before: 0.8, after: null, reason: 'over' }])
  t.strictSame(noted({ type: 'pin', key: LEAF, pin: null, by: 'ops', reason: 'over' }), [], 'there was none')
  t.strictSame(noted({ type: 'policy', key: LEAF, policy: { mode: 'off' }, by: 'ops' }), [{ ...change, cause: 'policy', before: null, after: null, fields: ['mode'], mode_before: 'enforce', mode_after: 'off' }])
  t.strictSame(noted({ type: 'reset', key: LEAF, by: 'ops', reason: 'new' }), [{ ...change, cause: 'reset', epoch: 2, before: null, after: null, reason: 'new' }])
  t.strictSame(noted({ type: 'policy', key: LEAF, policy: null, by: 'eve', reason: 'back' }), [{ ...change, cause: 'policy', epoch: 2, before: null, after: null, fields: ['mode'], mode_before: 'off', mode_after: 'enforce', by: 'eve', reason: 'back' }])
  t.match(noted({ type: 'policy', key: LEAF, policy: { max_em_drop: 0.03, label_rate: 0.5 }, by: 'ops' }), [{ fields: ['label_rate', 'max_em_drop'] }])
  t.match(noted({ type: 'policy', key: LEAF, policy: { max_em_drop: 0.02, label_rate: 0.5 }, by: 'ops' }), [{ fields: ['max_em_drop'] }])
  t.match(noted({ type: 'policy', key: 'model=nobody', policy: { mode: 'off' }, by: 'ops' }), [{ cause: 'policy', epoch: 0 }], 'also of a context that is still to come')
})

t.test('for a pin, the history has the thresholds in force before and after, not those pinned', async (t) => {
  const fold = certified()
  const own = GRID[fold.state().rule.index]!
  const moved = (pin: Pin | null, time: number, key = LEAF) => {
    fold.changes.length = 0
    fold.learn({ type: 'pin', key, pin, by: 'ops', reason: 'test' }, time)
    return fold.changes.map(({ before, after }) => [before, after])
  }
  const pin = { threshold: null, reason: 'test', by: 'ops', expires_at: null }
  t.same(moved(pin, 1), [[own, null]])
  t.same(moved({ ...pin, threshold: 0.5, expires_at: 100 }, 2), [[null, 0.5]])
  t.same(moved(null, 200), [[0.5, own]], 'it had expired')
  moved({ ...pin, threshold: 0.5, expires_at: 220 }, 210)
  t.same(moved({ ...pin, threshold: 0.6 }, 230), [[own, 0.6]], 'it had, and another came')
  moved(null, 240)
  t.same(moved({ ...pin, threshold: 0.5 }, 300, 'model=q'), [[null, 0.5]], 'a context that does not certify has no threshold')
  t.same(moved({ ...pin, threshold: 0.5 }, 300, 'model=nobody'), [[null, 0.5]])
})

t.test('a policy that moves the threshold of its own context adds one row to the history', async (t) => {
  const fold = certified()
  fold.changes.length = 0
  setPolicy(fold, { min_tokens: 5 }, LEAF)
  t.match(fold.changes, [{ key: LEAF, cause: 'policy', before: GRID[LAST], after: null, by: 'ops' }])
  t.equal(fold.changes.length, 1)
})

t.test('a context that joins a pool, and later leaves it, starts from zero each time', async (t) => {
  const fold = certified()
  setPolicy(fold, { certify_at: 'model' })
  t.match(fold.state(), { epoch: { number: 2, cause: 'policy' }, rule: { threshold: null } })
  t.match(fold.state('model=q'), { epoch: { number: 2, cause: 'policy' } })
  t.equal(fold.state('*').epoch.number, 1, 'it gathers no evidence before or after')
  setPolicy(fold, {})
  t.match(fold.state(), { epoch: { number: 3 }, rule: { threshold: null } })
  t.match(fold.state('model=q'), { epoch: { number: 3 } })
})

t.test('a pool starts from zero when a context leaves or joins it, and its other members keep their epoch', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT, 1000, FIRST)
  const other = 'model=q,task=other'
  fold.learn({ ...KEPT, context: { model: 'q', task: 'other' } })
  const inForce = fold.state('model=q').rule.threshold
  t.not(inForce, null)
  setPolicy(fold, { certify_at: null }, LEAF)
  t.match(fold.state('model=q'), { epoch: { number: 2, cause: 'policy' }, rule: { threshold: null, control_share: 1 } }, 'its evidence was of the context that left')
  t.match(fold.changes.at(-1), { key: LEAF, cause: 'policy', by: 'ops' })
  t.match(fold.changes.filter(({ key }) => key === 'model=q').at(-1), { cause: 'policy', before: inForce, after: null, by: 'ops' })
  t.same([LEAF, other].map((key) => fold.state(key).epoch.number), [2, 1])
  setPolicy(fold, {}, LEAF)
  t.same(['model=q', LEAF, other].map((key) => fold.state(key).epoch.number), [3, 3, 1])
})

t.test('generations enrolled before their context joined a pool do not count as lost once it has left', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  setPolicy(fold, { certify_at: 'model' })
  setPolicy(fold, {})
  fold.pass(1000, FOLLOW_UP + 1000)
  t.match(fold.state(), { epoch: { number: 3 }, reports: { follow_up: { enrolled: 0, missing: 0 } } })
})

t.test('a pin on a pool moves the share of the pool', async (t) => {
  const fold = memoryFold({ certify_at: 'model' })
  fold.learn(KEPT)
  fold.learn({ type: 'pin', key: 'model=q', pin: { threshold: 0.9, reason: 'try', by: 'ops', expires_at: null }, by: 'ops', reason: 'try' }, 1000)
  t.ok(fold.state('model=q').rule.control_share < 1)
})

t.test('a reset opens an epoch in that context and everything below it', async (t) => {
  const fold = certified()
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'new checkpoint' }, 3000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'reset', started_at: 3000 }, rule: { index: -1, control_share: 1 }, reports: { generations: 0 } })
  t.equal(knownEvidence(fold.state().evidence).generations, 0)
  t.equal(fold.state('model=q').epoch.number, 1)
  t.match(fold.changes.at(-1)!, { key: LEAF, cause: 'reset', before: GRID[LAST], after: null })
  fold.learn({ type: 'reset', key: 'model=q', by: 'ops', reason: 'new weights' }, 3500)
  t.strictSame(CHAIN.map((key) => fold.state(key).epoch.number), [1, 2, 3])
  t.equal(fold.state().epoch.looks.count, 1, 'an epoch without any report is no look')
  fold.learn({ type: 'reset', key: 'model=nobody', by: 'ops', reason: 'typo' }, 4000)
  t.notOk(fold.states.has('model=nobody'))
})

t.test('a reset by the service is no look', async (t) => {
  for (const [by, looks] of [['ops', 1], [SERVICE, 0]] as const) {
    const fold = certified()
    fold.learn({ type: 'reset', key: LEAF, by, reason: 'damaged' }, 3000)
    t.match(fold.state(), { epoch: { number: 2, looks: { count: looks } } }, by)
  }
})

t.test('a reset keeps a pin, and the control share under it', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.9, reason: 'try', by: 'ops', expires_at: null }, by: 'ops', reason: 'try' })
  t.equal(fold.state().rule.control_share, 0.02)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'new checkpoint' })
  t.equal(fold.state().rule.control_share, 0.02)
})

t.test('a change of policy ends a certificate, and changing back does not restore it where the present evidence falls short', async (t) => {
  const fold = certified()
  fold.states.set(LEAF, withUnaccounted(fold.state(), 5)) // the present prefix no longer reaches the bar
  setPolicy(fold, { error_level: 0.04 }, LEAF)
  t.match(fold.state(), { evidence: { certified: -1 }, rule: { index: -1 } })
  setPolicy(fold, null, LEAF)
  t.match(fold.state(), { evidence: { certified: -1 }, rule: { index: -1 }, epoch: { number: 1 } })
})

t.test('other levels remove the contexts that do not fit them, and start an epoch in the others', async (t) => {
  const fold = certified()
  const { configuration } = fold.ledger
  fold.learn({ type: 'configuration', configuration: { ...configuration, levels: ['model'] } }, 1000)
  t.strictSame([...fold.states.keys()], ['*', 'model=q'])
  t.equal(fold.ledger.contexts, 2)
  t.match(fold.changes.findLast(({ key }) => key === LEAF)!, { cause: 'configuration', before: GRID[LAST], after: null }, 'what is dropped is noted')
  for (const key of fold.states.keys()) {
    t.match(fold.state(key), { epoch: { number: 2, cause: 'configuration' }, rule: { index: -1 } }, key)
    t.equal(knownEvidence(fold.state(key).evidence).generations, 0, key)
  }
  fold.learn({ type: 'configuration', configuration: { ...configuration, levels: ['task', 'model'] } }, 2000)
  t.strictSame([...fold.states.keys()], ['*'], 'the same levels in another order are other levels')
  t.equal(fold.ledger.contexts, 1)
})

t.test('policies and pins of earlier levels are in force again when the levels come back', async (t) => {
  const fold = certified()
  const { configuration } = fold.ledger
  setPolicy(fold, { min_tokens: 5 }, LEAF)
  fold.learn({ type: 'configuration', configuration: { ...configuration, levels: ['task'] } }, 1000)
  fold.learn({ type: 'configuration', configuration }, 2000)
  fold.learn(KEPT, 3000)
  t.equal(fold.state().epoch.meaning.min_tokens, 5, 'as a replica has it, which reads the store\'s policies')
})

t.test('a change of the default policy opens an epoch, as any change of policy does', async (t) => {
  const fold = certified()
  const { configuration } = fold.ledger
  fold.learn({ type: 'configuration', configuration: { ...configuration, defaults: { ...configuration.defaults, min_tokens: 9 } } }, 1000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'configuration', meaning: { min_tokens: 9 } } })
  fold.learn({ type: 'configuration', configuration: { ...configuration, max_contexts: 3 } }, 2000)
  t.equal(fold.state().epoch.number, 3)
  fold.learn({ type: 'configuration', configuration: { ...configuration, max_contexts: 4 } }, 3000)
  t.equal(fold.state().epoch.number, 3, 'another limit changes no meaning')
})

t.test('a fold leaves the pins of the ledger that it started from unchanged', async (t) => {
  const first = memoryFold()
  first.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.9, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' })
  const { pins } = first.ledger
  const second = memoryFold()
  second.ledger = first.ledger // committed, and remembered by the next fold
  second.learn({ type: 'pin', key: '*', pin: { threshold: 0.8, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' })
  second.learn({ type: 'pin', key: LEAF, pin: null, by: 'ops', reason: 'r' })
  t.same([...pins.keys()], [LEAF], 'what was remembered is untouched: the fold may yet be dropped')
  t.same([...second.ledger.pins.keys()], ['*'])
})

t.test('pins changed in one step are removed from the root down, then set from the leaves up', async (t) => {
  const pin = { threshold: 0.5, reason: 'test', by: 'ops', expires_at: null }
  const keys = [LEAF, '*', 'model=q']
  const ordered = inStep([...keys.map((key) => ({ key, pin })), ...keys.map((key) => ({ key: key.replace('q', 'r'), pin: null })).slice(0, 1)])
  t.same(ordered.map(({ key, pin }) => [key, pin !== null]), [[LEAF.replace('q', 'r'), false], [LEAF, true], ['model=q', true], ['*', true]])
})

function foldWithPredictor () {
  const fold = memoryFold({ score: 'p' })
  addPredictor(fold, BY_SIGNAL)
  fold.learn(early(), 1)
  return fold
}

t.test('the predictor that a policy names is tested at the whole level', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST - 2)
  t.match(fold.state(), { rule: { index: -1 }, evidence: { final: { generations: FIRST - 1 } } })
  fold.learn(early(), 2)
  t.match(fold.state(), { rule: { index: 29, threshold: BY_SIGNAL.grid[29], guarantee: { units: FIRST, error_level: 0.05 } } })
  t.equal(tokensSavedRatio(knownEvidence(fold.state().evidence), 29), 0.9)
  t.match(fold.changes.filter(({ key }) => key === LEAF), [{ cause: 'evidence', before: null, after: BY_SIGNAL.grid[29], after_scorer: 'p' }])
})

t.test('another score opens an epoch, which starts from zero and is a look', async (t) => {
  const fold = memoryFold()
  addPredictor(fold, BY_SIGNAL)
  fold.learn(early(), 1, FIRST)
  t.match(fold.state(), { rule: { threshold: GRID[29] } })
  const score = (score: string) => fold.learn({ type: 'policy', key: LEAF, policy: { score }, by: 'ops' }, 2)
  score('p')
  t.match(fold.state(), { epoch: { number: 2, cause: 'policy', looks: { count: 1 }, meaning: { score: 'p' } }, rule: { threshold: null }, evidence: { final: { generations: 0 } } })
  fold.learn(early(), 3)
  score('confidence')
  t.match(fold.state(), { epoch: { number: 3, looks: { count: 2 }, meaning: { score: 'confidence' } }, rule: { threshold: null }, evidence: { final: { generations: 0 } } })
})

t.test('a predictor that is no score changes no context', async (t) => {
  const fold = memoryFold()
  fold.learn(early(), 1, FIRST)
  addPredictor(fold, BY_SIGNAL)
  retirePredictor(fold, BY_SIGNAL, 3)
  t.match(fold.state(), { epoch: { number: 1 }, rule: { threshold: GRID[29] } })
})

const ended = (count: number, units: number, uncertified = 0, is_served = false) =>
  ({ looks: { count, at: 0, level: 0, uncertified }, error_level: 0.05, is_served, is_reported: units > 0, units })

t.test('E9: an import opens an epoch in every context, and is a look', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  t.not(fold.state().rule.threshold, null)
  fold.append({ type: 'import', replaced: {} }, 1000)
  t.match(fold.state(), {
    epoch: { number: 2, cause: 'import', looks: { count: 1, at: 1000 } }, rule: { threshold: null, control_share: 1 }, evidence: { final: { generations: 0 } },
  })
  t.match(fold.changes.at(-1), { key: LEAF, cause: 'import', after: null })
  for (const key of CHAIN) t.equal(fold.state(key).epoch.cause, 'import', key)
})

t.test('E9: an import takes the larger number of looks, and of generations without a certificate, of export and store', async (t) => {
  const looks = (...replaced: Array<ReturnType<typeof ended>>) => {
    const fold = memoryFold()
    fold.learn(LOST, 0, 7)
    fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' })
    fold.learn(LOST, 0, 8)
    fold.append({ type: 'import', replaced: Object.fromEntries(replaced.map((epoch) => [LEAF, epoch])) }, 1000)
    return fold.state().epoch.looks
  }
  t.match(looks(), { count: 2, uncertified: 15 })
  t.match(looks(ended(1, 0)), { count: 2, uncertified: 15 }, 'the epoch in the store had no report')
  t.match(looks(ended(1, 1)), { count: 2, uncertified: 15 })
  t.match(looks(ended(2, 1)), { count: 3, uncertified: 15 })
  t.match(looks(ended(0, 9, 11)), { count: 2, uncertified: 20 })
  t.match(looks(ended(0, 9, 11, true)), { count: 2, uncertified: 15 }, 'there a threshold was in force')
})

t.test('when the predictor that scores is retired, nothing is stopped and the context warns; its return begins again', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST)
  t.not(fold.state().rule.threshold, null)
  retirePredictor(fold, BY_SIGNAL, 3)
  t.match(fold.state(), { epoch: { number: 2, cause: 'predictor', looks: { count: 1 } }, rule: { threshold: null } })
  t.same(fold.ledger.predictors, [])
  t.match(fold.changes.at(-1), { cause: 'predictor', before_scorer: 'p', after: null })
  fold.learn(early(), 4, 1000)
  t.match(fold.state(), { rule: { threshold: null }, evidence: { final: { generations: 0 } } })
  t.match(contextWarnings(fold.state(), DEFAULT_POLICY), ['score_unavailable'])
  addPredictor(fold, BY_SIGNAL, 5)
  t.match(fold.state(), { epoch: { number: 3 }, rule: { threshold: null }, evidence: { final: { generations: 0 } } })
  t.same(contextWarnings(fold.state(), DEFAULT_POLICY), [])
  fold.learn({ type: 'predictor', name: 'p', version: null, by: 'ops' }, 6)
  t.match(fold.state(), { epoch: { number: 4 }, rule: { threshold: null } })
})

t.test('drift is watched at the threshold of the predictor', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST)
  const { epoch: { number: epoch } } = fold.state()
  const lostEarly = early({ steps: [{ tokens: 10, confidence: 0, exact_match: 0, signals: { sure: 8 } }, LATE_STEP] })
  const drift = [...fold.state().guards.drift]
  fold.learn(lostEarly, 3)
  t.ok(fold.state().guards.drift[0]! > drift[0]!, 'the raw confidence would have lost nothing')
  fold.learn(lostEarly, 3, 40)
  t.match(fold.state(), { epoch: { number: epoch + 1, cause: 'drift' }, rule: { threshold: null } })
})

t.test('the trainer is next due when there are four times the samples, at most 20,000 more', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 400)
  t.equal(fold.reservoir.added, 400)
  addPredictor(fold, BY_SIGNAL, 1, TRAINER)
  t.equal(fold.ledger.train_at, 1600)
  addPredictor(fold, { ...BY_SIGNAL, name: 'imported' })
  t.equal(fold.ledger.train_at, 1600, 'an import changes nothing of that')
})

t.test('only leaves are sampled, and only complete outcomes', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  t.match(fold.reservoir.samples(), [{ leaf: LEAF, label: 'exact_match', steps: [{ lost: 0 }] }])
  fold.learn(outcomeOf({ steps_complete: false }))
  fold.learn(outcomeOf({ steps: null }))
  fold.learn(outcomeOf({ arm: 'treated' }))
  fold.learn(outcomeOf({ sample_index: 3 }))
  t.equal(fold.reservoir.samples().length, 2, 'each sample of a group')
})
