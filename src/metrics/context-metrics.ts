import { Counter, Gauge, type Registry } from 'prom-client'
import { ROOT } from '../core/context.js'
import { evidenceOf, mergeHalves } from '../core/context-state.js'
import { describeArms } from '../core/describe-arms.js'
import { emDrop, tokensSavedRatio } from '../core/evidence.js'
import { halvesInForce } from '../core/family.js'
import type { Readings } from './metrics.js'

/** Per context: one reading of the states feeds all of these. */
export function watchContexts (registers: Registry[], { busiest, isLeaf }: Readings): () => Promise<void> {
  const labelNames = ['context'] as const
  const perContext = (name: string, help: string) => new Gauge({ name: `stopgate_context_${name}`, help, labelNames, registers })
  const thresholds = perContext('threshold', 'Certified threshold; absent: none')
  const scorers = new Gauge({
    name: 'stopgate_context_scorer',
    help: '1 for the score that the certified threshold is for: confidence, or a predictor by name; absent: none is certified',
    labelNames: ['context', 'scorer'],
    registers,
  })
  const challengers = perContext('challengers', 'Predictors on trial')
  const emDrops = perContext('em_drop', 'Net EM drop at the certified threshold, a fraction')
  const savedRatios = perContext('tokens_saved_ratio', 'Tokens the certified threshold saves, a fraction')
  const generations = perContext('control_generations', 'Control generations in the evidence')
  const unlabelled = perContext('unlabelled', 'Would-be evidence of this epoch whose label is missing')
  const unprobed = perContext('unprobed', 'Evidence that counts as the worst case at some threshold, for want of a probe')
  const waiting = perContext('awaiting_label', 'Outcomes that wait for their label, or behind one that does')
  const byArm = (name: string, help: string) => new Gauge({ name: `stopgate_context_${name}`, help, labelNames: ['context', 'arm'], registers })
  const armEm = byArm('arm_em', 'Mean EM of an arm while a threshold was in force')
  const armTokens = byArm('arm_tokens_mean', 'Mean tokens of a generation of an arm while a threshold was in force')
  const emDifference = new Gauge({
    name: 'stopgate_context_em_difference',
    help: 'EM of the treated minus control: estimate, and the bounds of an interval that stays valid however often one looks',
    labelNames: ['context', 'bound'],
    registers,
  })
  const saved = new Counter({
    name: 'stopgate_tokens_saved_total', help: 'Tokens saved by stopping, estimated from the control arm, by leaf', labelNames, registers,
  })

  return async () => {
    const shown = await busiest()
    let savedByOthers = shown.get(ROOT)?.tokens_saved ?? 0
    const all = [
      thresholds, scorers, challengers, emDrops, savedRatios, generations, unlabelled, unprobed, waiting, armEm, armTokens, emDifference,
      saved,
    ]
    for (const metric of all) metric.reset()
    for (const [context, state] of shown) {
      const evidence = evidenceOf(state)
      generations.set({ context }, evidence.generations)
      challengers.set({ context }, state.trials.length)
      unlabelled.set({ context }, state.unlabelled)
      unprobed.set({ context }, evidence.unprobed_generations)
      waiting.set({ context }, state.awaiting_label)
      const { em_difference: difference, ...arms } = describeArms(state.arms, state.guarantee?.error_level ?? state.wish.error_level)
      for (const arm of ['control', 'treated'] as const) {
        if (arms[arm].em !== null) armEm.set({ context, arm }, arms[arm].em)
        if (arms[arm].tokens_mean !== null) armTokens.set({ context, arm }, arms[arm].tokens_mean)
      }
      for (const [bound, value] of Object.entries(difference ?? {})) emDifference.set({ context, bound }, value)
      if (isLeaf(context)) {
        saved.inc({ context }, state.tokens_saved)
        savedByOthers -= state.tokens_saved
      }
      if (state.threshold === null) continue
      const shown = mergeHalves(halvesInForce(state))
      thresholds.set({ context }, state.threshold)
      scorers.set({ context, scorer: state.serving ?? 'confidence' }, 1)
      emDrops.set({ context }, emDrop(shown, state.threshold_index))
      savedRatios.set({ context }, tokensSavedRatio(shown, state.threshold_index))
    }
    saved.inc({ context: 'other' }, Math.max(0, savedByOthers))
  }
}
