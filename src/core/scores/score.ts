import { GRID } from '../decide/grid.js'
import type { Levels } from '../policy/context.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { findPredictor, fingerprintOf, type LivePredictors } from './predictor-version.js'
import { type Scorer, scoreStep } from '../decide/scorer.js'
import type { LoggedStep } from '../outcome/outcome.js'
import { type Predictor, scorerFor } from './predictor.js'

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

/** The weights of a score for a leaf; `null`: the raw confidence needs none. */
export function scorerOf ({ predictor }: Score, leaf: string): Scorer | null {
  return predictor === null ? null : scorerFor(predictor, leaf)
}

/** How a score values the steps of a leaf. */
export function scoring (score: Score, leaf: string): (step: ScoredStep) => number | null {
  const scorer = scorerOf(score, leaf)
  if (scorer === null) return ({ confidence }) => confidence
  return ({ tokens, confidence, signals }) => scoreStep(scorer, tokens, confidence, signals)
}

type ScoredStep = Pick<LoggedStep, 'tokens' | 'confidence' | 'signals'>

/** The score that an epoch is about; `undefined`: its predictor is gone, so its outcomes are no evidence. */
export function scoreOfEpoch ({ meaning }: { readonly meaning: ScoreTerms }, predictors: LivePredictors): Score | undefined {
  const { score, score_fingerprint: fingerprint } = meaning
  if (score === CONFIDENCE) return OF_CONFIDENCE
  return fingerprint === null ? undefined : scoreOf(findPredictor(predictors, { name: score, fingerprint }))
}
