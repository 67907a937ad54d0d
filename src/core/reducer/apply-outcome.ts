import type { Arm } from '../assignment/arm.js'
import { addStops, type Fidelity } from '../certificate/fidelity.js'
import { addProbes } from '../contexts/check-distance.js'
import type { ContextState } from '../contexts/context-state.js'
import { countForName } from '../contexts/counts-by-name.js'
import { addFinalAnswer, addGrades } from '../contexts/grader.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import { addUnlabelled } from '../contexts/label-losses.js'
import { hasLeft, leftEpochOf } from '../contexts/membership.js'
import { addEndProbe } from '../contexts/probe-form.js'
import { addSpending } from '../contexts/probe-spending.js'
import { addSaved, addTreated, advanceDay } from '../contexts/savings.js'
import { addToHistory, advanceHistory, startHistory } from '../contexts/savings-history.js'
import { scoreOfState } from '../contexts/score.js'
import type { CohortRules } from '../enrolment/accounting.js'
import type { Cohort } from '../enrolment/cohort.js'
import { type EnrolledUnit, isEvidence, MAX_SAMPLES, noteIndex, type SampleReport } from '../enrolment/enrolled-unit.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import { certifyingDepth, contextChain, ROOT } from '../policy/context.js'
import { differenceFromPool } from '../policy/policy-problem.js'
import { type Cadence, nextCheckTokens, type Policy } from '../policy/policy.js'
import { type Predictor, scorerFor } from '../predictor/predictor.js'
import { type PendingOutcome, pruneSteps } from './pending-outcomes.js'
import { applyCadence } from './apply-cadence.js'
import { compareArms, mustTakeBack, watchFidelity } from './apply-fidelity.js'
import { applyOnArrival } from './apply-on-arrival.js'
import { expire } from './apply-time.js'
import { ensureContext } from './context-room.js'
import { areStopsReal, countSavingsOfControl, usedTokens } from './count-savings.js'
import { armOf, cadenceAt, type Fold, type OwnState, policyOf, thresholdInForce } from './fold.js'
import { addToCounts, answerCounts, endEpoch, followUp, isOfNew } from './follow-up.js'
import { countUnenrolled, isNeverAsked } from './left-out.js'
import { cohortRules } from './take-evidence.js'
import { applySample, applyTrace, isTraceKept, unitOfOutcome } from './units-of-outcome.js'

/**
 * Counts one finished generation in every link of its chain, and accounts for it in the cohort that it was enrolled in. A retry counts
 * nowhere.
 */
export function applyOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  if (reported.is_retry === true) return
  const { levels } = fold.ledger.configuration
  const chain = contextChain(levels, reported.context)
  const leaf = chain.at(-1)!
  const policy = policyOf(fold.ledger, leaf)
  const key = chain[certifyingDepth(levels, policy.certify_at)]!
  const usable = withUsableSteps(fold, reported, leaf, key)
  const outcome = refuseSignals(fold, leaf, usable)

  for (const link of chain) ensureContext(fold, link, time, reported.prefix)
  const found = fold.get(key)
  const current = found && expire(fold, key, found, time) // no tick may have come since
  const member = leaf === key ? undefined : fold.get(leaf)
  if (member !== undefined) expire(fold, leaf, member, time)
  const hasLeaf = fold.get(leaf) !== undefined
  if (!hasLeaf) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }

  const arm = armOf(outcome, current?.control_share ?? 0)
  const force = arm === 'treated' || leaf !== key ? thresholdInForce(fold, leaf, time) : undefined
  const isServed = arm === 'treated' && !wasLeftAlone(fold, outcome, leaf, key)
  const used = isServed && force !== undefined && hasLeaf ? usedTokens(outcome, policy, force) : undefined
  const pending = { outcome, leaf, key }
  const isUncounted = arm === 'treated' && force !== undefined && force.threshold !== null && !areStopsReal(policy, force)
  const gathering = policyOf(fold.ledger, key)
  const isOfPool = differenceFromPool(policy, gathering) === undefined // otherwise it is no evidence of its pool
  const isWatched = isServed && current !== undefined && isOfPool && force !== undefined
  const watched = isWatched ? watchFidelity(fold, time, pending, force, current) : undefined
  const more = { arm, used, isUncounted, time }
  for (const link of chain) {
    const state = fold.own(link)
    if (state === undefined) continue
    if (link === ROOT) countInHistory(state, outcome, time)
    countOutcome(state, outcome, more)
  }
  const counted = fold.own(key)
  if (counted === undefined) return
  if (watched !== undefined) {
    countFidelity(counted, watched)
    compareArms(fold, time, pending, force!, counted)
  }
  countEndProbe(counted, outcome)
  if (arm === 'control' && isOfPool) countProbes(counted, outcome)
  if (outcome !== usable) addToCounts(counted, { signals_refused: 1 })
  if (!isOfPool) return

  const compared = isComparedInPool(fold, pending, time, force) ? applyCadence(fold, pending, arm, counted) : counted
  const state = mustTakeBack(fold, key, compared, time) ? endEpoch(fold, key, compared, { cause: 'breach', policy: gathering, time }) : compared
  const known = state === compared ? force : undefined // in a new epoch a member that has left is evidence again
  if (gathering.follow_up_seconds !== 0) account(fold, time, pending, { arm, force: known }, state)
  else if (isOfSource(fold, pending, time, known)) applyOnArrival(fold, time, pending, arm)
}

/** Whether both arms of the leaf run as its pool's do: a new member has no treated arm, and one with a pin of its own no control arm. */
function isComparedInPool (fold: Fold, { leaf, key }: PendingOutcome, time: number, known: EffectiveThreshold | undefined): boolean {
  if (leaf === key) return true
  const { isEvidence, isNew } = known ?? thresholdInForce(fold, leaf, time)
  return isEvidence && !isNew
}

/** The outcome without steps that are not evidence: those of a treated generation, and those that cannot be complete. */
function withUsableSteps (fold: Fold, reported: LoggedOutcome, leaf: string, key: string): LoggedOutcome {
  const isIncomplete = wasDueButNotAsked(fold, reported, leaf, key) // workers ask at the leaf's cadence
  const isBare = reported.arm === 'treated' && reported.steps !== null
  if (!isIncomplete && !isBare) return reported
  return { ...reported, steps_complete: !isIncomplete && reported.steps_complete, steps: isBare ? null : reported.steps }
}

/** Whether new generations of the leaf are evidence of the context that certifies for it. @param force its threshold in force, if known */
function isOfSource (
  fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, time: number, force: EffectiveThreshold | undefined
): boolean {
  return leaf === key || (force ?? thresholdInForce(fold, leaf, time)).isEvidence
}

interface Drawn { readonly arm: Arm | null, readonly force: EffectiveThreshold | undefined }

/**
 * Accounts for a sample of an enrolled generation, or keeps the outcome until its entry comes.
 * @param drawn its arm, and the threshold in force for its leaf, if known
 * @param counted state of the context that gathers the evidence, as stored
 */
function account (fold: Fold, time: number, pending: PendingOutcome, { arm, force }: Drawn, counted: ContextState): void {
  const { key, outcome } = pending
  const state = followUp(fold, key, counted, time) // what is due comes first; it may open another epoch
  const policy = policyOf(fold.ledger, key)
  const cohort = fold.cohorts.of(key, state.epoch_name)
  const { clock } = fold.cohorts
  const rules = cohortRules(fold, state, policy)
  const inForce = state.epoch_name === counted.epoch_name ? force : undefined
  const member = cohort.members.get(outcome.u) ?? addAside(fold, pending, { arm, force: inForce }, { cohort, time, pool: state })
  if (member !== undefined) {
    followUp(fold, key, takeReport(fold, pending, state, { cohort, member, rules, time }), time)
    return
  }
  if (arm !== 'control' || outcome.hash >= policy.label_rate) return // only control units are enrolled
  const left = leftAt(fold, pending, state)
  if (left === null ? !isOfSource(fold, pending, time, inForce) : time >= left + rules.wait) return // nothing will enrol it any more
  if (outcome.by_prompt === true && cohort.isKnown(outcome.u, clock) && !cohort.isMissed(outcome.u)) return // another one counts
  const mayCome = !isNeverAsked(outcome) && !cohort.isKnown(outcome.u, clock)
  const early = { u: outcome.u, generation_id: outcome.generation_id, until: clock + rules.wait }
  if (cohort.isMissed(outcome.u)) addToCounts(fold.own(key)!, { late: 1 })
  else if (mayCome && cohort.addEarly(early)) fold.pending.set(pending)
  else if (!isOfNew(pending, state)) {
    addToCounts(fold.own(key)!, countUnenrolled([outcome], cohort, clock))
    if (mayCome) cohort.addVoid(outcome.u, clock, rules) // it is left out, so its entry must not enrol it
  }
}

/** A control unit of a new member of a pool that only this member needs, not the pool. @returns `undefined` if it is none */
function addAside (
  fold: Fold, pending: PendingOutcome, { arm, force }: Drawn,
  { pool, cohort, time }: Pick<Reporting, 'cohort' | 'time'> & { readonly pool: ContextState }
): EnrolledUnit | undefined {
  const { outcome, leaf, key } = pending
  const isNew = () => (force ?? thresholdInForce(fold, leaf, time)).isNew
  if (arm !== 'control' || !isOfNew(pending, pool) || !isNew()) return undefined
  if (outcome.hash >= policyOf(fold.ledger, key).label_rate || isNeverAsked(outcome)) return undefined
  return cohort.addAside(outcome.u, outcome.hash, fold.cohorts.clock)
}

/**
 * When the context of an outcome left its pool; `null`: it belongs to it, or has none.
 * @param pool state of the context that certifies for it
 */
function leftAt (fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, pool: ContextState): number | null {
  const state = leaf === key ? pool : fold.get(leaf)
  return hasLeft(leftEpochOf(state), pool.epoch_name) ? state?.membership?.left_at ?? null : null
}

interface Counted {
  readonly arm: Arm | null
  /** Tokens after its crossing; `undefined`: it does not count in the savings. */
  readonly used: number | undefined
  /** See `DailySavings`. */
  readonly isUncounted: boolean
  readonly time: number
}

/** Counts an outcome in place in a link of its chain. */
function countOutcome (state: OwnState, outcome: LoggedOutcome, { arm, used, isUncounted, time }: Counted): void {
  const { tokens, probe_tokens = 0, probe_prefill_tokens = 0 } = outcome
  state.generations++
  if (arm === 'treated') state.treated++
  if (used !== undefined) state.savings = addTreated(state.savings, used)
  state.probe_tokens += probe_tokens
  state.probe_prefill_tokens += probe_prefill_tokens
  state.spending = addSpending(state.spending, { tokens, probe_tokens }, arm === 'control')
  state.day = advanceDay(state.day, state, isUncounted, time)
  state.updated_at = time
}

/** Counts an outcome in what the fleet saved over time. It is of the period that begins with it. */
function countInHistory (root: OwnState, outcome: LoggedOutcome, time: number): void {
  const history = root.savings_history === undefined ? startHistory(root, time) : advanceHistory(root.savings_history, root, time)
  const { tokens, probe_tokens = 0 } = outcome
  root.savings_history = addToHistory(history, tokens + probe_tokens)
}

function countFidelity (state: OwnState, fidelity: Fidelity): void {
  state.stops = addStops(state.stops, state.fidelity, fidelity)
  state.fidelity = fidelity
}

function countEndProbe (state: OwnState, { end_probe: isEqual }: LoggedOutcome): void {
  const { probe_form: form } = state
  if (isEqual !== undefined && form !== null) state.probe_form = addEndProbe(form, isEqual === 1)
}

function countProbes (state: OwnState, { steps, asked_tokens: probeTokens }: LoggedOutcome): void {
  state.check_distance = addProbes(state.check_distance, steps?.length ?? 0, probeTokens)
}

/** An empty list means that the generation never asked, which cannot be true if it was long enough for more than one check. */
function wasDueButNotAsked (fold: Fold, { steps, tokens }: LoggedOutcome, leaf: string, key: string): boolean {
  if (steps?.length !== 0) return false
  return isTwiceDue(cadenceAt(fold, leaf, fold.get(key)), tokens)
}

/**
 * Whether a treated generation asked no more after its first step, since nothing could stop it then (see `isLeftAlone`). It is no example
 * of what a threshold does that came into force later.
 */
function wasLeftAlone (fold: Fold, { stopped, steps_asked: asked, tokens }: LoggedOutcome, leaf: string, key: string): boolean {
  if (stopped || asked === undefined || asked > 1) return false
  return isTwiceDue(cadenceAt(fold, leaf, fold.get(key)), tokens)
}

/** Whether a generation is long enough for more than one check. */
function isTwiceDue (cadence: Cadence, tokens: number): boolean {
  return tokens >= nextCheckTokens(cadence, nextCheckTokens(cadence, 0))
}

const namesOf = new WeakMap<Predictor, ReadonlySet<string>>()

/**
 * Leaves out the signals of an outcome whose names are too many to be kept (see `SignalNames`). Returns the same outcome if there are none.
 * @param leaf context key of its leaf
 */
function refuseSignals ({ reservoir: { names }, predictors }: Fold, leaf: string, outcome: LoggedOutcome): LoggedOutcome {
  const isScored = (name: string) => [...predictors.values()].some((predictor) => signalsOf(predictor).has(name))
  const refused = names.refused(leaf, outcome.steps, isScored)
  if (refused.size === 0) return outcome
  return { ...outcome, steps: outcome.steps!.map((step) => without(step, refused)) }
}

function signalsOf (predictor: Predictor): ReadonlySet<string> {
  let names = namesOf.get(predictor)
  if (names === undefined) namesOf.set(predictor, names = new Set(predictor.signals.map(({ name }) => name)))
  return names
}

function without ({ signals, ...step }: LoggedStep, refused: ReadonlySet<string>): LoggedStep {
  const kept = Object.entries(signals ?? {}).filter(([name]) => !refused.has(name))
  return kept.length === 0 ? step : { ...step, signals: Object.fromEntries(kept) }
}

interface Reporting { readonly cohort: Cohort, readonly member: EnrolledUnit, readonly rules: CohortRules, readonly time: number }

/**
 * Accounts for one sample of an enrolled member, as far as its label allows.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function takeReport (
  fold: Fold, pending: PendingOutcome, state: ContextState, { cohort, member, rules, time }: Reporting
): ContextState {
  const { outcome, leaf, key } = pending
  const { sample_index: index } = outcome
  if (outcome.by_prompt === true) {
    if (outcome.hash !== member.hash) return state // another generation enrolled the prompt
    member.byPrompt = true
  }
  const isTooMany = member.reported >= MAX_SAMPLES
  if (!isTooMany && index !== null && index >= 0 && !noteIndex(member, index)) return state
  if (leaf !== key) member.leaf ??= leaf
  const policy = policyOf(fold.ledger, key)
  const report: SampleReport = isTooMany ? { kind: 'missing' } : reportOf(fold, pending, cohort, state, policy)
  if (report.kind === 'awaits_label') fold.pending.set(isTraceKept(fold, outcome, state) ? pending : prune(fold, pending, state, policy))
  const samples = index === null ? 1 : outcome.samples ?? null
  cohort.report(member, report, samples, fold.cohorts.clock, rules)
  if (!isEvidence(member)) return state
  if (report.kind === 'known') {
    applySample(fold, outcome, leaf, policy)
    applyTrace(fold, outcome, key, state, policy)
  }
  takeSavings(fold, pending, member, state, time)
  const isLabelWanted = report.kind === 'awaits_label' || report.kind === 'at_worst'
  const isReported = isLabelWanted || report.kind === 'known'
  const counts = {
    ...(isReported ? { reported: 1 } : lacksSteps(outcome) && { steps_missing: 1 }),
    ...(isLabelWanted && { labels_wanted: 1 }),
    ...(isReported && outcome.is_unmarked === true && { unmarked: 1 }),
    ...(isReported && answerCounts(outcome)),
  }
  const own = fold.own(key)!
  addToCounts(own, counts)
  if (report.kind !== 'missing' && report.kind !== 'cancelled') own.grader = addGrades(addFinalAnswer(own.grader, outcome), outcome)
  if (isReported) compareArms(fold, time, pending, thresholdInForce(fold, leaf, time), own, member.share)
  own.fed_by = countForName(own.fed_by, outcome.by)
  if (isReported && outcome.full.exact_match === undefined && policy.label === 'exact_match') own.label_losses = addUnlabelled(own.label_losses)
  own.updated_at = time
  return own
}

/** Whether a control outcome is missing because it lacks steps. */
function lacksSteps ({ arm, stopped, cancelled, steps, steps_complete: isComplete }: Pick<LoggedOutcome, 'arm' | 'stopped' | 'cancelled' | 'steps' | 'steps_complete'>): boolean {
  return arm !== 'treated' && !stopped && cancelled !== true && (steps === null || !isComplete)
}

/** Counts what stopping would have saved in a sample of a control member. */
function takeSavings (fold: Fold, pending: PendingOutcome, member: EnrolledUnit, state: ContextState, time: number): void {
  const { outcome, key } = pending
  if (outcome.stopped || outcome.arm === 'treated') return
  const { label_rate: enrolled } = policyOf(fold.ledger, key)
  const unit = { share: member.share, earlier: member.saved, enrolled }
  const tokens = countSavingsOfControl(fold, pending, unit, state, time)
  if (tokens !== null) member.saved = addSaved(member.saved, tokens)
}

function reportOf (
  fold: Fold, { outcome, leaf }: PendingOutcome, cohort: Cohort, state: ContextState, policy: Policy): SampleReport {
  if (outcome.cancelled === true) return { kind: 'cancelled' }
  if (outcome.stopped || outcome.arm === 'treated' || outcome.steps === null || !outcome.steps_complete) return { kind: 'missing' }
  const { unit, isLabelWanted } = unitOfOutcome(outcome, leaf, policy, state, fold.predictors)
  if (!isLabelWanted) return { kind: 'known', unit }
  return cohort.hasRoomForLabel ? { kind: 'awaits_label', generation_id: outcome.generation_id } : { kind: 'at_worst', unit }
}

/**
 * Drops the steps at which no threshold is crossed, which would fill the store while the outcome awaits its label. Use it only after the
 * enrolment: another score, which opens an epoch, may cross at other steps.
 */
function prune (fold: Fold, pending: PendingOutcome, state: ContextState, { min_tokens: minTokens }: Policy): PendingOutcome {
  const { outcome, leaf } = pending
  const atLeaf = policyOf(fold.ledger, leaf)
  const predictor = scoreOfState(state, fold.predictors)?.predictor ?? null
  const scorer = predictor === null ? null : scorerFor(predictor, leaf)
  const pruned = pruneSteps(outcome, { minTokens: [atLeaf.min_tokens, minTokens], scorer, isSampled: true })
  return { ...pending, outcome: pruned }
}
