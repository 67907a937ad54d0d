import { Counter, Gauge, type Registry } from 'prom-client'
import { ROOT } from '../core/policy/context.js'
import { evidenceOf } from '../core/judgement/context-state.js'
import { cancelledRatio, followUpRatio, NO_FOLLOW_UP } from '../core/judgement/follow-up-counts.js'
import { describeArms } from '../core/views/describe-arms.js'
import { emDrop, grossSavedRatio, tokensSavedRatio } from '../core/certificate/evidence.js'
import { mergeEvidence } from '../core/certificate/merge-evidence.js'
import { sumsInForce } from '../core/judgement/candidate-scorer.js'
import type { GaugeSources } from './gauge-sources.js'

/** Metrics of each context, all from one reading of the states. */
export function watchContexts (registers: Registry[], { busiest, isLeaf, policyOf }: GaugeSources): () => Promise<void> {
  const all: Array<{ reset: () => void }> = []
  const gauge = <L extends string = never>(name: string, help: string, ...labels: L[]) => {
    const made = new Gauge<'context' | L>({ name: `stopgate_context_${name}`, help, labelNames: ['context', ...labels], registers })
    all.push(made)
    return made
  }
  const thresholds = gauge('threshold', 'Certified threshold; absent if there is none')
  const scorers = gauge('scorer', '1 for the score that the certified threshold applies to (confidence, or the name of a predictor); absent if none is certified', 'scorer')
  const challengers = gauge('challengers', 'Predictors on trial')
  const emDrops = gauge('em_drop', 'Net EM drop at the certified threshold (fraction)')
  const bounds = gauge('max_em_drop', 'EM drop that the policy allows (fraction)')
  const savedRatios = gauge('tokens_saved_ratio', 'Share of tokens that the certified threshold saves, net of the tokens of probes (fraction)')
  const grossRatios = gauge('tokens_saved_gross_ratio', 'Share of tokens that the certified threshold saves, probes not counted (fraction)')
  const generations = gauge('control_generations', 'Control generations in the evidence')
  const lastEvidence = gauge('last_evidence_timestamp_seconds', 'Unix time of the last evidence, by the clock of the store; absent before any')
  const evidenceAges = gauge('max_evidence_age_seconds', 'Time without evidence after which the policy takes a threshold back')
  const followUpRatios = gauge('follow_up_ratio', 'Share of the enrolled generations of final slices that are accounted for (fraction)')
  const cancelledRatios = gauge('cancelled_ratio', 'Share of the enrolled generations of final slices that were cancelled (fraction)')
  const followUps = gauge(
    'follow_up', `Enrolled generations and control outcomes of this epoch, by what became of them: ${Object.keys(NO_FOLLOW_UP).join(', ')}`, 'state')
  const unprobed = gauge('unprobed', 'Generations in the evidence that count as the worst case at some threshold because no answer was probed')
  const openEnrolments = gauge('open_enrolments', 'Generations of either arm that are enrolled and not accounted for yet; at most 4,096')
  const unaccounted = gauge('unaccounted', 'Enrolled generations of ended slices that are not accounted for yet and count as lost until they are')
  const armEm = gauge('arm_em', 'Mean EM of the enrolled generations of an arm while a threshold was in force', 'arm')
  const armTokens = gauge('arm_tokens_mean', 'Mean tokens of a generation of an arm while a threshold was in force', 'arm')
  const emDifference = gauge(
    'em_difference', 'EM of the treated arm minus that of the control arm: estimate and bounds of an anytime-valid interval', 'bound')
  const counter = (name: string, help: string) => new Counter({ name: `stopgate_${name}`, help: `${help}, by leaf context`, labelNames: ['context'], registers })
  const totals = [
    { field: 'tokens_saved_gross', metric: counter('tokens_saved_gross_total', 'Tokens saved by stopping, estimated from the control arm; probes are not counted') },
    { field: 'probe_tokens', metric: counter('probe_tokens_total', 'Tokens decoded only for probes, in both arms') },
    { field: 'probe_prefill_tokens', metric: counter('probe_prefill_tokens_total', 'Tokens prefilled anew for probes, in both arms') },
  ] as const

  return async () => {
    const shown = await busiest()
    const ofOthers = totals.map(({ field }) => shown.get(ROOT)?.[field] ?? 0)
    for (const metric of [...all, ...totals.map(({ metric }) => metric)]) metric.reset()
    for (const [context, state] of shown) {
      const evidence = evidenceOf(state)
      generations.set({ context }, evidence.generations)
      if (state.last_evidence_at !== null) lastEvidence.set({ context }, state.last_evidence_at / 1000)
      const policy = policyOf(context)
      if (policy !== undefined) {
        bounds.set({ context }, policy.max_em_drop)
        evidenceAges.set({ context }, policy.max_evidence_age_seconds)
      }
      challengers.set({ context }, state.trials.length)
      followUpRatios.set({ context }, followUpRatio(state))
      cancelledRatios.set({ context }, cancelledRatio(state))
      for (const [name, count] of Object.entries(state.follow_up)) followUps.set({ context, state: name }, count)
      unprobed.set({ context }, evidence.unprobed_generations)
      openEnrolments.set({ context }, state.open_enrolments)
      unaccounted.set({ context }, state.open.unaccounted)
      const terms = state.guarantee ?? state.requested
      const { em_difference: difference, ...arms } = describeArms(state.arms, terms.error_level, terms.max_em_drop)
      for (const arm of ['control', 'treated'] as const) {
        if (arms[arm].em !== null) armEm.set({ context, arm }, arms[arm].em)
        if (arms[arm].tokens_mean !== null) armTokens.set({ context, arm }, arms[arm].tokens_mean)
      }
      for (const [bound, value] of Object.entries(difference ?? {})) emDifference.set({ context, bound }, value)
      for (const [i, { field, metric }] of totals.entries()) {
        if (!isLeaf(context)) break
        metric.inc({ context }, state[field])
        ofOthers[i]! -= state[field]
      }
      if (state.threshold === null) continue
      const shown = sumsInForce(state).reduce(mergeEvidence)
      thresholds.set({ context }, state.threshold)
      scorers.set({ context, scorer: state.serving ?? 'confidence' }, 1)
      emDrops.set({ context }, emDrop(shown, state.threshold_index))
      savedRatios.set({ context }, tokensSavedRatio(shown, state.threshold_index))
      grossRatios.set({ context }, grossSavedRatio(shown, state.threshold_index))
    }
    for (const [i, { metric }] of totals.entries()) metric.inc({ context: 'other' }, Math.max(0, ofOthers[i]!))
  }
}
