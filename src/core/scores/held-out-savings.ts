import { loosestPassing } from '../stats/certified-threshold.js'
import { GRID } from '../decide/grid.js'
import { stopsOf } from '../stats/trace.js'
import type { Policy } from '../policy/policy.js'
import type { UsableSample } from './sample.js'

/** Groups that an estimate for a context needs at least. */
export const MIN_GROUPS = 50

/** A generation whose steps are scored by a fit to other groups. */
export interface HeldOutRun {
  readonly sample: UsableSample
  /** By step. */
  readonly scores: readonly number[]
  /** Thresholds of that fit, safest first. The k-th one of each fit counts as the same threshold. */
  readonly grid: readonly number[]
}

/** The context that gathers the evidence of a leaf, and how it would stop. */
export interface EvidenceTerms extends Pick<Policy, 'max_em_drop' | 'min_tokens'> { readonly key: string }

/**
 * What a score would have saved in a context, by cross-validation over groups: the share of the tokens of full runs, at the loosest
 * threshold up to which the EM lost stays within the bound. Samples know neither what probes cost nor how long answers are, so the shares
 * are gross. Gains of EM by stopping are not counted.
 */
export interface HeldOutSavings {
  /** Generations that both shares rest on. */
  readonly generations: number
  /** The bound that was in force when the predictor was trained. */
  readonly max_em_drop: number
  readonly tokens_saved_gross_ratio: number
  /** The same for the raw confidence. */
  readonly tokens_saved_gross_ratio_confidence: number
}

/**
 * Estimates what a predictor, and the raw confidence, would have saved in each context with enough groups.
 * @param terms by leaf; the samples of a leaf that is not listed are not used
 */
export function heldOutSavings (
  runs: readonly HeldOutRun[], terms: Readonly<Record<string, EvidenceTerms>>
): Record<string, HeldOutSavings> {
  const byContext = new Map<string, { readonly terms: EvidenceTerms, readonly runs: HeldOutRun[] }>()
  for (const run of runs) {
    const own = terms[run.sample.leaf]
    if (own === undefined) continue
    const context = byContext.get(own.key)
    if (context === undefined) byContext.set(own.key, { terms: own, runs: [run] }); else context.runs.push(run)
  }
  const estimated = [...byContext].filter(([, { runs }]) => new Set(runs.map(({ sample }) => sample.u)).size >= MIN_GROUPS)
  return Object.fromEntries(estimated.map(([key, { terms, runs }]): [string, HeldOutSavings] => [key, {
    generations: runs.length,
    max_em_drop: terms.max_em_drop,
    tokens_saved_gross_ratio: savedWithin(terms, runs),
    tokens_saved_gross_ratio_confidence: savedWithin(terms, runs.map(byConfidence)),
  }]))
}

function byConfidence ({ sample }: HeldOutRun): HeldOutRun {
  return { sample, scores: sample.steps.map(({ confidence }) => confidence), grid: GRID }
}

/** The share of tokens saved at the loosest threshold that a walk from the safest reaches within the bound; 0: it reaches none. */
function savedWithin ({ max_em_drop: bound, min_tokens: minTokens }: EvidenceTerms, runs: readonly HeldOutRun[]): number {
  const thresholds = runs[0]!.grid.length
  const lost = new Array<number>(thresholds).fill(0)
  const saved = new Array<number>(thresholds).fill(0)
  let weights = 0
  let tokens = 0
  for (const { sample, scores, grid } of runs) {
    const steps = sample.steps.map(({ tokens, lost }, i) => ({ tokens, score: scores[i]!, difference: lost }))
    const trace = { tokens: sample.tokens, answerTokens: 0, em: null, isComplete: true, steps }
    weights += sample.weight
    tokens += sample.weight * sample.tokens
    for (const [k, stop] of stopsOf(trace, minTokens, grid).entries()) {
      lost[k]! += sample.weight * stop.delta
      saved[k]! += sample.weight * (sample.tokens - stop.tokens)
    }
  }
  const loosest = loosestPassing((k) => lost[k]! <= bound * weights, thresholds)
  return loosest === -1 ? 0 : saved[loosest]! / tokens
}
