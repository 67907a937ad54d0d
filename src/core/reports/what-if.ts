import { addUnitTo, newSum } from '../stats/evidence-sum.js'
import { emDrop, grossSavedRatio, tokensSavedRatio, evidenceUnitOf } from '../stats/evidence.js'
import { type JudgePolicy, trueDrop, withAuditedGains } from '../stats/judge-errors.js'
import { GRID } from '../decide/grid.js'
import { type KeptTrace, stepsAtCadence, stopsOf, type Trace, traceOfKept } from '../stats/trace.js'
import { checkEveryTokens } from '../learn/check-distance.js'
import { type ContextState, openEpoch, requestGuarantee } from '../learn/context-state.js'
import { isCurrent, judgeAfresh } from '../learn/judge.js'
import { scoredEvidence } from '../learn/scored-evidence.js'
import type { Levels } from '../policy/context.js'
import { type Cadence, fieldsOf, type Policy, type Role, roleOf } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import { describeTradeoff } from './tradeoff.js'
import { describeThresholds } from './threshold-rows.js'

/** Policy fields that what-if queries may change: those of the guarantee, and the cadence, by kept traces. */
export const ANSWERABLE_FIELDS = ['max_em_drop', 'error_level', 'check_every_tokens', 'check_growth'] as const

export type AnswerableFields = Pick<Policy, typeof ANSWERABLE_FIELDS[number]>

const NEW_EPOCH = 'the present evidence was counted under the present value, and another value starts a new epoch without evidence'

const WHY_NOT: Readonly<Record<Exclude<Role, 'guarantee'>, string>> = {
  meaning: NEW_EPOCH,
  judging: NEW_EPOCH,
  pace: 'it affects how fast evidence arrives, not what the present evidence certifies',
  pool: 'it affects which contexts share their evidence',
  service: 'it affects what is served or kept, not what is certified',
}

/** Why what-if queries cannot change the other policy fields. */
export const UNANSWERABLE_FIELDS = Object.fromEntries(fieldsOf('meaning', 'judging', 'pace', 'pool', 'service')
  .filter((name) => !ANSWERABLE_FIELDS.some((one) => one === name))
  .map((name) => [name, WHY_NOT[roleOf(name) as keyof typeof WHY_NOT]])) as UnanswerableFields

type UnanswerableFields = Readonly<Record<Exclude<keyof Policy, keyof AnswerableFields>, string>>

/** The answer contains no times. */
const NO_PACE = { now: 0, since: 0, perSecond: null, spanEnds: null }

/**
 * Certifies from the present evidence as if another guarantee were requested. For another cadence, the evidence is recomputed from the
 * kept traces; the guarantee is then that of a new epoch, so nothing is post hoc.
 * @param policy the effective policy with the changed fields
 * @param traces those kept of the context, where a cadence is asked about
 */
export function whatIf (
  state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors, traces: readonly KeptTrace[] | null = null) {
  if (traces === null) return { ...judged(state, policy, levels, predictors), cadence: null }
  const { asked, comparison } = replayTraces(state, policy, levels, traces)
  return { ...judged(asked, policy, levels, predictors), cadence: comparison }
}

function judged (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors) {
  const asked = requestGuarantee(state, policy)
  const { index, threshold } = judgeAfresh(asked, policy, levels, predictors)
  const { score } = policy
  const scored = scoredEvidence(asked, policy, predictors)
  const thresholds = describeThresholds(scored, policy)
  const row = thresholds[index]
  const { unfavourable_from } = describeTradeoff({ ...scored, score, index, suspicion: 1 }, policy, NO_PACE)
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    check_every_tokens: checkEveryTokens(policy, state.probes.distance),
    check_growth: policy.check_growth,
    post_hoc: scored.isPostHoc,
    threshold,
    score,
    em_drop: row?.em_drop ?? null,
    em_drop_low: row?.em_drop_low ?? null,
    em_drop_high: row?.em_drop_high ?? null,
    tokens_saved_ratio: row?.tokens_saved_ratio ?? 0,
    tokens_saved_gross_ratio: row?.tokens_saved_gross_ratio ?? 0,
    unfavourable_from,
    generations: scored.evidence.generations,
    generations_to_next_certificate: thresholds.find(({ certified }) => !certified)?.generations_needed ?? null,
    thresholds,
  }
}

type CadenceFields = Pick<Policy, 'check_growth' | 'min_tokens'> & { readonly check_every_tokens: number }

/** The cadence that the evidence of a state was gathered at. */
export function recordedCadence ({ epoch: { meaning }, probes: { distance } }: ContextState): CadenceFields {
  const { check_growth, min_tokens } = meaning
  return { check_every_tokens: checkEveryTokens(meaning, distance), check_growth, min_tokens }
}

/** Why the steps recorded at one cadence cannot show what another would; `null`: they can. */
export function cadenceProblem (recorded: CadenceFields, asked: CadenceFields): { path: string, message: string } | null {
  for (const field of ['check_every_tokens', 'check_growth'] as const) {
    if (asked[field] >= recorded[field]) continue
    const message = `must be at least ${recorded[field]}, the cadence that the steps were recorded at: nothing was asked in between`
    return { path: `/${field}`, message }
  }
  return null
}

const NO_PREDICTORS: LivePredictors = new Map()

/**
 * The state that a context scored by the raw confidence would have if its kept traces had been asked at the policy's cadence and were all
 * its evidence, and the two cadences compared on them. Each check is taken at the first recorded step from where it is due.
 */
export function replayTraces (
  state: ContextState, policy: Policy, levels: Levels, kept: readonly KeptTrace[]) {
  const traces = kept.filter(({ epoch }) => epoch === state.epoch.name).map(traceOfKept)
  const { rule: { index } } = state
  const present = recordedCadence(state)
  const numbers = { ...policy, check_every_tokens: checkEveryTokens(policy, state.probes.distance) }
  const recorded = replay(traces, { ...policy, ...present }, index)
  const asked = replay(traces, numbers, index)
  const begun = openEpoch(state, { cause: 'policy', policy, levels, time: state.reports.updated_at, name: state.epoch.name })
  const { evidence } = asked
  const isSameDistance = numbers.check_every_tokens === present.check_every_tokens
  const { check_every_tokens } = isSameDistance ? state.epoch.meaning : policy // a number may ask about what `auto` amounts to
  const looks = isCurrent(state, { ...policy, check_every_tokens }, levels, NO_PREDICTORS) ? state.epoch.looks : begun.epoch.looks
  const opened: ContextState = {
    ...begun,
    epoch: { ...begun.epoch, number: state.epoch.number, looks },
    evidence: { ...begun.evidence, final: evidence, span: state.evidence.span },
  }
  return {
    asked: opened,
    /** At the threshold in force. If there is none, the figures are those of full generations. */
    comparison: { threshold: index === -1 ? null : GRID[index]!, recorded: recorded.figures, asked: asked.figures },
  }
}

function replay (traces: readonly Trace[], fields: CadenceFields & JudgePolicy, index: number) {
  const { check_every_tokens: checkEveryTokens, check_growth: checkGrowth, min_tokens: minTokens } = fields
  const cadence: Cadence = { checkEveryTokens, checkGrowth, minTokens }
  const evidence = newSum(GRID.length)
  let [probes, checks] = [0, 0]
  for (const trace of traces) {
    const asked: Trace = { ...trace, ...stepsAtCadence(trace.steps, cadence) }
    const stops = stopsOf(asked, minTokens)
    addUnitTo(evidence, withAuditedGains(evidenceUnitOf(asked, stops), fields, null)) // the draw is not kept
    const threshold = index === -1 ? Infinity : GRID[index]!
    const at = asked.steps.findIndex(({ tokens, score }) => score !== null && tokens >= minTokens && score >= threshold)
    checks += at === -1 ? asked.steps.length : at + 1
    probes += index === -1 ? asked.probeTokens ?? 0 : stops[index]!.probeTokens
  }
  const { generations, full_tokens: full } = evidence
  const perGeneration = (sum: number) => generations === 0 ? 0 : sum / generations
  return {
    evidence,
    figures: {
      check_every_tokens: checkEveryTokens,
      check_growth: checkGrowth,
      em_drop: index === -1 ? 0 : trueDrop(emDrop(evidence, index), fields),
      tokens_saved_ratio: index === -1 ? -probes / Math.max(1, full) : tokensSavedRatio(evidence, index),
      tokens_saved_gross_ratio: index === -1 ? 0 : grossSavedRatio(evidence, index),
      /** Means over the generations: tokens decoded for probes, and checks, until the stop. */
      probe_tokens: perGeneration(probes),
      checks: perGeneration(checks),
    },
  }
}
