import type { ContextState, ExpectedCertificate } from '../contexts/context-state.js'
import { judgeAfresh } from '../contexts/judge.js'
import type { EnrolmentEntry, EnrolmentList } from '../enrolment/enrolment-list.js'
import { isCertifying } from '../policy/context.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { applyConfiguration, applyPin, applyPolicy, applyPredictor, applyReset } from './apply-command.js'
import { applyLabel } from './apply-label.js'
import { applyOutcome, takeReport } from './apply-outcome.js'
import { applyProbeForm } from './apply-probe-form.js'
import { applyTime } from './apply-time.js'
import { createChain } from './context-room.js'
import { moveShare } from './control-share.js'
import { type Fold, policyOf, startEpoch, statesWithin } from './fold.js'
import { addToCounts, followUp } from './follow-up.js'
import type { CheckpointEntry, LogEntry } from './log-entry.js'
import { cohortRules } from './take-evidence.js'
import { moveOf } from './threshold-change.js'

/**
 * Folds one entry of the log into learned state; the same entries give the same state to the bit.
 * @param time of the entry's id, ms: the only clock
 */
export function applyEntry (fold: Fold, time: number, entry: LogEntry): void {
  fold.cohorts.advance(time, fold.times.longestGap)
  switch (entry.type) {
    case 'enrolment': return applyEnrolment(fold, time, entry)
    case 'outcome': return applyOutcome(fold, time, entry)
    case 'label': return applyLabel(fold, time, entry)
    case 'policy': return applyPolicy(fold, time, entry.key, entry.policy, entry)
    case 'pin': return applyPin(fold, time, entry.key, entry.pin, entry)
    case 'configuration': return applyConfiguration(fold, time, entry.configuration)
    case 'reset': return applyReset(fold, time, entry)
    case 'checkpoint': return applyCheckpoint(fold, time, entry)
    case 'predictor': return applyPredictor(fold, time, entry)
    case 'probe_form': return applyProbeForm(fold, time, entry)
    case 'tick': return applyTime(fold, time)
    case 'acknowledgement': case 'unreadable': // have no effect
  }
}

/**
 * Starts an epoch in a context and those below, since evidence about one checkpoint proves nothing about the next. The certificate of the
 * previous checkpoint is kept as an expectation, which affects no decision. A checkpoint that continues the training starts none, unless
 * the context serves another run.
 */
function applyCheckpoint (fold: Fold, time: number, { key: under, run, step, continues, by }: CheckpointEntry): void {
  const opened: Array<readonly [key: string, state: ContextState]> = []
  for (const [key, state] of statesWithin(fold, under)) {
    const last = state.checkpoint ?? null
    if (continues && (last === null || last.run === run)) {
      fold.set(key, { ...state, checkpoint: continuedBy(last, run, step) })
      continue
    }
    const policy = policyOf(fold.ledger, key)
    const next = startEpoch(fold, key, state, { cause: 'checkpoint', policy, time })
    const expected = expectationOf(fold, state, policy) ?? state.checkpoint?.expected ?? null
    const served = { ...next, checkpoint: { run, step, expected } }
    fold.set(key, served)
    opened.push([key, served])
    fold.changes.push({ time, key, cause: 'checkpoint', epoch: next.epoch, ...moveOf(state), by, reason: `step ${step} of run ${run}` })
  }
  for (const [key, state] of opened) moveShare(fold, key, state, time)
}

/** @param before the checkpoint that was served before; where it is unknown, the epoch counts from this step */
function continuedBy (before: ContextState['checkpoint'] & object | null, run: string, step: number) {
  return { run, step, expected: before?.expected ?? null, since: before?.since ?? before?.step ?? step }
}

function expectationOf (fold: Fold, state: ContextState, policy: Policy): ExpectedCertificate | null {
  const { threshold, guarantee } = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  if (guarantee === null) return null
  const { tokens_saved_ratio, em_drop } = guarantee
  const { run = null, step = null } = state.checkpoint ?? {}
  return { run, step, threshold: threshold!, ...(policy.score !== CONFIDENCE && { scorer: policy.score }), tokens_saved_ratio, em_drop }
}

/** Enrols what a replica has drawn (see docs/concepts/certificate.md). */
function applyEnrolment (fold: Fold, time: number, list: EnrolmentList): void {
  const underWay = fold.cohorts.admit(list, time)
  if (underWay === null) return
  const isTooOld = list.age + underWay > fold.times.oldestList
  for (const entry of list.entries) enrol(fold, time, entry, isTooOld)
}

function enrol (fold: Fold, time: number, entry: EnrolmentEntry, isTooOld: boolean): void {
  const { key, epoch } = entry
  const { levels } = fold.ledger.configuration
  const found = fold.get(key) ?? createChain(fold, key, time, entry.prefix)
  const policy = policyOf(fold.ledger, key)
  if (found === undefined || policy.follow_up_seconds === 0) return
  const isFirst = epoch === null && found.epoch_cause === 'first_enrolment'
  if (!isCertifying(levels, policy.certify_at, key)) {
    addToCounts(fold.own(key)!, { void: entry.draws.length })
    return
  }
  const followed = followUp(fold, key, fold.get(key)!, time) // what is due comes first; it may open another epoch
  const isOfOther = followed.epoch_name !== found.epoch_name || (epoch !== found.epoch_name && !isFirst)
  const cohort = fold.cohorts.of(key, followed.epoch_name)
  const { clock } = fold.cohorts
  const rules = cohortRules(fold, followed, policy)
  const members = cohort.enrol(entry, clock, rules, isOfOther ? 'epoch' : isTooOld ? 'age' : null)
  const own = fold.own(key)!
  addToCounts(own, cohort.takeCounts())
  let state: ContextState = own
  for (const member of members) {
    for (const { generation_id: id } of cohort.takeEarly(member.u)) {
      const pending = fold.pending.get(id)
      if (pending === undefined) continue
      fold.pending.remove(id)
      if (cohort.members.get(member.u) !== member) continue // it is accounted for: more outcomes came than it has samples
      state = takeReport(fold, pending, state, { cohort, member, rules, time })
    }
  }
  followUp(fold, key, state, time)
}
