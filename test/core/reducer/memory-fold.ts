import { losslessGenerations } from '../../../src/core/certificate/beginnings.js'
import { ContextCounts } from '../../../src/core/contexts/context-counts.js'
import { type ContextState, copyState } from '../../../src/core/contexts/context-state.js'
import { Cohorts } from '../../../src/core/enrolment/cohorts.js'
import { ENROLMENT_TIMES } from '../../../src/core/enrolment/enrolment-list.js'
import type { LoggedOutcome, LoggedStep } from '../../../src/core/outcome/outcome.js'
import { ROOT } from '../../../src/core/policy/context.js'
import { DEFAULT_POLICY, effectivePolicy, type Policy, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { Reservoir } from '../../../src/core/predictor/reservoir.js'
import { applyEntry } from '../../../src/core/reducer/apply-entry.js'
import { type Fold, type Ledger, newLedger } from '../../../src/core/reducer/fold.js'
import type { Configuration, LogEntry } from '../../../src/core/reducer/log-entry.js'
import type { Change } from '../../../src/core/reducer/threshold-change.js'
import { PendingOutcomes } from '../../../src/core/reducer/pending-outcomes.js'
import { AT_TEST_CADENCE } from '../../test-cadence.js'

export const LEAF = 'model=q,task=gsm8k'
export const CHAIN = [ROOT, 'model=q', LEAF]

export interface MemoryFold extends Fold {
  ledger: Ledger
  readonly states: Map<string, ContextState>
  readonly changes: Change[]
  /** The state of a context that must exist; the leaf's by default. */
  readonly state: (key?: string) => ContextState
  readonly learn: (entry: LogEntry, time?: number, times?: number) => void
}

/** Learned state in a map. Outcomes count on arrival unless a policy says otherwise. */
export function memoryFold (defaults: PolicyPatch = {}, configuration: Partial<Configuration> = {}, times = ENROLMENT_TIMES): MemoryFold {
  const states = new Map<string, ContextState>()
  const reservoir = new Reservoir()
  let entries = 0
  let owned = new WeakSet<ContextState>()
  const fold: MemoryFold = {
    cursor: '0-0',
    cohorts: new Cohorts(),
    counts: new ContextCounts(),
    times,
    ledger: newLedger({ levels: ['model', 'task'], max_contexts: 10_000, defaults: { follow_up_seconds: 0, evidence_span_seconds: 0, ...AT_TEST_CADENCE, ...defaults }, ...configuration }),
    states,
    keys: () => states.keys(),
    get: (key) => states.get(key),
    set: (key, state) => { if (state === undefined) states.delete(key); else states.set(key, state) },
    own (key) {
      const state = states.get(key)
      if (state === undefined || owned.has(state)) return state
      const copy = copyState(state, {})
      owned.add(copy)
      states.set(key, copy)
      return copy
    },
    pending: new PendingOutcomes([], reservoir.names),
    reservoir,
    traces: new Map(),
    predictors: new Map(),
    changes: [],
    state (key = LEAF) {
      const state = states.get(key)
      if (state === undefined) throw new Error(`there is no context ${key}`)
      return state
    },
    learn (entry, time = 0, times = 1) {
      for (let i = 0; i < times; i++) {
        fold.cursor = `${time}-${++entries}`
        owned = new WeakSet() // tests compare the states before and after
        applyEntry(fold, time, entry)
      }
    },
  }
  return fold
}

export function policyWith (patch: PolicyPatch = {}): Policy {
  return effectivePolicy({ follow_up_seconds: 0, evidence_span_seconds: 0, ...AT_TEST_CADENCE, ...patch }, new Map(), ROOT)
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
export const FIRST = 192

/** The same in the second epoch that people open, which has half of the level (rule 15). */
export const SECOND = losslessGenerations(DEFAULT_POLICY.max_em_drop, DEFAULT_POLICY.error_level / 2)

/** The state as if so many units of open slices, of every beginning, were not accounted for. */
export function withUnaccounted (state: ContextState, unaccounted: number): ContextState {
  const { open, beginnings } = state
  const list = beginnings.list.map((beginning) => ({ ...beginning, open: { ...beginning.open, unaccounted } }))
  return { ...state, open: { ...open, unaccounted }, beginnings: { ...beginnings, list } }
}
