import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { ContextState } from '../../../src/core/judgement/context-state.js'
import type { Fold } from '../../../src/core/learn/fold.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { learn } from '../../../src/core/learn/learn.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { PendingOutcomes, type Pending } from '../../../src/core/recording/pending.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './memory-fold.js'

type Timed = readonly [time: number, entry: LogEntry]

const CONTEXTS = [...Array(12).fill({ model: 'q', task: 'a' }), { model: 'q', task: 'b' }, { model: 'r' }, {}]
const KEYS = ['*', 'model=q', 'model=q,task=a', 'model=r,task=-']

/** A log with everything in it: thresholds come and go, epochs open for every cause. */
function longLog (seed: number, length: number): Timed[] {
  const random = mulberry32(seed)
  const pick = <T> (items: readonly T[]) => items[Math.floor(random() * items.length)]!
  let time = 0
  return Array.from({ length }, (_, i): Timed => {
    time += Math.floor(random() * 20)
    const draw = random()
    if (draw < 0.0004) return [time, { type: 'reset', key: pick(KEYS), by: 'ops', reason: 'test' }]
    if (draw < 0.0008) return [time, { type: 'pin', key: pick(KEYS), pin: pick([null, { threshold: 0.7, reason: 'test', by: 'ops', expires_at: null }, { threshold: null, reason: 'test', by: 'ops', expires_at: null }]), by: 'ops', reason: 'test' }]
    if (draw < 0.0012) return [time, { type: 'policy', key: pick(KEYS), policy: pick([null, { max_em_drop: 0.06 }, { min_tokens: 3 }, { control_rate: 0.5 }, { fallback: 'parent' }] as const), by: 'ops' }]
    if (draw < 0.04) return [time, { type: 'label', generation_id: `g${i - Math.floor(random() * 30)}`, em: 1 }]
    if (draw < 0.048) return [time, { type: 'tick' }]
    if (draw < 0.0482) {
      time += 9000
      return [time, { type: 'tick' }]
    }
    const em = random() < 0.97 ? 1 : 0
    if (i % 2600 > 2500) return [time, outcomeOf({ generation_id: `g${i}`, context: CONTEXTS[0], steps: [{ ...SURE_STEP, exact_match: 0 }] })] // a drift
    return [time, outcomeOf({
      generation_id: `g${i}`,
      u: random(),
      arm: pick([null, 'treated', ...Array<'control'>(8).fill('control')]),
      context: pick(CONTEXTS),
      tokens: 50 + Math.floor(random() * 100),
      sample_index: pick([null, null, null, null, 0, 1]),
      full: random() < 0.9 ? { exact_match: em } : {},
      steps: random() < 0.03
        ? null
        : [{ tokens: 10, confidence: pick([0.3, 0.9, null]), exact_match: em }, { ...SURE_STEP, exact_match: em }],
      steps_complete: random() < 0.999,
    })]
  })
}

const POLICY = { max_em_drop: 0.05, evidence_window: 3000, settle_seconds: 1, max_evidence_age_seconds: 5 }

/** All that is learned, as the store keeps it. */
function written ({ states, ledger, changes }: MemoryFold): string {
  const { policies, pins, ...rest } = ledger
  return JSON.stringify({ states: [...states], policies: [...policies], pins: [...pins], rest, changes })
}

function play (entries: readonly Timed[]): MemoryFold {
  const fold = memoryFold(POLICY, { max_contexts: 8, label_wait_seconds: 0.2 })
  for (const [time, entry] of entries) learn(fold, time, entry)
  return fold
}

/** Folds chunk by chunk over what was committed; what is committed goes through JSON, as it does in a store. */
function playInChunks (entries: readonly Timed[], cuts: readonly number[]): MemoryFold {
  const fold = memoryFold(POLICY, { max_contexts: 8, label_wait_seconds: 0.2 })
  const stored = new Map<string, Pending>() // as a store keeps them
  const bounds = [0, ...[...cuts].sort((a, b) => a - b), entries.length]
  for (let i = 1; i < bounds.length; i++) {
    const written = new Map<string, ContextState | undefined>()
    const chunk: Fold = {
      now: 0,
      ledger: fold.ledger,
      keys: () => [...new Set([...fold.states.keys(), ...written.keys()])].filter((key) => chunk.get(key) !== undefined),
      get: (key) => written.has(key) ? written.get(key) : fold.states.get(key),
      set: (key, state) => { written.set(key, state) },
      pending: new PendingOutcomes(stored.values()),
      reservoir: fold.reservoir,
      predictors: fold.predictors,
      changes: fold.changes,
    }
    for (const [time, entry] of entries.slice(bounds[i - 1], bounds[i])) learn(chunk, time, entry)
    for (const [key, state] of written) {
      if (state === undefined) fold.states.delete(key); else fold.states.set(key, JSON.parse(JSON.stringify(state)))
    }
    for (const [id, pending] of chunk.pending.takeChanges()) {
      if (pending === undefined) stored.delete(id); else stored.set(id, JSON.parse(JSON.stringify(pending)))
    }
    const { policies, pins, ...rest } = chunk.ledger
    fold.ledger = { ...JSON.parse(JSON.stringify(rest)), policies: new Map(policies), pins: new Map(pins) }
  }
  return fold
}

t.test('every kind of entry is learned', async (t) => {
  const fold = memoryFold()
  learn(fold, 0, KEPT)
  t.equal(fold.state().generations, 1)
  learn(fold, 0, { type: 'policy', key: LEAF, policy: { min_tokens: 2 }, by: 'ops' })
  t.equal(fold.state().meaning.min_tokens, 2)
  learn(fold, 0, { type: 'policy', key: LEAF, policy: null, by: 'ops' })
  t.equal(fold.ledger.policies.size, 0)
  learn(fold, 0, { type: 'pin', key: LEAF, pin: { threshold: 1, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' })
  t.strictSame(fold.ledger.pins.get(LEAF), { threshold: 1, reason: 'r', by: 'ops', expires_at: null })
  learn(fold, 0, { type: 'reset', key: LEAF, by: 'ops', reason: 'r' })
  t.equal(fold.state().epoch_cause, 'reset')
  fold.learn(KEPT, 0, FIRST)
  learn(fold, 1e12, { type: 'tick' })
  t.equal(fold.state().epoch_cause, 'evidence_stale')
  learn(fold, 0, { type: 'configuration', configuration: { ...fold.ledger.configuration, levels: [] } })
  t.strictSame([...fold.states.keys()], ['*'])
})

t.test('the log of these tests meets what it should', async (t) => {
  const causes = new Set<string>()
  const thresholds = new Set<number | null>()
  for (let seed = 1; seed <= 6; seed++) {
    for (const { cause, after } of play(longLog(seed, 5200)).changes) { causes.add(cause); thresholds.add(after) }
  }
  t.strictSame([...causes].sort(), ['drift', 'evidence', 'evidence_stale', 'pin', 'policy', 'reset'])
  t.ok(thresholds.has(null) && thresholds.has(GRID.at(-1)!), 'thresholds come and go')
})

t.test('the same entries give the same state to the bit', async (t) => {
  for (let seed = 1; seed <= 4; seed++) t.equal(written(play(longLog(seed, 3000))), written(play(longLog(seed, 3000))))
})

t.test('in any chunking, and through the store in between', async (t) => {
  const logs = [1, 2, 3, 4].map((seed) => longLog(seed, 3000))
  const whole = logs.map((log) => written(play(log)))
  holds(t, fc.property(fc.nat({ max: 3 }), fc.array(fc.nat({ max: 3000 }), { maxLength: 40 }), (i, cuts) => {
    assert.equal(written(playInChunks(logs[i]!, cuts)), whole[i])
  }), 25)
})

t.test('learning never touches a state it was given', async (t) => {
  const freeze = <T> (value: T): T => {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(freeze)
    return value
  }
  const fold = memoryFold(POLICY)
  const { set } = fold
  const frozen: Fold = { ...fold, set: (key, state) => { set(key, freeze(state)) } }
  for (const [time, entry] of longLog(5, 2000)) learn(frozen, time, freeze(entry))
  t.ok(fold.states.size > 3)
})
