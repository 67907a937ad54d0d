import { GRID } from '../certificate/thresholds.js'
import type { Levels } from '../policy/context.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { findPredictor, fingerprintOf, type LivePredictors } from '../predictor/predictor-version.js'
import type { Predictor } from '../predictor/predictor.js'

/** The score that thresholds are compared with. */
export interface Score {
  /** `null`: the raw confidence. */
  readonly predictor: Predictor | null
  /** Thresholds, safest first. */
  readonly grid: readonly number[]
}

const OF_CONFIDENCE: Score = { predictor: null, grid: GRID }

function scoreOf (predictor: Predictor | undefined): Score | undefined { return predictor && { predictor, grid: predictor.grid } }

/** The score that a policy names; `undefined`: its predictor is gone or retired, or made for another label or other levels. */
export function scoreOfPolicy ({ score, label }: Pick<Policy, 'score' | 'label'>, levels: Levels, predictors: LivePredictors): Score | undefined {
  if (score === CONFIDENCE) return OF_CONFIDENCE
  const predictor = predictors.get(score)
  return predictor?.label === label && predictor.levels === levels.join() ? scoreOf(predictor) : undefined
}

/** The part of the meaning of evidence that its score is: the same name may be that of another predictor later. */
export function scoreTerms (policy: Pick<Policy, 'score' | 'label'>, levels: Levels, predictors: LivePredictors) {
  const predictor = scoreOfPolicy(policy, levels, predictors)?.predictor ?? null
  return { score: policy.score, score_fingerprint: predictor === null ? null : fingerprintOf(predictor) }
}

type ScoreTerms = ReturnType<typeof scoreTerms>

/** The score that a context's epoch is about; `undefined`: its predictor is gone, so its outcomes are no evidence. */
export function scoreOfState ({ meaning }: { readonly meaning: ScoreTerms }, predictors: LivePredictors): Score | undefined {
  const { score, score_fingerprint: fingerprint } = meaning
  if (score === CONFIDENCE) return OF_CONFIDENCE
  return fingerprint === null ? undefined : scoreOf(findPredictor(predictors, { name: score, fingerprint }))
}
