import type { Fold } from './fold.js'
import { withLateLabel } from './late-label.js'
import { learnArrival } from './learn-arrival.js'
import type { LabelEntry } from './log-entry.js'
import type { Pending } from '../recording/pending.js'

/** Gives a waiting outcome its label, and lets in whatever waited behind it. */
export function learnLabel (fold: Fold, time: number, label: LabelEntry): void {
  const pending = fold.pending.get(label.generation_id)
  if (pending === undefined || pending.isSettled) return // its time was up, or it needed none
  const outcome = withLateLabel(pending.outcome, label)
  if (outcome === pending.outcome) return // says nothing: a better one may come
  fold.pending.replace({ ...pending, outcome, isSettled: true })
  letInFrom(fold, time, pending)
}

/** Lets in, without their label, the outcomes whose time to wait is up. */
export function expireLabels (fold: Fold, time: number): void {
  const until = time - fold.ledger.configuration.label_wait_seconds * 1000
  for (let pending = fold.pending.overdue(until); pending !== undefined; pending = fold.pending.overdue(until)) {
    letIn(fold, time, pending)
    letInFrom(fold, time, pending)
  }
}

/** Lets in the outcomes of an arm of a leaf up to the first whose label may still come. */
function letInFrom (fold: Fold, time: number, { leaf, arm }: Pending): void {
  for (let head = fold.pending.headOf(leaf, arm); head?.isSettled; head = fold.pending.headOf(leaf, arm)) letIn(fold, time, head)
}

/** Lets all in as they are: the contexts they belong to are about to go. */
export function letAllIn (fold: Fold, time: number): void {
  for (let first = fold.pending.overdue(Infinity); first !== undefined; first = fold.pending.overdue(Infinity)) letIn(fold, time, first)
}

function letIn (fold: Fold, time: number, pending: Pending): void {
  fold.pending.remove(pending)
  learnArrival(fold, time, pending, true)
}

/** Whether a tick at this time would let some outcome in. */
export function isLabelOverdue ({ pending, ledger }: Pick<Fold, 'pending' | 'ledger'>, time: number): boolean {
  return pending.overdue(time - ledger.configuration.label_wait_seconds * 1000) !== undefined
}
