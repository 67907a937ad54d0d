import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { ContextCounts } from '../../../src/core/learn/context-counts.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { MAX_EARLY_OUTCOMES } from '../../../src/core/evidence/admission.js'
import { Cohorts, restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import { scaledTimes } from '../../../src/core/evidence/enrolment-list.js'
import type { StoredCohort } from '../../../src/core/evidence/stored-cohort.js'
import { type Context, contextKey } from '../../../src/core/policy/context.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { applyEntry } from '../../../src/core/learn/apply-entry.js'
import { type Fold, foldedStates } from '../../../src/core/learn/fold.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { type PendingOutcome, PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import { packState, unpackState } from '../../../src/core/learn/stored-state.js'
import { holds, numRuns } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { enrolledFold, FOLLOW_UP } from './enrolled-fold.js'
import { CHAIN, FIRST, KEPT, LEAF, memoryFold, type MemoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'
import { addPredictor } from './predictor-fold.js'

const checkpoint = (step: number, key = 'model=q') => ({ type: 'checkpoint', key, run: 'r', step, by: 'trainer' }) as const

t.test('a checkpoint opens an epoch in its context and below, and nowhere else; the history has it', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 0, FIRST)
  fold.learn(outcomeOf({ context: { model: 'q2', task: 'gsm8k' } }), 0, FIRST)
  fold.changes.length = 0
  fold.learn(checkpoint(7), 1000)
  for (const [key, control_share] of [['model=q', FIRST_SHARE], [LEAF, 1], ['model=q,task=other', 1]] as const) { // the traffic of the leaves is known
    t.match(fold.state(key), { epoch: { number: 2, cause: 'checkpoint' }, rule: { index: -1, control_share }, checkpoint: { run: 'r', step: 7 } }, key)
    t.equal(knownEvidence(fold.state(key).evidence).generations, 0)
  }
  for (const key of ['*', 'model=q2', 'model=q2,task=gsm8k']) t.match(fold.state(key), { epoch: { number: 1 }, checkpoint: undefined }, key)
  t.equal(fold.state('model=q2,task=gsm8k').rule.index, 29)
  t.same(fold.changes.map(({ key }) => key), ['model=q', LEAF, 'model=q,task=other'])
  t.match(fold.changes[1], { cause: 'checkpoint', epoch: 2, before: Number, after: null, by: 'trainer', reason: 'step 7 of run r' })
})

t.test('a checkpoint that continues the training opens no epoch, and the guarantee names the step since which the model moves', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 0, FIRST)
  fold.learn(checkpoint(4), 500)
  fold.learn(KEPT, 700, FIRST)
  t.equal(fold.state().rule.guarantee!.since_step, null)
  fold.learn({ ...checkpoint(5, LEAF), continues: true }, 1000)
  t.match(fold.state(), { epoch: { number: 1 }, rule: { index: 29 }, checkpoint: { run: 'r', step: 5, since: 5 } }, 'nothing is withdrawn')
  const other = 'model=q,task=other'
  const { epoch: { number: epoch } } = fold.state(other)
  fold.learn({ ...checkpoint(6), continues: true }, 2000)
  fold.learn({ ...checkpoint(7), continues: true }, 3000)
  t.match(fold.state(other), { epoch: { number: epoch }, checkpoint: { step: 7, since: 4 } }, 'the epoch began with step 4')
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 4000, FIRST)
  t.equal(fold.state(other).rule.guarantee!.since_step, 4)
  fold.learn({ type: 'policy', key: other, policy: { min_tokens: 7 }, by: 'ops' }, 5000)
  t.match(fold.state(other).checkpoint, { step: 7, since: 7 }, 'a later epoch counts from the step that is served')
  const before = fold.state(other).epoch.number
  fold.learn({ ...checkpoint(1), run: 'another', continues: true }, 6000)
  t.match(fold.state(other), { epoch: { number: before + 1 }, checkpoint: { run: 'another', step: 1, since: undefined } }, 'no training continues another run')
})

t.test('the certificate of the previous checkpoint is kept as an expectation and affects no decision', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(checkpoint(1), 1000)
  t.match(fold.state().checkpoint, { step: 1, expected: { run: null, step: null, tokens_saved_ratio: 0.6, em_drop: 0, threshold: Number } })
  fold.learn(checkpoint(2), 2000)
  t.match(fold.state(), { rule: { index: -1, guarantee: null }, checkpoint: { step: 2, expected: { tokens_saved_ratio: 0.6 } } })
  fold.learn(KEPT, 3000, FIRST)
  fold.learn(checkpoint(3), 4000)
  t.match(fold.state().checkpoint, { step: 3, expected: { run: 'r', step: 2 } })
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 7 }, by: 'ops' }, 5000)
  t.match(fold.state(), { epoch: { number: 5 }, checkpoint: { step: 3 } }, 'the checkpoint outlasts later epochs')
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'older weights' }, 6000)
  t.match(fold.state(), { epoch: { number: 6 }, checkpoint: null }, 'but for those of a reset')
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 8 }, by: 'ops' }, 7000)
  t.match(fold.state(), { epoch: { number: 7 }, checkpoint: null }, 'and what follows it')
  fold.learn(checkpoint(4), 8000)
  t.match(fold.state().checkpoint, { step: 4, expected: null })
})

t.test('a context without reports has nothing to forget', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn(checkpoint(1, 'model=unknown'), 10)
  t.ok(CHAIN.every((key) => fold.state(key).epoch.number === 1))
  t.equal(fold.changes.length, 0)
})

t.test('a checkpoint\'s epoch keeps the score, with none of its evidence and no certificate', async (t) => {
  const fold = memoryFold({ score: 'p' })
  addPredictor(fold, PREDICTOR)
  fold.learn(KEPT, 2, 1000)
  t.not(fold.state().rule.threshold, null)
  fold.learn({ type: 'checkpoint', key: 'model=q', run: 'r', step: 7, by: 'trainer' }, 3)
  t.match(fold.state(), { rule: { threshold: null }, epoch: { meaning: { score: 'p', score_fingerprint: String } }, evidence: { final: { generations: 0 } }, checkpoint: { step: 7, expected: { threshold: Number, scorer: 'p' } } })
})

t.test('E2: an entry for an unknown context creates it, with its ancestors', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 1000)
  t.strictSame([...fold.states.keys()], CHAIN)
  t.match(fold.state(), { epoch: { number: 1, cause: 'first_enrolment', name: '1000-1' }, reports: { follow_up: { enrolled: 2, void: 0 } } })
})

t.test('E2: a list that is sent twice counts once', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { number: 7 })
  fold.enrol([0.1, 0.2], 10, { number: 7 })
  t.equal(fold.state().reports.follow_up.enrolled, 1)
})

t.test('E2: an entry that is more than 10 s old, or of another epoch, stays void', async (t) => {
  for (const changes of [{ age: 10_001 }, { epoch: '9-9' }, { epoch: null }]) {
    const fold = enrolledFold()
    fold.enrol([0.24], 0)
    fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' }, 1)
    fold.enrol([0.1], 2, changes)
    t.match(fold.state().reports.follow_up, { enrolled: 0, void: 1, left_out: changes.age === undefined ? 0 : 1 }, JSON.stringify(changes))
    fold.enrol([0.1], 3)
    t.match(fold.state(), { reports: { follow_up: { enrolled: 0, void: 1 } } }, 'a later sample of its group enrols nothing')
    fold.enrol([0.2], 4, { age: 10_000 })
    t.equal(fold.state().reports.follow_up.enrolled, 1)
  }
})

t.test('E2: a list that was held up on its way is as old as the log says', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.enrol([0.2], 11_000, { age: 500, after: 2000 })
  fold.enrol([0.3], 12_000, { age: 500, after: 900 })
  t.match(fold.state(), { reports: { follow_up: { enrolled: 3, void: 0 } } })
  fold.enrol([0.4], 40_000, { age: 500, after: 500 })
  t.match(fold.state(), { reports: { follow_up: { enrolled: 3, void: 1, left_out: 1 } } })
})

t.test('an entry of a replica that knew no epoch yet enrols in the first one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { epoch: null })
  fold.enrol([0.2], 1, { epoch: null })
  t.equal(fold.state().reports.follow_up.enrolled, 2)
})

t.test('E2: an outcome that reaches the log before its entry waits for it, and its label with it', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.24], 0)
  fold.report(0.1, 1000)
  fold.report(0.2, 1000, { full: {} })
  fold.report(0.22, 1000)
  fold.learn({ type: 'label', generation_id: 'g0.2', em: 1 }, 1500)
  t.equal(fold.pending.size, 3)
  fold.pass(2000, 12_000)
  fold.enrol([0.1, 0.2], 12_999)
  t.equal(fold.pending.size, 1)
  t.equal(fold.cohorts.get(LEAF)!.open, 1, 'both are accounted for')
  fold.learn({ type: 'tick' }, 13_000)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { reports: { follow_up: { enrolled: 3, unenrolled: 1, unlisted: 1, left_out: 1 } } })
  fold.enrol([0.22], 13_001)
  t.match(fold.state(), { reports: { follow_up: { enrolled: 4 } } }, 'its outcome was given up')
})

t.test('E2: an early outcome whose entry is void is not evidence', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.24], 0)
  fold.report(0.1, 1000)
  fold.enrol([0.1], 2000, { age: 10_001 })
  fold.pass(3000, 12_000)
  fold.learn({ type: 'tick' }, 13_000)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { reports: { follow_up: { enrolled: 1, void: 1, unenrolled: 1, unlisted: 0, left_out: 1 } } }, 'it is left out once')
})

t.test('an entry of a context that does not certify is void', async (t) => {
  const pooled = enrolledFold({ certify_at: 'model' })
  pooled.enrol([0.1], 0, { epoch: '0-1' })
  t.equal(pooled.cohorts.get(LEAF), undefined)
  t.equal(pooled.state().reports.follow_up.void, 1)
  pooled.enrol([0.1], 0, { key: 'model=q' })
  t.equal(pooled.state('model=q').reports.follow_up.enrolled, 1)
})

t.test('an entry of a replica that knows neither a context nor its pool enrols in the pool', async (t) => {
  const pooled = enrolledFold({ certify_at: 'model' })
  pooled.enrol([0.1], 0)
  t.equal(pooled.cohorts.get(LEAF), undefined)
  t.equal(pooled.state('model=q').reports.follow_up.enrolled, 1)
})

t.test('an entry under a key that no context has is ignored', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { key: 'cluster=x', epoch: null })
  t.strictSame([...fold.states.keys()], [])
})

t.test('a member of a pool accounts for itself in the pool', async (t) => {
  const fold = enrolledFold({ certify_at: 'model' })
  fold.enrol([0.1, 0.2], 0, { key: 'model=q', epoch: null })
  fold.report(0.1, 1)
  fold.report(0.2, 1, { context: { model: 'q', task: 'other' } })
  t.equal(fold.cohorts.get('model=q')!.open, 0)
  fold.pass(1000, FOLLOW_UP)
  t.match(fold.state('model=q'), { reports: { follow_up: { accounted: 2, missing: 0 } }, evidence: { final: { generations: 2 } } })
  t.match(fold.state(), { reports: { generations: 1 }, evidence: { final: { generations: 0 } } }, 'contexts below the certifying link show sums, no evidence')
})

t.test('more early outcomes than a group has samples account for it once', async (t) => {
  const fold = enrolledFold()
  fold.report(0.24, 0) // creates the context
  for (let i = 0; i < 3; i++) fold.report(0.2, 100, { generation_id: `sample-${i}`, sample_index: i, samples: 2 })
  fold.enrol([0.2, 0.21], 1000)
  t.match(fold.cohorts.get(LEAF)!.slices, [{ enrolled: 2, open: 1 }])
  fold.report(0.21, 2000)
  t.match(fold.cohorts.get(LEAF)!.slices, [{ open: 0 }])
})

t.test('E2: generations that end before their first check take no place among the waiting outcomes', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.24], 0)
  const short = { tokens: 5, steps: [] }
  for (let i = 0; i <= MAX_EARLY_OUTCOMES; i++) fold.report(0.1 + i / 100_000, 100, short)
  t.equal(fold.pending.size, 0)
  t.equal(fold.state().reports.follow_up.unenrolled, MAX_EARLY_OUTCOMES + 1)
  fold.enrol([0.21], 200)
  t.match(fold.state().reports.follow_up, { enrolled: 2, void: 0 })
  fold.report(0.22, 300, { ...short, sample_index: 1, samples: 2 })
  fold.report(0.23, 300, { ...short, arm: 'control' })
  t.equal(fold.pending.size, 2, 'another sample may have enrolled its group, and who has an arm has asked')
})

t.test('E2: a generation for whose early outcome there is no room is left out once', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.24], 0)
  const uOf = (i: number) => 0.1 + i / 100_000
  for (let i = 0; i < MAX_EARLY_OUTCOMES + 10; i++) fold.report(uOf(i), 100)
  t.match(fold.state().reports.follow_up, { unenrolled: 10, left_out: 10 })
  fold.enrol(Array.from({ length: 10 }, (_, i) => uOf(MAX_EARLY_OUTCOMES + i)), 200)
  t.match(fold.state().reports.follow_up, { enrolled: 1, void: 0, left_out: 10 }, 'their entries enrol them no more')
})

type Timed = readonly [time: number, entry: LogEntry]

const LEVELS = ['model', 'task']
const CONTEXTS: readonly Context[] = [...Array(12).fill({ model: 'q', task: 'a' }), { model: 'q', task: 'b' }, { model: 'r' }, {}]
const KEYS = ['*', 'model=q', 'model=q,task=a', 'model=r,task=-']
const EVERY_EPOCH = 'the epoch in force'

/** A log with everything in it: thresholds come and go, epochs open for every cause. Generations are enrolled before most outcomes. */
function longLog (seed: number, length: number): Timed[] {
  const random = mulberry32(seed)
  const pick = <T> (items: readonly T[]) => items[Math.floor(random() * items.length)]!
  const running: Array<{ readonly u: number, readonly hash: number, readonly context: Context }> = []
  const slow: typeof running = []
  let [time, list] = [0, 0]
  const pin = (threshold: number | null) => ({ threshold, reason: 'test', by: 'ops', expires_at: null })
  const policies: readonly PolicyPatch[] = [{ max_em_drop: 0.06 }, { min_tokens: 3 }, { control_rate: 0.5 }, { judge_miss_rate: 0.1 }, { certify_at: 'model' }]
  return Array.from({ length }, (_, i): Timed => {
    time += Math.floor(random() * 20)
    const draw = random()
    if (draw < 0.0004) return [time, { type: 'reset', key: pick(KEYS), by: 'ops', reason: 'test' }]
    if (draw < 0.0008) return [time, { type: 'pin', key: pick(KEYS), pin: pick([null, pin(0.7), pin(null)]), by: 'ops', reason: 'test' }]
    if (draw < 0.0012) return [time, { type: 'policy', key: pick(KEYS), policy: pick([null, ...policies]), by: 'ops' }]
    if (draw < 0.04) return [time, { type: 'label', generation_id: `g${i - Math.floor(random() * 30)}`, em: 1 }]
    if (draw < 0.048) return [time, { type: 'tick' }]
    if (draw < 0.0482) {
      time += 9000
      return [time, { type: 'tick' }]
    }
    if (draw < 0.14) {
      const context = pick(CONTEXTS)
      const fresh = Array.from({ length: 8 }, () => ({ u: random(), hash: random(), context }))
      running.push(...fresh)
      const draws = fresh.map(({ u, hash }) => [u, hash] as const)
      const entry = { key: contextKey(LEVELS, context), epoch: EVERY_EPOCH, share: random() < 0.02 ? 0.9 : 1, draws }
      return [time, { type: 'enrolment', boot: pick(['x', 'y']), number: ++list, age: random() < 0.01 ? 20_000 : 100, entries: [entry] }]
    }
    const em = random() < 0.9 ? 1 : 0
    const next = random() < 0.95 ? running.splice(Math.floor(random() * Math.min(20, running.length)), 1)[0] : undefined
    if (next !== undefined && random() < 0.01) slow.push(next)
    const enrolled = slow.length > 5 ? slow.shift() : slow.at(-1) === next ? undefined : next
    const whose = enrolled ?? { u: random(), hash: random(), context: pick(CONTEXTS) }
    if (i % 2600 > 2500) return [time, outcomeOf({ generation_id: `g${i}`, ...whose, steps: [{ ...SURE_STEP, exact_match: 0 }] })] // a drift
    const sample_index = pick([null, null, null, null, 0, 1])
    return [time, outcomeOf({
      generation_id: `g${i}`,
      ...whose,
      arm: enrolled === undefined || random() < 0.003 ? pick([null, 'treated']) : pick([null, 'control']),
      tokens: 50 + Math.floor(random() * 100),
      sample_index,
      ...(sample_index !== null && { samples: 1 }),
      full: random() < 0.99 ? { exact_match: em } : {},
      steps: random() < 0.003
        ? null
        : [{ tokens: 10, confidence: pick([0.3, 0.9, null]), exact_match: em }, { ...SURE_STEP, exact_match: em }],
      steps_complete: random() < 0.999,
      ...(random() < 0.02 && { cancelled: true }),
    })]
  })
}

const POLICY = { max_em_drop: 0.05, max_evidence_age_seconds: 5 }
const ENROLLED = { ...POLICY, follow_up_seconds: 4 }
const SPANNED = { ...ENROLLED, evidence_span_seconds: 4 }
const CONFIGURATION = { levels: LEVELS, max_contexts: 8 }
const TIMES = scaledTimes(0.02)

/** All that is learned, as the store keeps it. */
function written ({ states, ledger, changes, cohorts, pending }: MemoryFold): string {
  const { policies, pins, ...rest } = ledger
  const kept = [...cohorts.keys()].sort().map((key) => [key, storeCohort(cohorts.get(key)!)])
  const ids = [...pending.values()].map(({ outcome }) => outcome.generation_id).sort()
  return JSON.stringify({ states: [...states], policies: [...policies], pins: [...pins], rest, changes, kept, header: cohorts.header, ids })
}

/** Replicas know the epochs that are in force. */
function withEpoch (fold: Pick<Fold, 'get'>, entry: LogEntry): LogEntry {
  if (entry.type !== 'enrolment') return entry
  return { ...entry, entries: entry.entries.map((one) => ({ ...one, epoch: fold.get(one.key)?.epoch.name ?? null })) }
}

const step = (fold: Fold, i: number, [time, entry]: Timed): void => {
  fold.cursor = `${time}-${i}`
  applyEntry(fold, time, withEpoch(fold, entry))
}

function play (entries: readonly Timed[], policy: PolicyPatch, see = (_: ContextState) => {}): MemoryFold {
  const fold = memoryFold(policy, CONFIGURATION, TIMES)
  const { set } = fold
  const watched = Object.assign(fold, {
    set: (key: string, state: ContextState | undefined) => {
      set(key, state)
      if (state !== undefined) see(state)
    },
  })
  for (const [i, entry] of entries.entries()) step(watched, i, entry)
  return fold
}

const throughStore = <T>(value: T): T => JSON.parse(JSON.stringify(value))

/** Folds entries chunk by chunk. Each commit passes through JSON, as in a store, and the next chunk starts from it. */
function playInChunks (entries: readonly Timed[], policy: PolicyPatch, cuts: readonly number[]): MemoryFold {
  const fold = memoryFold(policy, CONFIGURATION, TIMES)
  const stored = new Map<string, PendingOutcome>() // as a store keeps them
  const cohorts = new Map<string, StoredCohort>()
  let { header } = fold.cohorts
  const bounds = [0, ...[...cuts].sort((a, b) => a - b), entries.length]
  const restored = () => new Cohorts(throughStore(header), [...cohorts].map(([key, cohort]) => [key, restoreCohort(throughStore(cohort))]))
  for (let i = 1; i < bounds.length; i++) {
    const { changed: written, ...states } = foldedStates(fold.states)
    const chunk: Fold = {
      ...states,
      ledger: fold.ledger,
      pending: new PendingOutcomes(stored.values()),
      cohorts: restored(),
      counts: new ContextCounts(fold.states.keys()),
      times: TIMES,
      cursor: '',
      reservoir: fold.reservoir,
      traces: fold.traces,
      predictors: fold.predictors,
      changes: fold.changes,
      days: fold.days,
    }
    for (let at = bounds[i - 1]!; at < bounds[i]!; at++) step(chunk, at, entries[at]!)
    for (const [key, state] of written) {
      if (state === undefined) fold.states.delete(key); else fold.states.set(key, unpackState(throughStore(packState(state))))
    }
    for (const [id, pending] of chunk.pending.takeChanges()) {
      if (pending === undefined) stored.delete(id); else stored.set(id, throughStore(pending))
    }
    for (const [key, cohort] of chunk.cohorts.takeChanges()) {
      if (cohort === undefined) cohorts.delete(key); else cohorts.set(key, throughStore(cohort))
    }
    header = chunk.cohorts.header
    const { policies, pins, ...rest } = chunk.ledger
    fold.ledger = { ...throughStore(rest), policies: new Map(policies), pins: new Map(pins) }
  }
  return Object.assign(fold, { cohorts: restored(), pending: new PendingOutcomes(stored.values()) })
}

t.test('every kind of entry is learned', async (t) => {
  const fold = memoryFold()
  applyEntry(fold, 0, KEPT)
  t.equal(fold.state().reports.generations, 1)
  applyEntry(fold, 0, { type: 'policy', key: LEAF, policy: { min_tokens: 2 }, by: 'ops' })
  t.equal(fold.state().epoch.meaning.min_tokens, 2)
  applyEntry(fold, 0, { type: 'policy', key: LEAF, policy: null, by: 'ops' })
  t.equal(fold.ledger.policies.size, 0)
  applyEntry(fold, 0, { type: 'pin', key: LEAF, pin: { threshold: 1, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' })
  t.strictSame(fold.ledger.pins.get(LEAF), { threshold: 1, reason: 'r', by: 'ops', expires_at: null })
  applyEntry(fold, 0, { type: 'reset', key: LEAF, by: 'ops', reason: 'r' })
  t.equal(fold.state().epoch.cause, 'reset')
  fold.learn(KEPT, 0, FIRST)
  applyEntry(fold, 1e12, { type: 'tick' })
  t.equal(fold.state().epoch.cause, 'evidence_stale')
  applyEntry(fold, 0, { type: 'configuration', configuration: { ...fold.ledger.configuration, levels: [] } })
  t.strictSame([...fold.states.keys()], ['*'])
})

t.test('the log of these tests contains every kind of change', async (t) => {
  for (const [name, policy] of [['by enrolment', ENROLLED], ['over a span', SPANNED]] as const) {
    const causes = new Set<string>()
    const thresholds = new Set<number | null>()
    const counts = new Map<string, number>()
    for (let seed = 1; seed <= numRuns(2, 4); seed++) {
      const { changes, states } = play(longLog(seed, 5200), policy)
      for (const { cause, after } of changes) { causes.add(cause); thresholds.add(after) }
      for (const { reports: { follow_up } } of states.values()) {
        for (const [kind, count] of Object.entries(follow_up)) counts.set(kind, (counts.get(kind) ?? 0) + count)
      }
    }
    for (const cause of ['drift', 'evidence', 'evidence_stale', 'pin', 'policy', 'repair', 'reset']) t.ok(causes.has(cause), `${name}: ${cause}`)
    t.ok(thresholds.has(null) && thresholds.has(GRID.at(-1)!), `${name}: thresholds come and go`)
    for (const kind of ['enrolled', 'accounted', 'missing', 'cancelled', 'void', 'unenrolled', 'late', 'labels_wanted']) t.ok(counts.get(kind)! > 0, kind)
  }
})

t.test('the same entries give the same state to the bit', async (t) => {
  const fold = (policy: PolicyPatch) => written(play(longLog(1, 3000), policy))
  for (const policy of [ENROLLED, SPANNED]) t.equal(fold(policy), fold(policy))
})

t.test('the state does not depend on how the log is divided into commits', async (t) => {
  for (const policy of [ENROLLED, SPANNED]) {
    const logs = Array.from({ length: numRuns(2, 4) }, (_, i) => longLog(i + 1, 3000))
    const whole = logs.map((log) => written(play(log, policy)))
    holds(t, fc.property(fc.nat({ max: logs.length - 1 }), fc.array(fc.nat({ max: 3000 }), { maxLength: 40 }), (i, cuts) => {
      assert.equal(written(playInChunks(logs[i]!, policy, cuts)), whole[i])
    }), numRuns(4, 6))
  }
})

t.test('learning changes no committed state in place', async (t) => {
  const freeze = <T> (value: T): T => {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) Object.values(Object.freeze(value)).forEach(freeze)
    return value
  }
  const committed = new Map<string, ContextState>()
  const fold = memoryFold(ENROLLED, CONFIGURATION)
  let states = foldedStates(committed)
  for (const [i, [time, entry]] of longLog(5, 2000).entries()) {
    if (i % 50 === 0) {
      for (const [key, state] of states.changed) if (state === undefined) committed.delete(key); else committed.set(key, freeze(state))
      states = foldedStates(committed)
      Object.assign(fold, states)
    }
    step(fold, i, [time, freeze(entry)])
  }
  t.ok(committed.size > 3)
})
