import { losslessUnits } from '../../../src/core/stats/certificate.js'
import { ContextCounts } from '../../../src/core/learn/context-counts.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { DRIFT, NO_DRIFT } from '../../../src/core/guards/drift.js'
import { Cohorts } from '../../../src/core/evidence/cohorts.js'
import { ENROLMENT_TIMES } from '../../../src/core/evidence/enrolment-list.js'
import { armOf, type LoggedOutcome, type LoggedStep } from '../../../src/core/outcome/outcome.js'
import { CONTROL_FLOOR, firstShare } from '../../../src/core/decide/arm.js'
import { certifyingKey, contextKey, ROOT } from '../../../src/core/policy/context.js'
import { DEFAULT_POLICY, effectivePolicy, type Policy, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { Reservoir } from '../../../src/core/scores/reservoir.js'
import { applyEntry } from '../../../src/core/learn/apply-entry.js'
import type { Fold } from '../../../src/core/learn/fold.js'
import { type Ledger, newLedger, policyOf } from '../../../src/core/learn/ledger.js'
import { thresholdInForce } from '../../../src/core/learn/threshold-in-force.js'
import type { Configuration, LogEntry } from '../../../src/core/learn/log-entry.js'
import type { Change } from '../../../src/core/learn/threshold-change.js'
import { PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import { AT_TEST_CADENCE } from '../../test-cadence.js'
import { changed } from '../../changed-state.js'

export const LEAF = 'model=q,task=gsm8k'
export const CHAIN = [ROOT, 'model=q', LEAF]

export interface MemoryFold extends Fold {
  ledger: Ledger
  readonly states: Map<string, ContextState>
  readonly changes: Change[]
  /** The state of a context that must exist; the leaf's by default. */
  readonly state: (key?: string) => ContextState
  /** Applies an entry as it is. */
  readonly append: (entry: LogEntry, time?: number) => void
  /**
   * Applies an entry, or several like it. Control outcomes are enrolled first, spread over `SLICES` if there are so many, the last of which
   * ends at that time, or later if the entries before leave too little of it. So they are evidence when the call returns.
   */
  readonly learn: (entry: LogEntry, time?: number, times?: number) => void
}

/** Live traffic on a short clock, since most tests let each generation end at once. */
const DEFAULTS: PolicyPatch = { follow_up_seconds: 1, evidence_span_seconds: 1, ...AT_TEST_CADENCE }

/** How long a slice of `learn` lasts, ms: by that follow-up it could end after half of it. */
export const SLICE = 125

/** Together they fill the span, and two neighbours, the most within a sixth of it, hold less than a quarter of the units (rule E8). */
const SLICES = 9

/** The time over which `learn` spreads several generations, ms. */
export const SPREAD = SLICES * SLICE

/** Multiples of it are spread evenly over [0, 1). */
const GOLDEN = 0.6180339887498949

/** The most generations that `learn` enrols at once: about half of the room. */
const MOST_AT_ONCE = 2000

/** Learned state in a map. */
export function memoryFold (defaults: PolicyPatch = {}, configuration: Partial<Configuration> = {}, times = ENROLMENT_TIMES): MemoryFold {
  const states = new Map<string, ContextState>()
  const reservoir = new Reservoir()
  let entries = 0
  let now = 0 // time of the last entry
  const fold: MemoryFold = {
    cursor: '0-0',
    cohorts: new Cohorts(),
    counts: new ContextCounts(),
    times,
    ledger: newLedger({ levels: ['model', 'task'], max_contexts: 10_000, defaults: { ...DEFAULTS, ...defaults }, ...configuration }),
    states,
    keys: () => states.keys(),
    get: (key) => states.get(key),
    set: (key, state) => { if (state === undefined) states.delete(key); else states.set(key, state) },
    pending: new PendingOutcomes([], reservoir.names),
    reservoir,
    traces: new Map(),
    predictors: new Map(),
    changes: [],
    days: [],
    state (key = LEAF) {
      const state = states.get(key)
      if (state === undefined) throw new Error(`there is no context ${key}`)
      return state
    },
    append (entry, time = 0) {
      now = Math.max(now, time)
      fold.cursor = `${time}-${++entries}`
      applyEntry(fold, time, entry)
    },
    learn (entry, time = 0, times = 1) {
      for (let left = times; left > 0; left -= MOST_AT_ONCE) {
        const copies = Math.min(left, MOST_AT_ONCE)
        if (entry.type === 'outcome') runGenerations(entry, time, copies)
        else for (let i = 0; i < copies; i++) fold.append(entry, time)
      }
    },
  }

  let [lists, units] = [0, 0]
  const known = new Set<number>()
  function runGenerations (outcome: LoggedOutcome, time: number, copies: number): void {
    const { levels } = fold.ledger.configuration
    const leaf = contextKey(levels, outcome.context)
    const key = certifyingKey(levels, policyOf(fold.ledger, leaf).certify_at, leaf)
    const state = fold.get(key)
    const share = state?.rule.control_share ?? firstShare(policyOf(fold.ledger, key))
    const isMember = fold.cohorts.get(key)?.members.has(outcome.u) === true
    const isEnrolled = isMember && (outcome.sample_index !== null || !known.has(outcome.u))
    const isControl = outcome.u < share && armOf(outcome, share) === 'control' && outcome.is_retry !== true
    if (isEnrolled || !isControl || (fold.get(leaf) !== undefined && !thresholdInForce(fold, leaf, time).isEvidence)) {
      known.add(outcome.u)
      for (let i = 0; i < copies; i++) fold.append(outcome, time)
      return
    }
    const us = Array.from({ length: copies }, () => {
      const u = known.has(outcome.u) ? CONTROL_FLOOR * (++units * GOLDEN % 1) : outcome.u
      known.add(u)
      return u
    })
    const { hash, prefix } = outcome
    const slices = policyOf(fold.ledger, key).evidence_span_seconds === 0 ? 1 : Math.min(copies, SLICES)
    for (let slice = 0; slice < slices; slice++) {
      const start = Math.max(now, time - (slices - slice) * SLICE)
      const some = us.filter((_, i) => i % slices === slice)
      const draws = some.map((u) => [u, hash] as const)
      const entry = { key, epoch: fold.get(key)?.epoch.name ?? null, share, draws, ...(prefix !== undefined && { prefix }) }
      fold.append({ type: 'enrolment', boot: 'memory', number: ++lists, age: 0, entries: [entry] }, start)
      for (const u of some) fold.append({ ...outcome, u }, start)
      fold.append({ type: 'tick' }, start + SLICE)
    }
  }
  return fold
}

export function policyWith (patch: PolicyPatch = {}): Policy {
  return effectivePolicy({ ...DEFAULTS, ...patch }, new Map(), ROOT)
}

/** Losses in a row after which the drift detector alarms under the default bound. */
export const LOSSES_UNTIL_ALARM = lossesUntilAlarm(DEFAULT_POLICY.max_em_drop)

function lossesUntilAlarm (a: number): number {
  let [losses, drift] = [0, NO_DRIFT]
  while (!DRIFT.isAlarmed(drift)) { drift = DRIFT.watch(drift, 1, a); losses++ }
  return losses
}

/** A step that every threshold of the grid stops at. */
export const SURE_STEP: LoggedStep = { tokens: 40, confidence: 1, exact_match: 1 }

/** A labelled control generation of 100 tokens that loses nothing and saves 60 at every threshold, unless told otherwise. */
export function outcomeOf (overrides: Partial<LoggedOutcome> = {}): LoggedOutcome {
  return {
    type: 'outcome',
    generation_id: 'g',
    u: 0.01,
    hash: 0.5,
    arm: 'control',
    context: { model: 'q', task: 'gsm8k' },
    tokens: 100,
    answer_tokens: 0,
    stopped: false,
    sample_index: null,
    full: { exact_match: 1 },
    steps: [SURE_STEP],
    steps_complete: true,
    ...overrides,
  }
}

export const KEPT = outcomeOf()
export const LOST = outcomeOf({ steps: [{ ...SURE_STEP, exact_match: 0 }] })
export const GAINED = outcomeOf({ full: { exact_match: 0 } })

/** Lossless generations to a first certificate at the default policy. */
export const FIRST = 186

/** The same at another bound and level. */
export function losslessGenerations (bound: number, level: number): number { return losslessUnits(bound, Math.log(1 / level)) }

/** The same in the second epoch that people open, which has half of the level (rule E9). */
export const SECOND = losslessGenerations(DEFAULT_POLICY.max_em_drop, DEFAULT_POLICY.error_level / 2)

/** The state as if so many units of open slices were not accounted for. */
export function withUnaccounted (state: ContextState, unaccounted: number): ContextState {
  return changed(state, { evidence: { open: { ...state.evidence.open, unaccounted } } })
}
