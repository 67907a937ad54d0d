import { applyEntry, type ContextState, contextWarnings, type Fold, foldedStates, policyOf } from '../../core/learn/index.js'
import { areSameForms } from '../../core/decide/index.js'
import { type EnrolmentTimes, knownEpochOf, labelReachOf, leftEpochOf } from '../../core/evidence/index.js'
import { haveSameTerms, type Policy } from '../../core/policy/index.js'
import type { Commit } from '../../store/learner-store.js'
import type { StoredEntry } from '../../store/log.js'

/** The state that a learner holds between commits. */
export interface LearnerState extends Pick<Fold, 'cursor' | 'ledger' | 'pending' | 'cohorts' | 'counts' | 'reservoir' | 'predictors'> {
  readonly contexts: Map<string, ContextState>
}

/**
 * Folds entries into a learner's memory, in place, and returns what to commit. After a failed commit the learner must read the memory from
 * the store again.
 */
export function foldEntries (memory: LearnerState, entries: readonly StoredEntry[], times: EnrolmentTimes): Omit<Commit, 'token'> {
  const { changed: written, ...states } = foldedStates(memory.contexts)
  const fold: Fold = {
    ...memory,
    ...states,
    times,
    traces: new Map(),
    changes: [],
    days: [],
  }
  for (const { cursor, time, entry } of entries) {
    fold.cursor = cursor
    applyEntry(fold, time, entry)
  }
  const { cursor } = entries.at(-1)!
  const cohorts = memory.cohorts.takeChanges()
  for (const key of cohorts.keys()) countOpen(fold, key)
  const commit = {
    from: memory.cursor,
    to: cursor,
    contexts: written,
    pending: memory.pending.takeChanges(),
    cohorts,
    follow_up: memory.cohorts.header,
    reservoir: memory.reservoir.takeChanges(),
    traces: fold.traces,
    ledger: fold.ledger === memory.ledger ? null : fold.ledger,
    decisive: [...written.keys()].filter((key) => differs(memory.contexts.get(key), written.get(key), policyOf(fold.ledger, key))),
    changes: fold.changes,
    days: fold.days,
  }
  for (const [key, state] of written) if (state === undefined) memory.contexts.delete(key); else memory.contexts.set(key, state)
  Object.assign(memory, { cursor, ledger: fold.ledger })
  return commit
}

/** Shows in a context's state how many of its enrolments are open: replicas read states, and not cohorts. */
function countOpen (fold: Fold, key: string): void {
  const open_enrolments = fold.cohorts.get(key)?.open ?? 0
  const state = fold.get(key)
  if (state === undefined || state.reports.open_enrolments === open_enrolments) return
  fold.set(key, { ...state, reports: { ...state.reports, open_enrolments } })
}

/** Whether a decision could differ, or whether a label is asked for. New contexts count, since this is how replicas learn of them. */
function differs (before: ContextState | undefined, after: ContextState | undefined, policy: Policy): boolean {
  if (before === undefined || after === undefined) return before !== after
  return before.rule.index !== after.rule.index || before.rule.guarantee !== after.rule.guarantee ||
    before.rule.control_share !== after.rule.control_share || before.epoch.number !== after.epoch.number ||
    before.probes.distance.tokens !== after.probes.distance.tokens ||
    leftEpochOf(before) !== leftEpochOf(after) || knownEpochOf(before) !== knownEpochOf(after) ||
    haveDifferentForms(before, after) || reachOf(before, policy) !== reachOf(after, policy) ||
    contextWarnings(before, policy).join() !== contextWarnings(after, policy).join() ||
    (isJudged(before) && !haveSameTerms(before.rule.judged_by, after.rule.judged_by)) // until now replicas judged its evidence themselves
}

function reachOf ({ labels, rule }: ContextState, policy: Policy): number { return labelReachOf(labels, policy, rule.index) }

/** Before the first evidence of an epoch there is nothing to judge. */
function isJudged ({ rule: { judged_by: terms, index } }: ContextState): boolean { return terms !== undefined || index !== -1 }

function haveDifferentForms ({ probes: { form: before } }: ContextState, { probes: { form: after } }: ContextState): boolean {
  return (before === null) !== (after === null) || !areSameForms(before?.form ?? null, after?.form ?? null)
}
