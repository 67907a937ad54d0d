import { stepsAtCadence } from '../certificate/steps-at-cadence.js'
import { emDrop, grossSavedRatio, NO_EVIDENCE, tokensSavedRatio } from '../certificate/evidence.js'
import { addUnitTo, newSum } from '../certificate/evidence-sum.js'
import { GRID } from '../certificate/grid.js'
import { traceOfKept, type KeptTrace } from '../certificate/kept-trace.js'
import { stopsOf, type Trace } from '../certificate/stops.js'
import { unitOf } from '../certificate/unit.js'
import { openEpoch, type ContextState } from '../judgement/context-state.js'
import type { Cadence } from '../policy/cadence.js'
import type { Levels } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'

type CadenceFields = Pick<Policy, 'check_every_tokens' | 'check_growth' | 'min_tokens'>

/** Why the steps recorded at one cadence cannot show what another would; `null`: they can. */
export function cadenceProblem (recorded: CadenceFields, asked: CadenceFields): { path: string, message: string } | null {
  for (const field of ['check_every_tokens', 'check_growth'] as const) {
    if (asked[field] >= recorded[field]) continue
    const message = `must be at least ${recorded[field]}, the cadence that the steps were recorded at: nothing was asked in between`
    return { path: `/${field}`, message }
  }
  return null
}

/**
 * The state that a context would have if its kept traces had been asked at the policy's cadence and were all its evidence, and the two
 * cadences compared on them. Each check is taken at the first recorded step from where it is due.
 */
export function replayTraces (
  state: ContextState, policy: Policy, levels: Levels, kept: readonly KeptTrace[]) {
  const traces = kept.filter(({ epoch }) => epoch === state.epoch_name).map(traceOfKept)
  const index = state.serving === null ? Math.floor(state.threshold_index) : -1
  const recorded = replay(traces, state.meaning, index)
  const asked = replay(traces, policy, index)
  const opening = { time: state.epoch_started_at, name: state.epoch_name }
  const begun = openEpoch(state, 'policy', policy, levels, opening)
  const opened: ContextState = { ...begun, epoch: state.epoch, halves: [asked.evidence, NO_EVIDENCE] }
  return {
    asked: opened,
    /** At the threshold of the raw confidence that is in force. Where none is, the figures are of generations in full. */
    comparison: { threshold: index === -1 ? null : GRID[index]!, recorded: recorded.figures, asked: asked.figures },
  }
}

function replay (traces: readonly Trace[], fields: CadenceFields, index: number) {
  const { check_every_tokens: checkEveryTokens, check_growth: checkGrowth, min_tokens: minTokens } = fields
  const cadence: Cadence = { checkEveryTokens, checkGrowth, minTokens }
  const evidence = newSum(GRID.length)
  let [probes, checks] = [0, 0]
  for (const trace of traces) {
    const asked: Trace = { ...trace, ...stepsAtCadence(trace.steps, cadence) }
    const stops = stopsOf(asked, minTokens)
    addUnitTo(evidence, unitOf(asked, stops))
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
      em_drop: index === -1 ? 0 : emDrop(evidence, index),
      tokens_saved_ratio: index === -1 ? -probes / Math.max(1, full) : tokensSavedRatio(evidence, index),
      tokens_saved_gross_ratio: index === -1 ? 0 : grossSavedRatio(evidence, index),
      /** Means over the generations: tokens decoded for probes, and checks, until the stop. */
      probe_tokens: perGeneration(probes),
      checks: perGeneration(checks),
    },
  }
}
