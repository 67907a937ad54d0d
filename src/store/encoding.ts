import { setImmediate } from 'node:timers/promises'
import { copyState } from '../core/judgement/copy-state.js'
import type { ContextState } from '../core/judgement/context-state.js'
import { noEvidence, NO_EVIDENCE, thresholdsOf, type Evidence } from '../core/certificate/evidence.js'
import { packEvidence, unpackEvidence, type PackedEvidence } from '../core/certificate/packed-evidence.js'
import type { KeptTrace } from '../core/certificate/kept-trace.js'
import type { CohortsHeader } from '../core/enrolment/cohorts.js'
import type { StoredCohort } from '../core/enrolment/stored-cohort.js'
import type { OpenEvidence } from '../core/certificate/open-evidence.js'
import type { Change } from '../core/learn/threshold-change.js'
import type { Ledger } from '../core/learn/fold.js'
import type { Command, LogEntry, PredictorCommand, PredictorEntry } from '../core/learn/log-entry.js'
import type { Pending } from '../core/recording/pending.js'
import type { PolicyPatch } from '../core/policy/policy.js'
import type { Sample } from '../core/predictor/sample.js'
import type { Trial } from '../core/judgement/trial.js'
import { intern } from './intern.js'
import type { Cursor } from './cursor.js'
import type { Pin } from '../core/judgement/pin.js'

// Everything is stored as JSON, so that operators can read it. Values are checked before they are revived (see stored-schemas.ts).

export const encodeEntry = (entry: LogEntry): string => JSON.stringify(entry)

/**
 * Empty evidence is written as null, which saves a sixth of the text of ten thousand contexts. For trials the number of thresholds is
 * written beside it.
 */
export function encodeState (state: ContextState): string {
  const trials = state.trials.map((trial) => ({ ...trial, thresholds: thresholdsOf(trial.halves[0]), ...written(trial) }))
  const membership = state.membership && { ...state.membership, evidence: packEvidence(state.membership.evidence) }
  return JSON.stringify(copyState(state, { ...written(state), trials, membership }))
}

type Gathered = Pick<ContextState, 'halves' | 'open'>

function written ({ halves, open }: Gathered): Gathered {
  const orNull = (evidence: Evidence) => evidence.generations === 0 ? null as unknown as PackedEvidence : packEvidence(evidence)
  return { halves: [orNull(halves[0]), orNull(halves[1])], open: { ...open, evidence: orNull(open.evidence) } }
}

/** The state that was written as this JSON value. */
export function reviveState (written: object): ContextState {
  const state = written as WrittenState
  return copyState(written as ContextState, {
    requested: intern(state.requested),
    meaning: intern(state.meaning),
    judged_by: intern(state.judged_by),
    arms: { ...state.arms, control: intern(state.arms.control), treated: intern(state.arms.treated) },
    ...revived(state, NO_EVIDENCE),
    trials: state.trials.map(reviveTrial),
    ...(state.membership && { membership: { ...state.membership, evidence: unpackEvidence(state.membership.evidence) } }),
  })
}

interface WrittenGathered {
  readonly halves: ReadonlyArray<PackedEvidence | null>
  readonly open: Omit<OpenEvidence, 'evidence'> & { readonly evidence: PackedEvidence | null }
}
export type WrittenTrial = Omit<Trial, keyof Gathered> & WrittenGathered & { readonly thresholds: number }
type WrittenState = Omit<ContextState, keyof Gathered | 'trials'> & WrittenGathered & { readonly trials: readonly WrittenTrial[] }

function reviveTrial ({ thresholds, ...trial }: WrittenTrial): Trial { return { ...trial, ...revived(trial, noEvidence(thresholds)) } }

function revived ({ halves, open }: WrittenGathered, none: Evidence): Gathered {
  return {
    halves: halves.map((half) => shared(half, none)) as unknown as Gathered['halves'],
    open: { ...open, evidence: shared(open.evidence, none) },
  }
}

/** Shares one object among empty evidence. @param none empty evidence of the grid */
function shared (half: PackedEvidence | null, none: Evidence): Evidence {
  return half === null || half.generations === 0 ? none : unpackEvidence(half)
}

export const encodePending = (pending: Pending): string => JSON.stringify(pending)

export const encodeCohort = (cohort: StoredCohort): string => JSON.stringify(cohort)

export const encodeFollowUp = (header: CohortsHeader): string => JSON.stringify(header)

export const encodeTrace = (trace: KeptTrace): string => JSON.stringify(trace)

export const encodeSample = (sample: Sample): string => JSON.stringify(sample)

export const encodeChange = (change: Change): string => JSON.stringify(change)

export function encodeLedger (ledger: Ledger): string {
  return JSON.stringify({ ...ledger, policies: [...ledger.policies], pins: [...ledger.pins] })
}

/** The ledger that was written as this JSON value. */
export function reviveLedger (written: object): Ledger {
  const ledger = written as WrittenLedger
  return { ...ledger, policies: new Map(ledger.policies), pins: new Map(ledger.pins) }
}

type WrittenLedger = Omit<Ledger, 'policies' | 'pins'> & {
  readonly policies: ReadonlyArray<[string, PolicyPatch]>
  readonly pins: ReadonlyArray<[string, Pin]>
}

/** A turn of `inTurns` ends with the first item that is done later than this, ms. */
const TURN_MS = 2

/** Maps many items and lets other work run in between: ten thousand states take a fifth of a second. */
export async function inTurns<T, U> (items: readonly T[], each: (item: T, i: number) => U): Promise<U[]> {
  const results: U[] = []
  let until = performance.now() + TURN_MS
  for (const [i, item] of items.entries()) {
    results.push(each(item, i))
    if (performance.now() < until) continue
    await setImmediate()
    until = performance.now() + TURN_MS
  }
  return results
}

/** What an entry writes to a table beside the log; `null` deletes. */
export interface TableWrite { readonly table: 'policies' | 'pins' | 'predictors', readonly key: string, readonly value: string | null }

export function tableWrite (entry: LogEntry): TableWrite | null {
  const text = (value: object | null) => value === null ? null : JSON.stringify(value)
  switch (entry.type) {
    case 'policy': return { table: 'policies', key: entry.key, value: text(entry.policy) }
    case 'pin': return { table: 'pins', key: entry.key, value: text(entry.pin) }
    case 'predictor': return { table: 'predictors', key: entry.name, value: text(entry.version) }
    default: return null
  }
}

/** What the audit trail keeps of an entry, if anything. A predictor itself can take a megabyte, and is in its table. */
export function auditOf (entry: LogEntry): Command | PredictorCommand | null {
  switch (entry.type) {
    case 'policy': case 'pin': case 'reset': return entry
    case 'predictor': return predictorCommand(entry)
    default: return null
  }
}

function predictorCommand ({ type, name, version, by, reason }: PredictorEntry): PredictorCommand {
  const action = version === null ? 'forgotten' : version.retired_at === null ? 'added' : 'retired'
  return { type, name, action, by, ...(reason !== undefined && { reason }) }
}

/** Whether an entry comes from traffic, so that there may be any number of them. */
export const isReport = (type: LogEntry['type']): boolean => type === 'outcome' || type === 'label' || type === 'enrolment'

/** What an outcome waits for: 0 nothing, 1 a label, 2 a label that may be a reference, since the outcome came with its answer. */
export type Awaits = 0 | 1 | 2

/** What is remembered of a generation id: when its outcome came and what it waits for. */
export type Seen = readonly [ms: number, awaits: Awaits]

/** For an outcome, what it waits for; for a label, 1 if it needs the outcome's answer; otherwise 0. */
export function awaits (entry: LogEntry): Awaits {
  if (entry.type === 'label') return entry.em === undefined && entry.answer === undefined ? 1 : 0
  if (entry.type !== 'outcome' || entry.full.exact_match !== undefined) return 0
  return entry.answer_digest === undefined ? 1 : 2
}

/** A read ends with the entry that makes it this long. A thousand entries of thousands of steps would outlast the learner's lease. */
export const READ_BYTES = 8 * 1024 * 1024

/** The place before the first entry of any log. */
export const START: Cursor = '0-0'

export type Place = [ms: number, sequence: number]

export function toPlace (cursor: Cursor): Place {
  const [ms, sequence] = cursor.split('-')
  return [Number(ms), Number(sequence)]
}

export const toCursor = ([ms, sequence]: Place): Cursor => `${ms}-${sequence}`

/** Number of changes that the history keeps; the oldest go first. */
export const HISTORY_LIMIT = 10_000

/** Number of commands that the audit trail keeps; the oldest go first. */
export const AUDIT_LIMIT = 10_000
