import { isDeepStrictEqual } from 'node:util'
import { type PackedEvidence, packEvidence, unpackEvidence } from '../../core/certificate/evidence-sum.js'
import { type Evidence, noEvidence, thresholdsOf } from '../../core/certificate/evidence.js'
import { packTested, type TestedEvidence, unpackTested } from '../../core/certificate/tested-evidence.js'
import { type Arms, NO_ARMS } from '../../core/contexts/arms.js'
import { type Cadences, NO_CADENCES } from '../../core/contexts/cadences.js'
import { type ContextState, copyState, openEpoch } from '../../core/contexts/context-state.js'
import { type GraderCounts, NO_GRADER } from '../../core/contexts/grader.js'
import { NO_SAVINGS, type Savings } from '../../core/contexts/savings.js'
import { DEFAULT_POLICY } from '../../core/policy/policy.js'
import { type Gathered, isState, type WrittenGathered, type WrittenState } from './context-schemas.js'

/** Number of interned values at which all are forgotten. */
const MAX_INTERNED = 1000

const known = new Map<string, object>()

/** Returns one frozen object for all equal values, so that ten thousand contexts share what they repeat. */
export function intern<T extends object | undefined> (value: T): T {
  if (value === undefined) return value
  const text = JSON.stringify(value)
  const same = known.get(text)
  if (same !== undefined) return same as T
  if (known.size >= MAX_INTERNED) known.clear()
  known.set(text, Object.freeze(value))
  return value
}

/** Replaces an unreadable state. Its meaning fits no policy, so it certifies nothing, and no parent stands in for it. */
const UNREADABLE: ContextState = { ...openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], { time: 0, name: '' }), epoch: 0 }

export function readState (text: string): ContextState {
  try {
    const value = JSON.parse(text)
    if (!isState(value)) return UNREADABLE
    const state = reviveState(value)
    return hasThresholdOfGrid(state) ? state : UNREADABLE
  } catch { return UNREADABLE }
}

/** Whether what is in force has a place on the grid that its evidence is for. */
function hasThresholdOfGrid (state: ContextState): boolean {
  const { threshold_index: index } = state
  if (index === -1) return true
  return Number.isInteger(index) && index >= 0 && index < thresholdsOf(state.evidence)
}

/**
 * A state whose evidence is lost, until its next epoch: it certifies nothing, and no enrolment belongs to its epoch. The counts over all
 * epochs and the hold are kept.
 */
export function withoutEvidence (state: ContextState): ContextState {
  const { epoch, looks, savings, probe_tokens, probe_prefill_tokens, spending, day, savings_history } = state
  const { stops, breaches, hold } = state
  const sums = { savings, probe_tokens, probe_prefill_tokens, spending, day, savings_history, stops, breaches }
  return { ...UNREADABLE, epoch, looks, ...sums, hold }
}

/** The epochs of a context count from 1. */
export const isUnreadable = ({ epoch }: ContextState): boolean => epoch === 0

/**
 * Empty evidence and counts are written as null, which saves a fifth of the text of ten thousand contexts.
 */
export function encodeState (state: ContextState): string {
  const membership = state.membership && { ...state.membership, evidence: packEvidence(state.membership.evidence) }
  const cadences = state.cadences === NO_CADENCES ? null as unknown as Cadences : state.cadences
  const grader = state.grader === NO_GRADER ? null as unknown as GraderCounts : state.grader
  const arms = state.arms === NO_ARMS ? null as unknown as Arms : state.arms
  const fields = copyState(state, { ...written(state), membership, cadences, grader, arms })
  return JSON.stringify({ ...fields, thresholds: thresholdsOf(state.evidence) })
}

function written ({ evidence, open, tested }: Gathered): Gathered {
  // The type of the written form is that of a state: the copy is only turned into JSON.
  const orNull = (evidence: Evidence) => evidence.generations === 0 ? null as unknown as PackedEvidence : packEvidence(evidence)
  return {
    evidence: orNull(evidence),
    open: { ...open, evidence: orNull(open.evidence) },
    tested: packTested(tested),
  }
}

/** The state that was written as this JSON value. */
export function reviveState (written: object): ContextState {
  const state = written as WrittenState
  return copyState(written as ContextState, {
    requested: intern(state.requested),
    meaning: intern(state.meaning),
    judged_by: intern(state.judged_by),
    probe_form: state.probe_form && { ...state.probe_form, form: state.probe_form.form && intern(state.probe_form.form) },
    ...revived(state),
    day: { ...state.day, savings: hasNoSavings(state.day.savings) ? NO_SAVINGS : state.day.savings },
    savings: hasNoSavings(state.savings) ? NO_SAVINGS : state.savings,
    cadences: state.cadences ?? NO_CADENCES,
    grader: state.grader ?? NO_GRADER,
    arms: state.arms ?? NO_ARMS,
    ...(state.membership && { membership: { ...state.membership, evidence: unpackEvidence(state.membership.evidence) } }),
  })
}

function hasNoSavings ({ treated, control }: Savings): boolean { return treated.generations === 0 && control.samples === 0 }

function revived ({ evidence, open, tested, thresholds }: WrittenGathered): Gathered {
  const none = noEvidence(thresholds)
  const final = shared(evidence, none)
  return {
    evidence: final,
    open: { ...open, evidence: shared(open.evidence, none) },
    tested: sharing(unpackTested(tested, thresholds), final),
  }
}

/** With the lists of all evidence where they are equal, as without a span: they would be a third of the memory of a context. */
function sharing ({ final, ...tested }: TestedEvidence, { lost, gained }: Evidence): TestedEvidence {
  const like = (list: readonly number[], other: readonly number[]) => isDeepStrictEqual(list, other) ? other : list
  return { ...tested, final: { ...final, lost: like(final.lost, lost), gained: like(final.gained, gained) } }
}

/** Shares one object among empty evidence. @param none empty evidence of the grid */
function shared (packed: PackedEvidence | null, none: Evidence): Evidence {
  return packed === null || packed.generations === 0 ? none : unpackEvidence(packed)
}
